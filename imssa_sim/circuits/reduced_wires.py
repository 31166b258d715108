"""Wires of a crossbar with few cells: nodes without a cell are merged into one resistance.

Where a word line crosses a bit line without a conducting cell between them, each is a piece of
wire in series with the next. What remains, two nodes for each cell, is a sparse network
(`imssa_sim.kernels.resistors`); the result is that of all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.wires import Wires

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class _Ends:
    """Where lines are connected: nodes, lines (n,) and conductances [S]."""

    node: IntArray
    line: IntArray
    value: FloatArray


CELLS_PER_LINE = 2.5
"""Up to so many cells per word and bit line, scattered at random, the reduced network takes less
time than all nodes (benchmarks/ir_drop.py); those of one recurrence are closer to a tree."""


def few_cells(cells: BoolArray, wires: Wires) -> bool:
    """Return whether a crossbar with these cells (R, P) is solved faster in this form.

    It has to have crossings without a cell. Lines without resistance are not treated here.
    """
    count = np.count_nonzero(cells)
    resistive = bool(wires.word_resistance and wires.bit_resistance)
    return resistive and bool(count < cells.size and count <= CELLS_PER_LINE * sum(cells.shape))


def solve_reduced(
    conductance: FloatArray, cells: BoolArray, wires: Wires, drive: FloatArray, sensitive: bool
) -> tuple[FloatArray, float, FloatArray | None]:
    """Solve a crossbar of which only some cells matter.

    Parameters
    ----------
    conductance : array (R, P)
        [S]; zero but at ``cells``.
    cells : bool array (R, P)
    wires : Wires
        Both lines have resistance.
    drive : array (R,)
        Voltages on which Kirchhoff's current law and superposition are checked [V].
    sensitive : bool
        Whether to give sensitivities.

    Returns
    -------
    matrix, residual, sensitivity
        As in `imssa_sim.circuits.transfer.Transfer`; cells that do not matter have none.
    """
    from imssa_sim.kernels.resistors import solve_resistors

    rows, lines = conductance.shape
    row, line = np.nonzero(cells)
    count = len(row)
    matrix = np.zeros((rows, lines))
    own = np.zeros((rows, lines)) if sensitive else None
    if not count:
        return matrix, 0.0, own
    word = np.arange(count)
    down = np.lexsort((row, line))
    first, second, value = (
        np.concatenate(parts)
        for parts in zip(
            (word, word + count, conductance[row, line]),
            _segments(word, row, line, wires.word_resistance),
            _segments(down + count, line[down], row[down], wires.bit_resistance),
            strict=True,
        )
    )
    driven = _ends(
        word, row, line, lines, wires.word_resistance, wires.source_resistance,
        low=wires.drive != "right", high=wires.drive != "left",
    )  # fmt: skip
    sensed = _ends(
        down + count, line[down], row[down], rows, wires.bit_resistance, wires.sense_resistance,
        low=wires.sense != "bottom", high=wires.sense != "top",
    )  # fmt: skip
    ground = np.zeros(2 * count)
    for ends in (driven, sensed):
        np.add.at(ground, ends.node, ends.value)
    # Currents into the nodes: a volt at each driver, at all drivers together, at each sense end.
    nodes = np.zeros((2 * count, rows + 1 + (lines if sensitive else 0)))
    np.add.at(nodes, (driven.node, driven.line), driven.value)
    np.add.at(nodes[:, rows], driven.node, driven.value * drive[driven.line])
    if sensitive:
        np.add.at(nodes, (sensed.node, rows + 1 + sensed.line), sensed.value)
    solve_resistors(first, second, value, ground, nodes)
    np.add.at(matrix.T, sensed.line, sensed.value[:, None] * nodes[sensed.node, :rows])
    if own is not None:
        bit = word + count
        fallen = nodes[word, row] - nodes[bit, row]
        risen = nodes[bit, rows + 1 + line] - nodes[word, rows + 1 + line]
        own[row, line] = fallen * risen
    level = nodes[:, rows]
    flow = value * (level[first] - level[second])
    entering = driven.value * (drive[driven.line] - level[driven.node])
    leaving = sensed.value * level[sensed.node]
    excess = np.zeros(2 * count)
    np.add.at(excess, first, -flow)
    np.add.at(excess, second, flow)
    np.add.at(excess, driven.node, entering)
    np.add.at(excess, sensed.node, -leaving)
    currents = np.bincount(sensed.line, leaving, lines)
    departure = np.abs(currents - drive @ matrix).max()
    scale = np.abs(flow).max()
    worst = max(np.abs(excess).max(), departure)
    return matrix, float(worst / scale) if scale else 0.0, own


def _segments(
    node: IntArray, line: IntArray, place: IntArray, resistance: float
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the wires between neighbouring cells of a line; cells in the order of their lines."""
    same = line[1:] == line[:-1]
    return node[:-1][same], node[1:][same], 1.0 / (resistance * np.diff(place)[same])


def _ends(
    node: IntArray, line: IntArray, place: IntArray, size: int, resistance: float,
    beyond: float, *, low: bool, high: bool,
) -> _Ends:  # fmt: skip
    """Return the connections of lines at their lower and higher ends, as far as there are any."""
    change = np.flatnonzero(np.diff(line)) + 1
    found = []
    if low:
        at = np.concatenate([[0], change])
        found.append((at, resistance * (place[at] + 1) + beyond))
    if high:
        at = np.concatenate([change - 1, [len(line) - 1]])
        found.append((at, resistance * (size - place[at]) + beyond))
    at, behind = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Ends(node[at], line[at], 1.0 / behind)
