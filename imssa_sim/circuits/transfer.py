"""What a crossbar with resistive wires does as a whole, and how much each cell counts there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.circuits.ir_drop import WireNetwork
from imssa_sim.circuits.wires import Wires
from imssa_sim.errors import InternalError

FloatArray = NDArray[np.float64]

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
        How much each cell's conductance moves its own element of the matrix, between 0 and 1.
    """

    matrix: FloatArray
    residual: float
    sensitivity: FloatArray | None = None


def transfer_matrix(conductance: ArrayLike, wires: Wires, *, sensitive: bool = False) -> Transfer:
    """Return the transfer matrix of a crossbar, checked on a random drive.

    The elimination runs along the longer side of the array; by reciprocity the array seen from
    its sense ends has the transposed transfer matrix. The derivative of an element by its own cell
    is the drop across the cell per volt at its driver, times the drop per volt at its sense end
    (Tellegen's theorem).

    Parameters
    ----------
    conductance : array (R, P)
        Of the cells [S].
    wires : Wires
    sensitive : bool
        Whether the sensitivity is wanted.

    Raises
    ------
    InputError
        See `WireNetwork`.
    InternalError
        The residual exceeds `RESIDUAL_LIMIT`.
    """
    g = np.asarray(conductance, dtype=np.float64)
    if wires.ideal:
        return Transfer(np.array(g), 0.0, np.ones(g.shape) if sensitive else None)
    swapped = g.ndim == 2 and g.shape[1] > g.shape[0]
    with _one_thread():
        network = WireNetwork(g.T, wires.swapped()) if swapped else WireNetwork(g, wires)
        matrix = network.transfer()
        # Superposition: one drive that excites every source stands for all of them.
        drive = np.random.default_rng(0).uniform(0.5, 1.0, len(matrix))
        point = network.solve(drive)
        direct = drive @ matrix
        own = network.own_drops() * network.end_drops() if sensitive else None
    departure = np.abs(point.currents[0] - direct).max() / max(np.abs(direct).max(), 1e-300)
    residual = max(point.residual, float(departure))
    if not residual <= RESIDUAL_LIMIT:
        raise InternalError(f"the wire equations leave a residual of {residual:.1e}")
    if not swapped:
        return Transfer(matrix, residual, own)
    return Transfer(
        np.ascontiguousarray(matrix.T), residual, None if own is None else np.array(own.T)
    )


def _one_thread() -> AbstractContextManager[object]:
    """Keep BLAS to one thread: blocks are small, and threads that wait for each other cost more.

    On a busy machine the difference is a factor of ten to a hundred.
    """
    limited: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limited


@cache
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401 - has a BLAS of its own
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
