"""What a crossbar with resistive wires does as a whole, and how much each cell counts there.

Arrays with few conducting cells are reduced to these (`reduced_wires`), all others are eliminated
row by row (`ir_drop`); see docs/decisions/0010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.circuits.ir_drop import WireNetwork
from imssa_sim.circuits.reduced_wires import few_cells, solve_reduced
from imssa_sim.circuits.wires import Wires
from imssa_sim.errors import InputError, InternalError
from imssa_sim.threads import use_threads

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

RESIDUAL_LIMIT = 1e-7
"""Largest violation of Kirchhoff's current law that is accepted, relative to the largest branch
current; roundoff stays orders of magnitude below it."""


@dataclass(frozen=True)
class Transfer:
    """What a crossbar does as a whole.

    Attributes
    ----------
    matrix : array (R, P)
        Current that leaves bit line j, both ends together, per volt on word line i [S].
    residual : float
        Largest violation of Kirchhoff's current law at any node for a random drive, relative to
        the largest branch current.
    sensitivity : array (R, P) or None
        How much each cell's conductance moves its own element of the matrix, between 0 and 1. None
        where no cell's was asked for; those of other cells may be zero.
    """

    matrix: FloatArray
    residual: float
    sensitivity: FloatArray | None = None


def transfer_matrix(
    conductance: ArrayLike, wires: Wires, *, sensitive: BoolArray | None = None
) -> Transfer:
    """Return the transfer matrix of a crossbar, checked on a random drive.

    The derivative of an element by its own cell is the drop across the cell per volt at its driver,
    times the drop per volt at its sense end (Tellegen's theorem).

    Parameters
    ----------
    conductance : array (R, P)
        Of the cells [S].
    wires : Wires
    sensitive : bool array (R, P), optional
        Cells whose sensitivity is wanted.

    Raises
    ------
    InputError
        If the conductances are not finite or negative.
    InternalError
        The residual exceeds `RESIDUAL_LIMIT`.
    """
    g = np.asarray(conductance, dtype=np.float64)
    if g.ndim != 2 or not g.size or not np.all(np.isfinite(g)) or np.any(g < 0):
        raise InputError("conductances must be a matrix of finite numbers, none negative")
    if wires.ideal or not g.any():  # without current nothing drops
        return Transfer(np.array(g), 0.0, None if sensitive is None else np.ones(g.shape))
    cells = g > 0 if sensitive is None else (g > 0) | sensitive
    if few_cells(cells, wires):
        drive = np.random.default_rng(0).uniform(0.5, 1.0, len(g))
        found = Transfer(*solve_reduced(g, cells, wires, drive, sensitive is not None))
    else:
        with use_threads(1):  # blocks are small
            found = _eliminated(g, wires, sensitive is not None)
    if not found.residual <= RESIDUAL_LIMIT:
        raise InternalError(f"the wire equations leave a residual of {found.residual:.1e}")
    return found


def _eliminated(g: FloatArray, wires: Wires, sensitive: bool) -> Transfer:
    """Eliminate all nodes along the longer side of the array.

    By reciprocity the array seen from its sense ends has the transposed transfer matrix.
    """
    swapped = g.shape[1] > g.shape[0]
    network = WireNetwork(g.T, wires.swapped()) if swapped else WireNetwork(g, wires)
    matrix = network.transfer()
    # Superposition: one drive that excites every source stands for all of them.
    drive = np.random.default_rng(0).uniform(0.5, 1.0, len(matrix))
    point = network.solve(drive)
    direct = drive @ matrix
    departure = np.abs(point.currents[0] - direct).max() / max(np.abs(direct).max(), 1e-300)
    residual = max(point.residual, float(departure))
    own = network.own_drops() * network.end_drops() if sensitive else None
    if not swapped:
        return Transfer(matrix, residual, own)
    return Transfer(
        np.ascontiguousarray(matrix.T), residual, None if own is None else np.array(own.T)
    )
