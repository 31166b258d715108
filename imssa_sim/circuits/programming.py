"""What writing the cells of tiles takes, and the pulse-by-pulse way of doing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates, normals
from imssa_sim.devices.cell import Cell
from imssa_sim.devices.write import IncrementalPulses
from imssa_sim.devices.write_verify import write_verify
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class ProgrammingEffort:
    """What writing the tiles took, each array (T,).

    Attributes
    ----------
    cells : int array
        Cells written.
    pulses : float array
        Write pulses.
    time, row_time : float array
        Cell after cell; row after row, the cells of a row together until the slowest is done [s].
    energy : float array
        [J]
    failed : int array
        Cells that the write-verify loop gave up; zero where it is not simulated.
    """

    cells: IntArray
    pulses: FloatArray
    time: FloatArray
    row_time: FloatArray
    energy: FloatArray
    failed: IntArray


def mean_cost(cell: Cell, targets: FloatArray, in_use: BoolArray) -> ProgrammingEffort:
    """Return the mean cost by the card's pulse counts; zeros without a write form.

    Parameters
    ----------
    cell : Cell
    targets : array (T, R, P)
        [S]
    in_use : bool array (T, R, P)
    """
    cells = in_use.sum(axis=(1, 2)).astype(np.int64)
    none = np.zeros_like(cells)
    if cell.write is None:
        nothing = np.zeros(cells.shape)
        return ProgrammingEffort(cells, nothing, nothing, nothing, nothing, none)
    energy = (cell.write.cell_energy(targets) * in_use).sum(axis=(1, 2))
    each = cell.write.cell_time()
    rows = in_use.any(axis=2).sum(axis=1)
    return ProgrammingEffort(
        cells, cells * cell.write.pulses, cells * each, rows * each, energy, none
    )


def write_verified(
    cell: Cell,
    targets: FloatArray,
    before: FloatArray,
    faulty: BoolArray,
    in_use: BoolArray,
    where: Coordinates,
    *,
    noisy: bool,
) -> tuple[FloatArray, ProgrammingEffort]:
    """Return the conductances (T, R, P) that the write-verify loop leaves [S], and its cost.

    Parameters
    ----------
    cell : Cell
    targets, before : array (T, R, P)
        What is meant, and the conductances of faulty cells; good ones start at G_min [S].
    faulty, in_use : bool array (T, R, P)
    where : Coordinates
        Of the draws.
    noisy : bool
        Whether verify reads have read noise.

    Raises
    ------
    InputError
        The card does not say what a pulse does.
    """
    form = cell.write
    if not isinstance(form, IncrementalPulses):
        raise InputError(
            "effects.write_verify needs a cell whose card has write_form: write_verify, and "
            f"{cell.name} has none; take cells/hfox_neurram, or switch it off"
        )
    read = form.verify_time
    written = np.zeros_like(targets)
    failed = np.zeros(len(targets), dtype=np.int64)
    totals = np.zeros((4, len(targets)))
    for t, used in enumerate(in_use):
        pulses, reads = (
            _Turns(where, t, purpose, used) for purpose in ("write_pulse", "write_verify")
        )
        result = write_verify(
            form,
            np.where(faulty[t][used], before[t][used], cell.g_min),
            targets[t][used],
            pulses,
            stuck=faulty[t][used],
            verify_sigma=(lambda g: cell.read_sigma(g, g, read, None)) if noisy else None,
            verify_normals=reads,
            bound_low=cell.bound_low,
            bound_high=cell.bound_high,
        )
        written[t][used] = result.conductance
        failed[t] = np.count_nonzero(~result.success)
        time = np.zeros(used.shape)
        time[used] = result.time
        rows = time.max(axis=1).sum()
        totals[:, t] = result.pulses.sum(), time.sum(), rows, result.energy.sum()
    cells = in_use.sum(axis=(1, 2)).astype(np.int64)
    return written, ProgrammingEffort(cells, totals[0], totals[1], totals[2], totals[3], failed)


class _Turns:
    """Standard normals of a tile's cells in use, anew for each pulse or verify read."""

    def __init__(self, where: Coordinates, tile: int, purpose: str, used: BoolArray) -> None:
        self.where, self.tile, self.purpose, self.used = where, tile, purpose, used

    def __call__(self, turn: int) -> FloatArray:
        drawn = normals(self.where, self.tile, self.purpose, *self.used.shape, turn=turn)
        return np.asarray(drawn[self.used])
