"""Elimination of a crossbar's nodes, against a dense solution of all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from imssa_sim.kernels.crossbar import (
    eliminate_rows,
    node_voltages,
    sweep_from_drivers,
    sweep_from_senses,
)

ROWS, LINES = 5, 9
WORDS = [(0.3, 0.2, 0.0), (0.3, 0.2, 0.1), (0.0, 0.2, 0.1)]
"""Segment, low and high end [S]; the last line is one node."""
BITS = [(0.5, 0.0, 0.4), (0.5, 0.2, 0.4)]


def nodal(g, word, bit):
    """Nodal matrix, word nodes first, and the conductance from each driver (2RP, R)."""
    rows, size = g.shape
    nodes = np.arange(2 * g.size).reshape(2, rows, size)
    matrix, source = np.zeros((2 * g.size, 2 * g.size)), np.zeros((2 * g.size, rows))

    def join(a, b, value):
        matrix[a, a] += value
        matrix[b, b] += value
        matrix[a, b] -= value
        matrix[b, a] -= value

    for i, j in itertools.product(range(rows), range(size)):
        join(nodes[0, i, j], nodes[1, i, j], g[i, j])
        if j + 1 < size:
            join(nodes[0, i, j], nodes[0, i, j + 1], word[0] or 1e6)
        if i + 1 < rows:
            join(nodes[1, i, j], nodes[1, i + 1, j], bit[0])
    for i, (j, value) in itertools.product(range(rows), ((0, word[1]), (size - 1, word[2]))):
        matrix[nodes[0, i, j], nodes[0, i, j]] += value
        source[nodes[0, i, j], i] += value
    for j, (i, value) in itertools.product(range(size), ((0, bit[1]), (rows - 1, bit[2]))):
        matrix[nodes[1, i, j], nodes[1, i, j]] += value
    return matrix, source


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("bit", BITS)
def test_voltages_and_sweeps_are_those_of_all_nodes(word, bit):
    g = np.random.default_rng(1).uniform(1e-3, 1e-1, (ROWS, LINES))
    g[2, 3] = 0.0
    lines = np.array(word), np.array(bit)
    schur, source = np.empty((ROWS, LINES, LINES)), np.empty((ROWS, LINES))
    assert eliminate_rows(g, *lines, schur, source)
    matrix, driven = nodal(g, word, bit)
    inverse = np.linalg.inv(matrix)
    close = {"rtol": 1e-5, "atol": 1e-7}  # one node is 1e6 S here

    drive = np.random.default_rng(2).uniform(-1, 1, (2, ROWS))
    found = np.empty((2, 2, ROWS, LINES))
    node_voltages(g, *lines, schur, source, drive, *found)
    expected = (inverse @ driven @ drive.T).T.reshape(2, 2, ROWS, LINES).transpose(1, 0, 2, 3)
    np.testing.assert_allclose(found, expected, **close)

    own = np.empty((ROWS, LINES))
    sweep_from_drivers(g, *lines, schur, source, own)
    each = (inverse @ driven).T.reshape(ROWS, 2, ROWS, LINES)
    place = np.arange(ROWS)
    np.testing.assert_allclose(own, (each[:, 0] - each[:, 1])[place, place], **close)

    ends = np.zeros((2, ROWS, LINES, LINES))
    for j, (i, value) in itertools.product(range(LINES), ((0, bit[1]), (ROWS - 1, bit[2]))):
        ends[1, i, j, j] += value
    sensed = inverse @ ends.reshape(-1, LINES)
    transfer, drops = np.empty((2, ROWS, LINES))
    sweep_from_senses(g, *lines, schur, source, transfer, drops)
    np.testing.assert_allclose(transfer, driven.T @ sensed, **close)
    column = np.arange(LINES)
    at_ends = sensed.reshape(2, ROWS, LINES, LINES)[:, :, column, column]
    np.testing.assert_allclose(drops, at_ends[1] - at_ends[0], **close)


def test_a_line_connected_to_nothing_is_told():
    g = np.zeros((2, 3))
    lines = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    assert not eliminate_rows(g, *lines, np.empty((2, 3, 3)), np.empty((2, 3)))
