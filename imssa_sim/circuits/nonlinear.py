"""A crossbar of non-linear cells behind resistive wires, by Newton's method.

Kirchhoff's current law at all nodes, cells with I = I(G, V). Each step solves the linearised
network by a sparse factorisation; the start is the linear solution. It ends when the largest
violation of the law falls below a bound, or is an error: there is no result without convergence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.conduction import Conduction
from imssa_sim.errors import InputError, InternalError

FloatArray = NDArray[np.float64]

ROUNDING_STEPS = 8
"""Last places of the largest voltage that a node's voltage may be off by."""


@dataclass(frozen=True)
class NonlinearPoint:
    """An operating point.

    Attributes
    ----------
    currents : array (P,)
        Out of the bit lines [A].
    word, bit : array (R, P)
        Node voltages [V].
    residual : float
        Largest violation of Kirchhoff's current law, relative to the largest branch current.
    iterations : int
        Newton steps.
    """

    currents: FloatArray
    word: FloatArray
    bit: FloatArray
    residual: float
    iterations: int


def solve_nonlinear(
    conductance: ArrayLike,
    wires: Wires,
    voltages: ArrayLike,
    conduction: Conduction,
    *,
    tolerance: float = 1e-12,
    max_iterations: int = 50,
) -> NonlinearPoint:
    """Return the operating point of a crossbar of non-linear cells.

    Parameters
    ----------
    conductance : array (R, P)
        At small voltage [S].
    wires : Wires
        Every end needs some resistance; lines without any are `conduction.current` itself.
    voltages : array (R,)
        At the drivers [V].
    conduction : Conduction
    tolerance : float
        On the residual, or what the rounding of node voltages alone makes of it, if that is more.
    max_iterations : int

    Raises
    ------
    InputError
        Shapes do not agree, or a line has no resistance.
    InternalError
        No convergence.
    """
    g = np.asarray(conductance, dtype=np.float64)
    drive = np.asarray(voltages, dtype=np.float64)
    if g.ndim != 2 or drive.shape != g.shape[:1]:
        raise InputError(f"{g.shape} conductances need as many voltages as rows, not {drive.shape}")
    if not (wires.word_resistance and wires.bit_resistance):
        raise InputError("the non-linear solution needs resistance on word lines and bit lines")
    network = _Network(g.shape, wires, drive)
    nodes = network.solve(g, np.zeros_like(g))  # the linear solution
    for iteration in range(1, max_iterations + 1):
        drop = network.drop(nodes)
        current, slope = conduction.current(g, drop), conduction.slope(g, drop)
        nodes = network.solve(slope, current - slope * drop)
        current = conduction.current(g, network.drop(nodes))
        residual, rounding = network.residual(nodes, current)
        if residual <= max(tolerance, rounding):
            word, bit = network.split(nodes)
            return NonlinearPoint(network.sensed(nodes), word, bit, residual, iteration)
    raise InternalError(f"Newton's method left a residual of {residual:.1e}")


class _Network:
    """The wires of a crossbar as a sparse matrix; cells are added for each solution."""

    def __init__(self, shape: tuple[int, int], wires: Wires, drive: FloatArray) -> None:
        from scipy import sparse

        rows, columns = shape
        self.shape, self.wires = shape, wires
        count = rows * columns
        word = np.arange(count).reshape(rows, columns)
        bit = word + count
        self.cell_nodes = word.ravel(), bit.ravel()
        along = [
            (word[:, :-1].ravel(), word[:, 1:].ravel(), 1 / wires.word_resistance),
            (bit[:-1].ravel(), bit[1:].ravel(), 1 / wires.bit_resistance),
        ]
        first, second = (np.concatenate([part[k] for part in along]) for k in (0, 1))
        value = np.concatenate([np.full(len(a), g) for a, _, g in along])
        self.segments = first, second, value
        self.source = 1 / (wires.word_resistance + wires.source_resistance)
        self.sense = 1 / (wires.bit_resistance + wires.sense_resistance)
        drives = {"left": [0], "right": [-1], "both": [0, -1]}[wires.drive]
        senses = {"top": [0], "bottom": [-1], "both": [0, -1]}[wires.sense]
        self.driven = [word[:, k] for k in drives]
        self.ends = [bit[k] for k in senses]
        self.right = np.zeros(2 * count)
        grounded, to_ground = [], []
        for nodes in self.driven:
            self.right[nodes] += self.source * drive
            grounded.append(nodes)
            to_ground.append(np.full(len(nodes), self.source))
        for nodes in self.ends:
            grounded.append(nodes)
            to_ground.append(np.full(len(nodes), self.sense))
        place = np.concatenate(grounded)
        self.matrix: Any = _stamps(first, second, value, 2 * count) + sparse.csc_matrix(
            (np.concatenate(to_ground), (place, place)), shape=(2 * count, 2 * count)
        )

    def solve(self, conductance: FloatArray, offset: FloatArray) -> FloatArray:
        """Return node voltages with cells of I = conductance·V + offset."""
        from scipy.sparse.linalg import splu

        word, bit = self.cell_nodes
        cells = _stamps(word, bit, conductance.ravel(), len(self.right))
        right = self.right.copy()
        right[word] -= offset.ravel()
        right[bit] += offset.ravel()
        factor = splu(
            (self.matrix + cells).tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
        return np.asarray(factor.solve(right))

    def split(self, nodes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return word-line and bit-line voltages (R, P)."""
        word, bit = nodes.reshape(2, *self.shape)
        return word, bit

    def drop(self, nodes: FloatArray) -> FloatArray:
        """Return the voltages across the cells (R, P)."""
        word, bit = self.split(nodes)
        return word - bit

    def residual(self, nodes: FloatArray, current: FloatArray) -> tuple[float, float]:
        """Return the largest violation of the current law, and what rounding alone may make of it.

        Both are relative to the largest branch current. A voltage rounded to its last place moves
        the current of the best conducting segment by more than a cell's current may be accurate to.
        """
        first, second, value = self.segments
        excess = self.matrix @ nodes - self.right
        word, bit = self.cell_nodes
        excess[word] += current.ravel()
        excess[bit] -= current.ravel()
        flow = value * (nodes[first] - nodes[second])
        scale = max(np.abs(current).max(), np.abs(flow).max(initial=0.0))
        if not scale:
            return 0.0, 0.0
        stiffest = max(value.max(initial=0.0), self.source, self.sense)
        rounding = ROUNDING_STEPS * np.finfo(float).eps * np.abs(nodes).max() * stiffest / scale
        return float(np.abs(excess).max() / scale), float(rounding)

    def sensed(self, nodes: FloatArray) -> FloatArray:
        """Return the currents out of the bit lines (P,)."""
        return np.asarray(self.sense * sum(nodes[end] for end in self.ends))


def _stamps(
    first: NDArray[np.integer], second: NDArray[np.integer], value: FloatArray, size: int
) -> Any:
    """Return the nodal matrix of conductances between pairs of nodes."""
    from scipy import sparse

    rows = np.concatenate([first, second, first, second])
    columns = np.concatenate([first, second, second, first])
    values = np.concatenate([value, value, -value, -value])
    return sparse.csc_matrix((values, (rows, columns)), shape=(size, size))
