"""Programmed arrays: from integer weights to what a column of real cells computes with.

Shapes: T tiles, R rows, C logical columns, P physical bit lines, devices in parallel included (see
`weights`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.energy import longest_read
from imssa_sim.circuits.faults import GOOD
from imssa_sim.circuits.ir_drop import own_sensitivity, transfer_matrix
from imssa_sim.circuits.placement import Placement
from imssa_sim.circuits.programming import ProgrammingCost, mean_cost, write_verified
from imssa_sim.circuits.slices import common_noise
from imssa_sim.circuits.weights import (
    Scheme,
    effective,
    effective_variance,
    joined_devices,
    lines_in_use,
    targets,
    unit_conductance,
)
from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.cell import Cell, load_cell
from imssa_sim.devices.programming import ConstantError
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class ProgrammedTiles:
    """Tiles as they read at one time after programming.

    A column's sum for codes v is ``Σ_i weights_ij·v_i`` with the noise variance
    ``Σ_i (flat_variance_j + variance_ij)·v_i²``: cells fluctuate slowly against one read, so the
    deviation grows with the code whether it is an amplitude, a pulse width or a row of bits.

    Attributes
    ----------
    weights : array (T, R, C)
        In units of the integer weights, all static errors included.
    variance : array (T, R, C) or None
        Read noise of a weight in one read [weight units²], beyond ``flat_variance``; None: none.
    flat_variance : array (T, C)
        What all cells in use of a column have at least, exactly the variance of a zero weight
        where these are all alike.
    row_conductance : array (T, R)
        Sum of the conductances on a word line, bit lines in use [S].
    cell_conductance : array (T, R, C)
        Between a word line and the bit lines of a logical column [S].
    scale : array (T, C)
        Conductance per unit of weight, of all devices in parallel [S].
    programming : ProgrammingCost
    wire_residual : float
        Largest residual of the wire equations, see `ir_drop.Transfer`.
    """

    weights: FloatArray
    variance: FloatArray | None
    flat_variance: FloatArray
    row_conductance: FloatArray
    cell_conductance: FloatArray
    scale: FloatArray
    programming: ProgrammingCost
    wire_residual: float = 0.0

    @property
    def noisy(self) -> bool:
        """Whether reads differ from each other."""
        return self.variance is not None or bool(np.any(self.flat_variance))


@dataclass(frozen=True)
class WrittenTiles:
    """The conductances of tiles as written, and what fixes their later course.

    Attributes
    ----------
    cell : Cell
    scheme : str
        Of signed weights.
    weights : int array (T, R, C)
        What was meant.
    scale : array (T, C)
        [S] per unit, of all devices in parallel.
    common : array (T, C)
        What the noise variance of an offset line counts for, see `slices.common_noise`.
    devices : int
        Cells in parallel for one weight and line.
    in_use : bool array (T, R, P)
        Cells at used rows and lines.
    targets, written : array (T, R, P)
        [S]; zero where not in use. What was written may lie beyond the physical bounds, which
        `conductance` observes.
    faults : int8 array (T, R, P)
        Kinds of `imssa_sim.circuits.faults`.
    relaxation, drift : array (T, R, P) or None
        Standard normals of the cells; None where the effect is off or the card has none.
    read_time : float or None
        Duration of one read [s]; None: that of the measurements that the card rests on.
    read_noise : bool
    exact : bool
        Nothing departs from the targets: the weights are the integers.
    wires : Wires or None
        None: without resistance.
    compensated : bool
        Whether the converters' gains follow the drift.
    programming : ProgrammingCost
    """

    cell: Cell
    scheme: Scheme
    weights: IntArray
    scale: FloatArray
    common: FloatArray
    devices: int
    in_use: BoolArray
    targets: FloatArray
    written: FloatArray
    faults: NDArray[np.int8]
    relaxation: FloatArray | None
    drift: FloatArray | None
    read_time: float | None
    read_noise: bool
    exact: bool
    wires: Wires | None
    compensated: bool
    programming: ProgrammingCost

    def conductance(self, time: float) -> FloatArray:
        """Return the conductances (T, R, P) at a time after programming [s], in siemens."""
        present = self.cell.after(
            self.written, self.targets, time, relaxation=self.relaxation, drift=self.drift
        )
        # A stuck cell's conductance neither relaxes nor drifts.
        return np.where(self.faults == GOOD, present, self.written) * self.in_use

    def at(self, time: float, compensated_at: float | None = None) -> ProgrammedTiles:
        """Return what the tiles compute with at a time after programming [s].

        ``compensated_at`` is the time at which drift compensation was last measured [s]; by
        default just now.
        """
        self.cell.check(time=time)
        conductance = self.conductance(time)
        variance = self._noise(conductance, time)
        residual = 0.0
        if self.wires is not None:
            conductance, sensitivity, residual = self._behind_wires(conductance, self.wires)
            if variance is not None:
                variance = variance * sensitivity**2
        if self.exact:
            weights = self.weights.astype(np.float64)
        else:
            joined = joined_devices(conductance, self.devices)
            weights = effective(joined, self.scale, self.scheme)
        scale = self.scale
        if self.compensated:
            gain = self._drift_gain(time if compensated_at is None else compensated_at)
            weights = weights * gain[:, None, None]
            variance = None if variance is None else variance * gain[:, None, None] ** 2
            scale = scale / gain[:, None]
        excess, flat = self._folded(variance)
        return ProgrammedTiles(
            weights=weights,
            variance=excess,
            flat_variance=flat,
            row_conductance=conductance.sum(axis=2),
            cell_conductance=self._per_column(joined_devices(conductance, self.devices)),
            scale=scale,
            programming=self.programming,
            wire_residual=residual,
        )

    def _drift_gain(self, time: float) -> FloatArray:
        """Return what restores the mean weight of each tile (T,): global drift compensation.

        Known codes are read after programming and again now; the columns' sums are projected on
        those that the weights promise, and the ratio of the two scales the converters. The sum of
        all cells (Joshi et al., Nat. Commun. 11, 2473, 2020) will not do here: in a balanced pair
        most of it is common to both lines, and drifts faster than the difference.
        """
        start, now = (self._projection(self.conductance(t)) for t in (0.0, time))
        return np.asarray(np.divide(start, now, out=np.ones(len(now)), where=now > 0))

    def _projection(self, conductance: FloatArray) -> FloatArray:
        """Return Σ w·w_real of each tile (T,), the real weights those of conductances (T, R, P)."""
        joined = joined_devices(conductance, self.devices)
        real = effective(joined, self.scale, self.scheme)
        return np.asarray((self.weights * real).sum(axis=(1, 2)))

    def _per_column(self, lines: FloatArray) -> FloatArray:
        """Return the sums over the lines of each logical column."""
        if self.scheme == "offset":
            return lines[:, :, :-1] + lines[:, :, -1:]
        return np.asarray(lines[:, :, 0::2] + lines[:, :, 1::2])

    def _behind_wires(
        self, conductance: FloatArray, wires: Wires
    ) -> tuple[FloatArray, FloatArray, float]:
        """Return transfer matrices, cells' sensitivities (T, R, P), and the largest residual."""
        seen, sensitivity = np.zeros_like(conductance), np.zeros_like(conductance)
        worst = 0.0
        for t, used in enumerate(self.in_use):
            place = np.ix_(used.any(axis=1), used.any(axis=0))
            cells = conductance[t][place]
            if cells.size:
                found = transfer_matrix(cells, wires)
                seen[t][place] = found.matrix
                worst = max(worst, found.residual)
                if self.read_noise:
                    sensitivity[t][place] = own_sensitivity(cells, wires)
        return seen, sensitivity, worst

    def _noise(self, conductance: FloatArray, time: float) -> FloatArray | None:
        """Return the variance of each cell in one read [S²]; None without read noise."""
        if not self.read_noise or self.cell.read_noise is None:
            return None
        sigma = self.cell.read_sigma(conductance, self.conductance(0.0), time, self.read_time)
        return np.square(sigma) * self.in_use

    def _folded(self, cells: FloatArray | None) -> tuple[FloatArray | None, FloatArray]:
        """Return the weights' variance (T, R, C) beyond that of a zero weight, and the latter."""
        nothing = np.zeros(self.scale.shape)
        if cells is None:
            return None, nothing
        joined = joined_devices(cells, self.devices)
        variance = effective_variance(joined, self.scale, self.scheme, self.common)
        lines = self.in_use[:, :, :: self.devices]
        used = lines[:, :, :-1] if self.scheme == "offset" else lines[:, :, 0::2]
        empty = (self.weights == 0) & used
        low = np.where(empty, variance, np.inf).min(axis=1)
        high = np.where(empty, variance, -np.inf).max(axis=1)
        flat = np.where(low == high, low, nothing)
        return np.where(used, variance - flat[:, None, :], 0.0), flat


def program_tiles(
    weights: IntArray,
    rows_used: IntArray,
    columns_used: IntArray,
    hardware: HardwareConfig,
    *,
    seed: int,
    chip: int,
    stage: int,
    time_since_programming: float,
) -> ProgrammedTiles:
    """Return the tiles of one stage on one chip instance, as they read.

    Parameters
    ----------
    weights : int array (T, R, C)
        Padding is zero.
    rows_used, columns_used : int array (T,)
        Rows and logical columns in use; cells beyond them are not connected.
    hardware : HardwareConfig
    seed, chip, stage : int
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
    written = write_tiles(
        weights, rows_used, columns_used, hardware, seed=seed, chip=chip, stage=stage
    )
    return written.at(time_since_programming if not hardware.ideal else 0.0)


def write_tiles(
    weights: IntArray,
    rows_used: IntArray,
    columns_used: IntArray,
    hardware: HardwareConfig,
    *,
    seed: int,
    chip: int,
    stage: int,
    writing: int = 0,
    shift: IntArray | None = None,
) -> WrittenTiles:
    """Write the tiles of one stage; parameters as in `program_tiles`.

    ``writing`` is how often they were written before: each time errors, relaxation and drift are
    drawn anew, while faults stay where they are. A later writing starts from erased cells.
    ``shift`` (T, C) is that of slices, by which their common noise is weighted.
    """
    tile = hardware.chip.tile
    effects = hardware.effects
    cell = load_cell(tile.cell)
    if tile.programming_sigma is not None:
        error_form = ConstantError(tile.programming_sigma)
        cell = replace(cell, programming=error_form)
    real = not hardware.ideal
    if real:
        cell.check(read_voltage=tile.read_voltage, temperature=hardware.chip.temperature)
        if effects.read_duration:
            cell.check(read_time=longest_read(hardware))
    weights = np.asarray(weights, dtype=np.int64)
    rows_used = np.asarray(rows_used, dtype=np.int64)
    columns_used = np.asarray(columns_used, dtype=np.int64)
    scheme: Scheme = tile.weights
    devices = tile.devices
    scale = unit_conductance(weights, scheme, tile.weight_scale, cell.g_min, cell.g_max)
    meant = targets(weights, scale, scheme, cell.g_min, cell.g_max).repeat(devices, axis=2)
    lines = lines_in_use(columns_used, weights.shape[2], scheme).repeat(devices, axis=1)
    rows = np.arange(weights.shape[1]) < rows_used[:, None]
    in_use = rows[:, :, None] & lines[:, None, :]
    meant = np.where(in_use, meant, 0.0)
    gridded = real and effects.level_grid
    if gridded and cell.levels is None:
        raise InputError(
            f"effects.level_grid needs a cell whose card has levels or level_values, and "
            f"{cell.name} has none; take cells/taox_imssa, or switch it off"
        )
    if gridded:
        meant = np.where(in_use, cell.on_grid(meant), 0.0)

    where = Coordinates(seed, chip, stage, writing)
    place = Placement(
        Coordinates(seed, chip, stage), weights, rows_used, columns_used, scheme,
        tile.spare_columns, devices,
    )  # fmt: skip
    faults = None
    if real and effects.faults:
        faults = place.with_faults(cell, hardware.faults)
    looped = real and effects.write_verify
    error = real and effects.programming_error and cell.programming is not None and not looped
    written = meant
    if error:
        written = np.where(in_use, cell.program(meant, place.normals("programming", where)), 0.0)
    relaxes = real and effects.relaxation and cell.relaxation is not None
    drifts = real and effects.drift and cell.drift is not None
    faulty = np.zeros(meant.shape, dtype=np.bool_)
    if faults is not None:
        faulty = (faults.kinds != GOOD) & in_use
        written = np.where(faulty, faults.conductance, written)
    cost = mean_cost(cell, meant, in_use)
    if looped:
        written, cost = write_verified(
            cell, meant, written, faulty, in_use, where, noisy=effects.read_noise
        )
    wires = real and effects.ir_drop
    return WrittenTiles(
        cell=cell,
        scheme=scheme,
        weights=weights,
        scale=scale * devices,
        common=np.ones_like(scale) if shift is None else common_noise(shift, scale, tile.slices),
        devices=devices,
        in_use=in_use,
        targets=meant,
        written=written,
        faults=np.zeros(meant.shape, np.int8) if faults is None else faults.kinds * in_use,
        relaxation=place.normals("relaxation", where) if relaxes else None,
        drift=place.normals("drift", where) if drifts else None,
        read_time=longest_read(hardware) if effects.read_duration else None,
        read_noise=real and effects.read_noise,
        exact=not (gridded or error or looped or relaxes or drifts or wires or faulty.any()),
        wires=Wires(**tile.wires.model_dump(exclude={"card"})) if wires else None,
        compensated=drifts and effects.drift_compensation,
        programming=cost,
    )
