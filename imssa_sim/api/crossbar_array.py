"""The cells of one crossbar, and how its lines are sensed from either side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imssa_sim.circuits.array import write_tiles
from imssa_sim.circuits.weights import joined_devices
from imssa_sim.errors import InputError
from imssa_sim.functional.configured import cell_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.circuits.written import ProgrammedTiles, WrittenTiles
    from imssa_sim.config.schema import HardwareConfig

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

SUBTRACTIONS = ("analog", "digital", "unit_column")
Join = Literal["none", "pairs", "unit_column"]


@dataclass(frozen=True)
class Sensed:
    """Lines of one crossbar as they are read from one side.

    Attributes
    ----------
    tiles : ProgrammedTiles
        One tile: rows are driven, columns are converted.
    constant : float
        What is taken off each sum behind the converters, per unit of the sum of all codes
        [weight units].
    join : str
        What is taken off behind the converters: of each pair of columns the second; of all the
        last one.
    signs_apart : bool
        Rows too are pairs, driven one at a time, and no current has another sign.
    """

    tiles: ProgrammedTiles
    constant: float = 0.0
    join: Join = "none"
    signs_apart: bool = False

    def joined(self, sums: FloatArray) -> FloatArray:
        """Return sums (…, lines) of what is converted as sums (…, C) of the weights."""
        if self.join == "pairs":
            return sums[..., 0::2] - sums[..., 1::2]
        return sums[..., :-1] - sums[..., -1:] if self.join == "unit_column" else sums


def write(
    weights: IntArray,
    hardware: HardwareConfig,
    limit: int,
    conductance_range: tuple[float, float] | None,
    error: Any,
    seed: int,
    chip: int,
) -> WrittenTiles:
    """Write integer weights (R, C) into the cells of one crossbar, for codes up to ``limit``.

    Raises
    ------
    InputError
        The error matrix is of another shape, or not finite.
    """
    array = cell_array(hardware, limit)
    if conductance_range is not None:
        low, high = conductance_range
        cell = replace(
            array.cell, g_min=low, g_max=high, bound_low=min(low, array.cell.bound_low),
            bound_high=max(high, array.cell.bound_high),
        )  # fmt: skip
        array = replace(array, cell=cell)
    if error is not None:
        # The errors are given: nothing but what no conductance can be bounds them.
        array = replace(array, cell=replace(array.cell, bound_low=0.0, bound_high=np.inf))
    used = np.array([weights.shape[0]]), np.array([weights.shape[1]])
    written = write_tiles(weights[None], *used, array, seed=seed, chip=chip, site=0)
    if error is None:
        return written
    given = np.asarray(error, dtype=np.float64)
    if given.shape != written.written.shape[1:]:
        raise InputError(
            f"error: expected conductances of shape {written.written.shape[1:]} (word lines, bit "
            f"lines), as `conductance` has it, not {given.shape}"
        )
    if not np.isfinite(given).all():
        raise InputError("error: a conductance is not finite")
    return replace(written, written=np.maximum(written.written + given, 0.0), exact=False)


def sensed(written: WrittenTiles, time: float, subtraction: str) -> Sensed:
    """Return the lines as they are read when the word lines are driven.

    Parameters
    ----------
    written : WrittenTiles
    time : float
        Since programming [s].
    subtraction : {"analog", "digital", "unit_column"}
        Of the lines of a pair: their currents, or the codes of both. Of the offset of a single
        line: its line's current before the conversion; its nominal value, or its line's code,
        behind it.
    """
    tiles = written.at(time)
    if subtraction == "analog":
        return Sensed(tiles)
    conductance = written.conductance(time)
    variance = written.noise(conductance, time)
    if written.scheme == "offset" and subtraction == "digital":
        conductance = conductance[:, :, : -written.devices]
        variance = None if variance is None else variance[:, :, : -written.devices]
    lines = joined_devices(conductance, written.devices)
    scale = np.full((1, lines.shape[2]), written.scale[0, 0])
    raw = replace(
        tiles,
        weights=lines / scale[:, None, :],
        variance=None
        if variance is None
        else joined_devices(variance, written.devices) / scale[:, None, :] ** 2,
        flat_variance=np.zeros(scale.shape),
        cell_conductance=lines,
        scale=scale,
    )
    if written.scheme != "offset":
        return Sensed(raw, join="pairs", signs_apart=written.scheme == "four_line")
    if subtraction == "unit_column":
        return Sensed(raw, join="unit_column")
    middle = (written.cell.g_min + written.cell.g_max) / 2 * written.devices
    return Sensed(raw, constant=middle / float(scale[0, 0]))


def part(lines: Sensed, rows: IntArray, columns: IntArray, transposed: bool) -> Sensed:
    """Return driven rows and converted columns, or both the other way round.

    Parameters
    ----------
    lines : Sensed
    rows, columns : int array
        Word lines, logical columns.
    transposed : bool
        Whether the columns are driven and the rows converted.
    """
    tiles = lines.tiles
    if lines.join == "pairs":
        columns = _pairs(columns)
        if lines.signs_apart:
            rows = _pairs(rows)
    elif lines.join == "unit_column":
        columns = np.append(columns, tiles.weights.shape[2] - 1)
    cells = np.ix_(np.zeros(1, np.int64), rows, columns)
    total = tiles.flat_variance[:, None, :] + (0.0 if tiles.variance is None else tiles.variance)
    total = np.broadcast_to(total, tiles.weights.shape)[cells]
    variance = total if tiles.noisy else None
    if not transposed:
        chosen = replace(
            tiles, weights=tiles.weights[cells], variance=variance,
            flat_variance=np.zeros((1, len(columns))),
            row_conductance=tiles.row_conductance[:, rows],
            cell_conductance=tiles.cell_conductance[cells], scale=tiles.scale[:, columns],
        )  # fmt: skip
        return replace(lines, tiles=chosen)
    chosen = replace(
        tiles, weights=_turned(tiles.weights[cells]),
        variance=None if variance is None else _turned(variance),
        flat_variance=np.zeros((1, len(rows))),
        row_conductance=tiles.cell_conductance.sum(axis=1)[:, columns],
        cell_conductance=_turned(tiles.cell_conductance[cells]),
        scale=np.full((1, len(rows)), tiles.scale[0, 0]),
    )  # fmt: skip
    return replace(lines, tiles=chosen)


def _pairs(lines: IntArray) -> IntArray:
    """Return both lines of each, neighbours."""
    return np.asarray(np.stack([2 * lines, 2 * lines + 1], axis=1).ravel())


def _turned(cells: FloatArray) -> FloatArray:
    return np.ascontiguousarray(cells.transpose(0, 2, 1))
