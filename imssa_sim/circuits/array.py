"""Programmed arrays: from integer weights to what a column of real cells computes with.

Shapes: T tiles, R rows, C logical columns, P physical bit lines, devices in parallel included (see
`weights`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.faults import GOOD, FaultRates
from imssa_sim.circuits.placement import Placement
from imssa_sim.circuits.programming import mean_cost, write_verified
from imssa_sim.circuits.slices import common_noise
from imssa_sim.circuits.weights import (
    Scheme,
    Scope,
    Unformed,
    formed_cells,
    lines_in_use,
    targets,
    unit_conductance,
)
from imssa_sim.circuits.wires import Wires
from imssa_sim.circuits.written import ProgrammedTiles, WrittenTiles
from imssa_sim.devices.cell import Cell
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class CellArray:
    """Cells of a crossbar: how they hold weights, and which of their departures count.

    Without more than a cell the array is ideal: conductances are what was meant, for ever.

    Attributes
    ----------
    cell : Cell
    scheme : str
        Of signed weights.
    scope : str
        What shares one conductance per unit of weight.
    slices, devices : int
        Columns of one weight; cells in parallel for each cell of it.
    spare_columns : int
        That stand in for the worst ones.
    unformed : str
        Which cells without a weight stay pristine, see `weights`.
    level_grid : bool
        Targets are rounded to the cell's levels.
    programming_error, write_verify : bool
        Errors as published; or the loop, pulse by pulse.
    relaxation, drift, drift_compensation, read_noise : bool
    read_time : float or None
        Duration of one read [s]; None: that of the measurements that the card rests on.
    faults : FaultRates or None
        None: no cell is faulty.
    wires : Wires or None
        None: without resistance.
    checked : bool
        Whether conditions and times for which the card does not hold are refused; an array without
        departures needs no card that holds.
    read_voltage, temperature : float or None
        Conditions [V], [K]; None: those of the card.
    """

    cell: Cell
    scheme: Scheme = "differential"
    scope: Scope = "column"
    slices: int = 1
    devices: int = 1
    spare_columns: int = 0
    unformed: Unformed = "none"
    level_grid: bool = False
    programming_error: bool = False
    write_verify: bool = False
    relaxation: bool = False
    drift: bool = False
    drift_compensation: bool = False
    read_noise: bool = False
    read_time: float | None = None
    faults: FaultRates | None = None
    wires: Wires | None = None
    checked: bool = True
    read_voltage: float | None = None
    temperature: float | None = None

    def check(self) -> None:
        """Refuse conditions for which the cell's card does not hold.

        Raises
        ------
        ValidityError
        """
        if not self.checked:
            return
        asked = {
            "read_voltage": self.read_voltage,
            "temperature": self.temperature,
            "read_time": self.read_time,
        }
        self.cell.check(**{name: value for name, value in asked.items() if value is not None})


def pristine(cell: Cell, unformed: Unformed) -> float:
    """Return the conductance of an unformed cell [S]; 0 where there are none.

    Raises
    ------
    InputError
        The cell's card does not know it.
    """
    if unformed == "none":
        return 0.0
    if cell.unformed is None:
        raise InputError(
            f"hardware.chip.tile.unformed: {unformed} needs a cell whose card has "
            f"unformed_conductance, and {cell.name} has none; take cells/taox_imssa, add it to a "
            "card of your own, or give unformed: none"
        )
    return cell.unformed


def program_tiles(
    weights: IntArray,
    rows_used: IntArray,
    columns_used: IntArray,
    array: CellArray,
    *,
    seed: int,
    chip: int,
    site: int,
    time_since_programming: float,
) -> ProgrammedTiles:
    """Return a set of tiles on one chip instance, as they read.

    Parameters
    ----------
    weights : int array (T, R, C)
        Padding is zero.
    rows_used, columns_used : int array (T,)
        Rows and logical columns in use; cells beyond them are not connected.
    array : CellArray
    seed, chip, site : int
        Coordinates of the draws; the tile's own is its index.
    time_since_programming : float
        [s]

    Raises
    ------
    ValidityError
        The time or the read voltage is outside of what the cell's card holds for.
    InputError
        The card is faulty.
    """
    written = write_tiles(weights, rows_used, columns_used, array, seed=seed, chip=chip, site=site)
    return written.at(time_since_programming)


def write_tiles(
    weights: IntArray,
    rows_used: IntArray,
    columns_used: IntArray,
    array: CellArray,
    *,
    seed: int,
    chip: int,
    site: int,
    writing: int = 0,
    shift: IntArray | None = None,
) -> WrittenTiles:
    """Write a set of tiles; parameters as in `program_tiles`.

    ``writing`` is how often they were written before: each time errors, relaxation and drift are
    drawn anew, while faults stay where they are. A later writing starts from erased cells.
    ``shift`` (T, C) is that of slices, by which their common noise is weighted.
    """
    cell, scheme, devices = array.cell, array.scheme, array.devices
    array.check()
    weights = np.asarray(weights, dtype=np.int64)
    rows_used = np.asarray(rows_used, dtype=np.int64)
    columns_used = np.asarray(columns_used, dtype=np.int64)
    ends = cell.g_min, cell.g_max
    scale = unit_conductance(weights, scheme, array.scope, *ends, array.unformed)
    meant = targets(weights, scale, scheme, *ends, array.unformed).repeat(devices, axis=2)
    formed = formed_cells(weights, scheme, array.unformed).repeat(devices, axis=2)
    lines = lines_in_use(columns_used, weights.shape[2], scheme).repeat(devices, axis=1)
    rows = np.arange(weights.shape[1]) < rows_used[:, None]
    in_use = rows[:, :, None] & lines[:, None, :]
    meant = np.where(in_use, meant, 0.0)
    gridded = array.level_grid
    if gridded and cell.levels is None:
        raise InputError(
            f"effects.level_grid needs a cell whose card has levels or level_values, and "
            f"{cell.name} has none; take cells/taox_imssa, or switch it off"
        )
    if gridded:
        meant = np.where(in_use, cell.on_grid(meant), 0.0)
    meant = np.where(formed, meant, pristine(cell, array.unformed)) * in_use

    where = Coordinates(seed, chip, site, writing)
    place = Placement(
        Coordinates(seed, chip, site), weights, rows_used, columns_used, scheme,
        array.spare_columns, devices,
    )  # fmt: skip
    faults = None
    if array.faults is not None:
        faults = place.with_faults(cell, array.faults)
    looped = array.write_verify
    error = array.programming_error and cell.programming is not None and not looped
    written = meant
    if error:
        written = np.where(in_use, cell.program(meant, place.normals("programming", where)), 0.0)
    relaxes = array.relaxation and cell.relaxation is not None
    drifts = array.drift and cell.drift is not None
    written = np.where(formed, written, meant)
    faulty = np.zeros(meant.shape, dtype=np.bool_)
    if faults is not None:
        faults = place.pristine(cell, faults, formed)
        faulty = (faults.kinds != GOOD) & in_use
        written = np.where(faulty, faults.conductance, written)
    writing_in = in_use & formed
    cost = mean_cost(cell, meant, writing_in)
    if looped:
        looped_to, cost = write_verified(
            cell, meant, written, faulty, writing_in, where, noisy=array.read_noise
        )
        written = np.where(formed, looped_to, written)
    least = np.abs(weights) * scale[:, None, :]
    raised = (
        array.checked
        and array.unformed == "cells"
        and bool(np.any((least > 0) & (least < cell.g_min)))
    )
    return WrittenTiles(
        cell=cell,
        scheme=scheme,
        weights=weights,
        scale=scale * devices,
        common=np.ones_like(scale) if shift is None else common_noise(shift, scale, array.slices),
        devices=devices,
        in_use=in_use,
        formed=formed,
        targets=meant,
        written=written,
        faults=np.zeros(meant.shape, np.int8) if faults is None else faults.kinds * in_use,
        relaxation=place.normals("relaxation", where) if relaxes else None,
        drift=place.normals("drift", where) if drifts else None,
        read_time=array.read_time,
        read_noise=array.read_noise,
        exact=not (
            gridded
            or error
            or looped
            or relaxes
            or drifts
            or array.wires
            or raised
            or faulty.any()
            or (array.checked and scheme == "four_line")  # whose cells at rest leak
        ),
        wires=array.wires,
        checked=array.checked,
        compensated=drifts and array.drift_compensation,
        programming=cost,
    )
