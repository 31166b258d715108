"""Networks of resistors against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from imssa_sim.kernels.resistors import solve_resistors


def exact(first, second, value, ground, currents):
    """Solve the nodal equations in fractions."""
    size = len(ground)
    matrix = [[Fraction(0)] * size for _ in range(size)]
    for node, part in enumerate(ground):
        matrix[node][node] += Fraction(float(part))
    for a, b, part in zip(first, second, map(float, value), strict=True):
        for m, n, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            matrix[m][n] += sign * Fraction(part)
    right = [[Fraction(float(x)) for x in row] for row in currents]
    for k in range(size):  # symmetric and positive definite: no pivoting
        for m in range(k + 1, size):
            factor = matrix[m][k] / matrix[k][k]
            matrix[m] = [x - factor * y for x, y in zip(matrix[m], matrix[k], strict=True)]
            right[m] = [x - factor * y for x, y in zip(right[m], right[k], strict=True)]
    for k in reversed(range(size)):
        for m in range(k + 1, size):
            factor = matrix[k][m]
            right[k] = [x - factor * y for x, y in zip(right[k], right[m], strict=True)]
        right[k] = [x / matrix[k][k] for x in right[k]]
    return np.array([[float(x) for x in row] for row in right])


def network(size, branches, seed, spread=2.0):
    rng = np.random.default_rng(seed)
    first = rng.integers(size, size=branches)
    second = (first + rng.integers(1, size, branches)) % size
    chain = np.arange(size - 1)
    first, second = np.concatenate([first, chain]), np.concatenate([second, chain + 1])
    value = 10.0 ** rng.uniform(-spread, spread, len(first))
    ground = np.zeros(size)
    ground[rng.integers(size, size=2)] = 10.0 ** rng.uniform(-spread, spread, 2)
    currents = np.zeros((size, 3))
    currents[rng.integers(size, size=3), np.arange(3)] = 1.0
    return first, second, value, ground, currents


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("size", "branches"), [(2, 1), (9, 4), (12, 20), (12, 70)])
@pytest.mark.parametrize("spread", [1.0, 8.0])
def test_every_voltage_has_all_its_digits(size, branches, seed, spread):
    """Parallel branches occur; conductances differ by up to 1e16, voltages by more."""
    given = network(size, branches, seed, spread)
    nodes = given[-1].copy()
    solve_resistors(*given[:-1], nodes)
    np.testing.assert_allclose(nodes, exact(*given), rtol=1e-13)


def test_a_single_node():
    nodes = np.array([[1.0, 0.0]])
    none = np.zeros(0, dtype=np.int64)
    solve_resistors(none, none, np.zeros(0), np.array([4.0]), nodes)
    assert nodes.tolist() == [[0.25, 0.0]]


def test_branches_of_no_conductance_do_not_count():
    one, two = np.array([0, 0]), np.array([1, 1])
    nodes = np.array([[1.0], [0.0]])
    solve_resistors(one, two, np.array([0.0, 0.0]), np.array([2.0, 5.0]), nodes)
    assert nodes.ravel().tolist() == [0.5, 0.0]


def test_one_drive_has_the_voltages_that_it_has_among_others():
    *given, currents = network(12, 20, 3)
    alone = currents[:, :1].copy()
    solve_resistors(*given, alone)
    np.testing.assert_allclose(alone, exact(*given, currents[:, :1]), rtol=1e-13)
