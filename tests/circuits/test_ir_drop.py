"""Wire resistance against a sparse nodal solution, analytic limits, and network theory."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.linalg import splu

from imssa_sim.circuits.ir_drop import WireNetwork
from imssa_sim.circuits.reduced_wires import few_cells
from imssa_sim.circuits.transfer import Transfer, transfer_matrix
from imssa_sim.circuits.wires import Wires
from imssa_sim.errors import InputError


def reference(g, wires):
    """All currents by one sparse factorisation of the full nodal equations."""
    rows, lines = g.shape
    count = rows * lines
    w = np.arange(count).reshape(rows, lines)
    b = w + count
    stamps, fixed = [], []  # (node, node, G) and (node, driver row or -1 for ground, G)
    for i, j in itertools.product(range(rows), range(lines)):
        stamps.append((w[i, j], b[i, j], g[i, j]))
        if j + 1 < lines:
            stamps.append((w[i, j], w[i, j + 1], 1 / wires.word_resistance))
        if i + 1 < rows:
            stamps.append((b[i, j], b[i + 1, j], 1 / wires.bit_resistance))
    source = 1 / (wires.word_resistance + wires.source_resistance)
    sense = 1 / (wires.bit_resistance + wires.sense_resistance)
    sensed = []
    for i in range(rows):
        fixed += [(w[i, 0], i, source)] * (wires.drive in ("left", "both"))
        fixed += [(w[i, -1], i, source)] * (wires.drive in ("right", "both"))
    for j in range(lines):
        ends = [b[0, j]] * (wires.sense in ("top", "both"))
        ends += [b[-1, j]] * (wires.sense in ("bottom", "both"))
        fixed += [(node, -1, sense) for node in ends]
        sensed.append(ends)
    right = np.zeros((2 * count, rows))
    for node, driver, value in fixed:
        if driver >= 0:
            right[node, driver] += value
    m, n, value = (np.array(part) for part in zip(*stamps, strict=True))
    ended = np.array([node for node, _, _ in fixed])
    at = np.concatenate([m, n, m, n, ended]), np.concatenate([m, n, n, m, ended])
    what = np.concatenate([value, value, -value, -value, [x for _, _, x in fixed]])
    a = sparse.coo_matrix((what, at), shape=(2 * count, 2 * count))
    factor = splu(
        a.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0,
        options={"SymmetricMode": True},
    )
    solution = factor.solve(right)
    return np.stack([sense * solution[ends].sum(axis=0) for ends in sensed], axis=1), solution


def array(rows, lines, seed=0, low=1e-6, high=1e-4):
    return np.random.default_rng(seed).uniform(low, high, (rows, lines))


ENDS = list(itertools.product(("left", "right", "both"), ("bottom", "top", "both")))


@pytest.mark.parametrize(("drive", "sense"), ENDS)
@pytest.mark.parametrize("shape", [(5, 8), (8, 5), (1, 4), (4, 1), (1, 1)])
def test_equals_the_sparse_solution(drive, sense, shape):
    wires = Wires(2.0, 3.0, 50.0, 20.0, drive, sense)
    g = array(*shape)
    found = transfer_matrix(g, wires)
    expected, _ = reference(g, wires)
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-11)
    assert found.residual < 1e-11


@pytest.mark.parametrize("resistance", [0.1, 1.0, 20.0])
def test_larger_arrays_over_the_range_of_wires(resistance):
    g = array(24, 40)
    wires = Wires(resistance, resistance)
    expected, _ = reference(g, wires)
    np.testing.assert_allclose(transfer_matrix(g, wires).matrix, expected, rtol=1e-10)


def test_node_voltages():
    g = array(6, 7)
    wires = Wires(2.0, 3.0, 50.0, 20.0, "right", "top")
    _, solution = reference(g, wires)
    drive = np.random.default_rng(1).uniform(-0.2, 0.2, (3, 6))
    point = WireNetwork(g, wires).solve(drive)
    nodes = (solution @ drive.T).T
    np.testing.assert_allclose(point.word.reshape(3, -1), nodes[:, :42], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(point.bit.reshape(3, -1), nodes[:, 42:], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(point.currents, drive @ transfer_matrix(g, wires).matrix, rtol=1e-9)


def test_no_resistance_is_the_conductance_matrix():
    g = array(5, 6)
    found = transfer_matrix(g, Wires(0, 0))
    assert isinstance(found, Transfer)
    assert np.array_equal(found.matrix, g)


@pytest.mark.parametrize(
    "zero", ["word_resistance", "bit_resistance", "both_lines", "all_but_source"]
)
@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
def test_ideal_lines_are_the_limit_of_small_resistance(zero, shape):
    g = array(*shape)
    ends = {"source_resistance": 70.0, "sense_resistance": 30.0}
    if zero == "both_lines":
        lines = {"word_resistance": 0.0, "bit_resistance": 0.0}
    elif zero == "all_but_source":
        lines = {"word_resistance": 0.0, "bit_resistance": 0.0}
        ends["sense_resistance"] = 0.0
    else:
        lines = {"word_resistance": 5.0, "bit_resistance": 5.0, zero: 0.0}

    def at(small):
        return reference(g, Wires(**{k: v or small for k, v in {**lines, **ends}.items()}))[0]

    limit = 2 * at(0.01) - at(0.02)  # linear in a small resistance
    found = transfer_matrix(g, Wires(**lines, **ends)).matrix
    np.testing.assert_allclose(found, limit, rtol=1e-7)


def test_series_resistance_of_a_single_cell():
    found = transfer_matrix([[1e-4]], Wires(10.0, 20.0, 300.0, 400.0)).matrix
    assert found[0, 0] == pytest.approx(1 / (1e4 + 10 + 20 + 300 + 400), rel=1e-14)


def test_column_of_equal_cells_is_a_ladder():
    """One word line without resistance: the bit lines see parallel cells in series with wires."""
    g, r, rows = 1e-3, 50.0, 6
    found = transfer_matrix(np.full((rows, 1), g), Wires(0.0, r)).matrix[:, 0]
    # The ladder's chain matrix from the open end down, all rows driven with 1 V.
    voltage, current = np.poly1d([1.0, 0.0]), np.poly1d([0.0])  # of the open end's voltage x
    for _ in range(rows):
        current = current + g * (1 - voltage)
        voltage = voltage - r * current
    x = voltage.roots[0].real
    assert found.sum() == pytest.approx(current(x), rel=1e-10)


@given(
    st.integers(1, 7), st.integers(1, 7), st.sampled_from(ENDS), st.integers(0, 10**6),
    st.floats(0.01, 1e3), st.floats(0.01, 1e3),
)  # fmt: skip
def test_physics(rows, lines, ends, seed, word, bit):
    g = array(rows, lines, seed)
    wires = Wires(word, bit, 10.0, 5.0, *ends)
    k = transfer_matrix(g, wires).matrix
    assert np.all(k > 0)
    assert np.all(k.sum(axis=0) <= g.sum(axis=0) * (1 + 1e-12))  # wires only lose current
    doubled = transfer_matrix(g / 2, Wires(2 * word, 2 * bit, 20.0, 10.0, *ends)).matrix
    np.testing.assert_allclose(doubled, k / 2, rtol=1e-9)  # admittance level
    worse = transfer_matrix(g, Wires(2 * word, 2 * bit, 20.0, 10.0, *ends)).matrix
    assert worse.sum() < k.sum()
    flipped = Wires(
        word, bit, 10.0, 5.0, {"left": "right", "right": "left"}.get(ends[0], "both"), ends[1]
    )
    mirrored = transfer_matrix(g[:, ::-1], flipped).matrix
    np.testing.assert_allclose(mirrored[:, ::-1], k, rtol=1e-9)


@pytest.mark.parametrize(
    ("g", "wires"),
    [
        ([[-1.0]], {"word_resistance": 1.0, "bit_resistance": 1.0}),
        ([[np.nan]], {"word_resistance": 1.0, "bit_resistance": 1.0}),
        ([1.0], {"word_resistance": 1.0, "bit_resistance": 1.0}),
        ([[1.0]], {"word_resistance": -1.0, "bit_resistance": 1.0}),
        ([[1.0]], {"word_resistance": np.inf, "bit_resistance": 1.0}),
    ],
)
def test_nonsense_is_refused(g, wires):
    with pytest.raises(InputError):
        transfer_matrix(g, Wires(**wires))


def test_cells_of_zero_conductance_are_allowed():
    g = array(24, 24)
    g[:, 2] = 0.0
    g[3] = 0.0
    k = transfer_matrix(g, Wires(1.0, 1.0)).matrix
    assert np.allclose(k[:, 2], 0, atol=1e-20)
    assert np.allclose(k[3], 0, atol=1e-20)


@pytest.mark.parametrize(("drive", "sense"), ENDS)
@pytest.mark.parametrize("lines", [(40.0, 30.0), (0.0, 30.0), (40.0, 0.0), (0.0, 0.0)])
def test_sensitivity_is_the_derivative(drive, sense, lines):
    g = array(4, 6)
    wires = Wires(*lines, 100.0, 0.0, drive, sense)
    found = transfer_matrix(g, wires, sensitive=np.ones(g.shape, dtype=bool)).sensitivity
    for i, j in itertools.product(range(4), range(6)):
        step = np.zeros_like(g)
        step[i, j] = 1e-8
        up, down = (transfer_matrix(g + s * step, wires).matrix[i, j] for s in (1, -1))
        assert found[i, j] == pytest.approx((up - down) / 2e-8, rel=1e-6)


def sparse_array(rows, lines, cells, seed=0):
    """An array of which only some crossings conduct; row 1 and line 2 have none."""
    rng = np.random.default_rng(seed)
    g = np.zeros(rows * lines)
    g[rng.permutation(rows * lines)[:cells]] = rng.uniform(1e-7, 1e-4, cells)
    g = g.reshape(rows, lines)
    g[1], g[:, 2] = 0.0, 0.0
    return g


@pytest.mark.parametrize(("drive", "sense"), ENDS)
@pytest.mark.parametrize("shape", [(7, 12), (12, 7)])
@pytest.mark.parametrize("cells", [1, 6, 30])
def test_reduced_networks_equal_the_solution_of_all_nodes(drive, sense, shape, cells):
    g = sparse_array(*shape, cells, seed=cells)
    g[0, 0] = 3e-5
    wires = Wires(2.0, 3.0, 50.0, 20.0, drive, sense)
    assert few_cells(g > 0, wires)
    found = transfer_matrix(g, wires, sensitive=g > 0)
    expected, _ = reference(g, wires)
    # A nodal matrix rounds voltages of 1 V; where nothing but these is left, none is right.
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-10, atol=1e-18)
    network = WireNetwork(g, wires)
    np.testing.assert_allclose(found.matrix, network.transfer(), rtol=1e-10, atol=1e-18)
    sensitivity = network.own_drops() * network.end_drops()
    np.testing.assert_allclose(found.sensitivity[g > 0], sensitivity[g > 0], rtol=1e-10, atol=1e-15)
    assert found.residual < 1e-11


def test_the_network_of_a_recurrence_is_reduced():
    """Blocks of 2 by 2 for the state, a row of inputs and a column of outputs, lines in pairs."""
    rng, states = np.random.default_rng(0), 64
    weights = np.kron(np.eye(states // 2), np.ones((2, 2)))
    weights = np.block([[weights, np.ones((states, 1))], [np.ones((1, states)), np.ones((1, 1))]])
    g = np.zeros((states + 1, states + 1, 2))
    row, column = np.nonzero(weights)
    g[row, column, rng.integers(2, size=len(row))] = rng.uniform(2e-7, 1.6e-5, len(row))
    g = g.reshape(states + 1, -1)
    wires = Wires(2.0, 2.0, 100.0, 50.0)
    assert few_cells(g > 0, wires)
    network = WireNetwork(g, wires)
    np.testing.assert_allclose(
        transfer_matrix(g, wires).matrix, network.transfer(), rtol=1e-10, atol=1e-18
    )


def test_full_arrays_and_ideal_lines_are_not_reduced():
    full, some = np.ones((2, 3), dtype=bool), np.eye(3, dtype=bool)
    assert not few_cells(full, Wires(1.0, 1.0))
    assert few_cells(some, Wires(1.0, 1.0))
    assert not few_cells(some, Wires(0.0, 1.0))
    assert not few_cells(some, Wires(1.0, 0.0))


def test_empty_cells_that_fluctuate_have_a_sensitivity():
    g = sparse_array(6, 9, 8)
    wires = Wires(20.0, 30.0, 100.0, 50.0)
    asked = np.zeros(g.shape, dtype=bool)
    asked[1, 2] = asked[0, 3] = True
    found = transfer_matrix(g, wires, sensitive=asked).sensitivity
    network = WireNetwork(g, wires)
    expected = network.own_drops() * network.end_drops()
    np.testing.assert_allclose(found[asked], expected[asked], rtol=1e-10)


def test_an_array_that_conducts_nothing_has_no_drops():
    found = transfer_matrix(
        np.zeros((3, 4)), Wires(1.0, 2.0), sensitive=np.ones((3, 4), dtype=bool)
    )
    assert not found.matrix.any()
    assert np.array_equal(found.sensitivity, np.ones((3, 4)))
