"""Faulty cells and lines of tiles, and spare columns that take over the worst of them.

Shapes: T tiles, R rows, C logical columns, S spare ones, P bit lines of C + S columns, those of
the devices in parallel included.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates, normals, uniforms
from imssa_sim.circuits.weights import Scheme, joined_devices, physical_lines
from imssa_sim.devices.cell import Cell
from imssa_sim.devices.faults import StuckCells
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GOOD, STUCK_ON, STUCK_OFF, OPEN = 0, 1, -1, 2


@dataclass(frozen=True)
class FaultRates:
    """Probabilities of faults.

    Attributes
    ----------
    stuck_on, stuck_off : float or None
        Of a cell; None: those of the card.
    clustering : float
        Correlation of the luck of neighbouring cells.
    cluster_size : int
        Side of the blocks of neighbours.
    dead_rows, dead_columns : float
        Of a word line, and of a bit line, to carry no current.
    """

    stuck_on: float | None = None
    stuck_off: float | None = None
    clustering: float = 0.0
    cluster_size: int = 8
    dead_rows: float = 0.0
    dead_columns: float = 0.0


@dataclass(frozen=True)
class FaultMap:
    """Faults of tiles.

    Attributes
    ----------
    kinds : int8 array (T, R, P)
        GOOD, STUCK_ON, STUCK_OFF, or OPEN: on a dead row or column.
    conductance : array (T, R, P)
        Of faulty cells [S]; meaningless for good ones.
    """

    kinds: NDArray[np.int8]
    conductance: FloatArray


def draw_faults(
    cell: Cell, rates: FaultRates, where: Coordinates, shape: tuple[int, int, int]
) -> FaultMap:
    """Return the faults of tiles.

    Each cell is stuck on or off with the card's probabilities, or the configured ones. With
    clustering c, cells within a block of ``cluster_size``² share part of their luck,
    ``√c·n_block + √(1-c)·n_cell``, which leaves each cell's probability as it is. A dead row or bit
    line has no current at all.

    Parameters
    ----------
    cell : Cell
    rates : FaultRates
    where : Coordinates
    shape : (T, R, P)

    Raises
    ------
    InputError
        Rates are configured, but the card does not say what stuck cells are like; or they exceed 1.
    """
    tiles, rows, lines = shape
    kinds = np.zeros(shape, dtype=np.int8)
    conductance = np.zeros(shape)
    stuck = _rates(cell, rates)
    for t in range(tiles):
        if stuck is not None:
            kinds[t] = stuck.kinds(_luck(rates, where, t, rows, lines))
            place = uniforms(where, t, "fault_value", rows, lines)
            conductance[t] = stuck.conductance(kinds[t], place)
        dead = np.zeros((rows, lines), dtype=np.bool_)
        if rates.dead_rows:
            dead |= uniforms(where, t, "dead_row", rows, 1) < rates.dead_rows
        if rates.dead_columns:
            dead |= uniforms(where, t, "dead_column", 1, lines) < rates.dead_columns
        kinds[t][dead] = OPEN
        conductance[t][dead] = 0.0
    return FaultMap(kinds, conductance)


def _rates(cell: Cell, rates: FaultRates) -> StuckCells | None:
    stated = (rates.stuck_on, rates.stuck_off)
    if cell.faults is None:
        if any(stated):
            raise InputError(
                f"hardware.faults states rates of stuck cells, but {cell.name} has no faults_form "
                "that says what conductance they have; take cells/taox_imssa, or add it to a card "
                "of your own"
            )
        return None
    on, off = cell.faults.on_rate, cell.faults.off_rate
    on = on if rates.stuck_on is None else rates.stuck_on
    off = off if rates.stuck_off is None else rates.stuck_off
    try:
        return dataclasses.replace(cell.faults, on_rate=on, off_rate=off)
    except ValueError as error:
        raise InputError(f"hardware.faults: {error}") from None


def _luck(rates: FaultRates, where: Coordinates, tile: int, rows: int, lines: int) -> FloatArray:
    """Return numbers uniform in (0, 1), correlated within blocks."""
    own = normals(where, tile, "fault_kind", rows, lines)
    if rates.clustering:
        size = rates.cluster_size
        blocks = normals(where, tile, "fault_cluster", -(-rows // size), -(-lines // size))
        common = np.repeat(np.repeat(blocks, size, axis=0), size, axis=1)[:rows, :lines]
        own = np.sqrt(rates.clustering) * common + np.sqrt(1 - rates.clustering) * own
    from scipy.special import ndtr

    return np.asarray(ndtr(own))


def assign_columns(
    kinds: NDArray[np.int8],
    rows_used: IntArray,
    columns_used: IntArray,
    columns: int,
    spares: int,
    scheme: Scheme,
    devices: int = 1,
) -> IntArray:
    """Return the bit lines (T, lines of C) that stand for the logical columns.

    The worst columns in use move to the best spare ones, as long as that helps. A stuck-on or dead
    cell counts more than any number of stuck-off ones, which look like unused cells.

    Parameters
    ----------
    kinds : int8 array (T, R, P)
        Of all columns, spare ones last; the line of an offset column after them.
    rows_used, columns_used : int array (T,)
    columns, spares : int
        C and S.
    scheme : str
    devices : int
        Cells in parallel, on neighbouring bit lines.
    """
    tiles, rows, _ = kinds.shape
    chosen = np.tile(np.arange(columns), (tiles, 1))
    driven = (np.arange(rows) < rows_used[:, None])[:, :, None]
    severe = ((kinds == STUCK_ON) | (kinds == OPEN)) & driven
    badness = (severe * (rows + 1) + ((kinds == STUCK_OFF) & driven)).sum(axis=1)
    badness = joined_devices(badness, devices)
    if scheme == "offset":
        badness = badness[:, :-1]
    elif scheme != "four_line":
        badness = badness[:, 0::2] + badness[:, 1::2]
    for t in range(tiles):
        used = int(columns_used[t])
        worst = np.argsort(-badness[t, :used], kind="stable")
        best = columns + np.argsort(badness[t, columns : columns + spares], kind="stable")
        for bad, good in zip(worst, best, strict=False):
            if badness[t, good] < badness[t, bad]:
                chosen[t, bad] = good
    if scheme == "offset":
        reference = np.full((tiles, 1), physical_lines(columns + spares, scheme) - 1)
        lines = np.concatenate([chosen, reference], axis=1)
    elif scheme == "four_line":
        lines = chosen
    else:
        lines = np.stack([2 * chosen, 2 * chosen + 1], axis=2).reshape(tiles, -1)
    return (lines[:, :, None] * devices + np.arange(devices)).reshape(tiles, -1)
