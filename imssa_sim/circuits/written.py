"""Programmed arrays: from integer weights to what a column of real cells computes with.

Shapes: T tiles, R rows, C logical columns, P physical bit lines, devices in parallel included (see
`weights`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.faults import GOOD
from imssa_sim.circuits.programming import ProgrammingEffort
from imssa_sim.circuits.transfer import Transfer, transfer_matrix
from imssa_sim.circuits.weights import (
    Scheme,
    effective,
    effective_variance,
    joined_devices,
)
from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.cell import Cell
from imssa_sim.threads import ordered_map, use_threads

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
    programming : ProgrammingEffort
    wire_residual : float
        Largest residual of the wire equations, see `ir_drop.Transfer`.
    """

    weights: FloatArray
    variance: FloatArray | None
    flat_variance: FloatArray
    row_conductance: FloatArray
    cell_conductance: FloatArray
    scale: FloatArray
    programming: ProgrammingEffort
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
    formed : bool array (T, R, P)
        The others are pristine: nothing moves them.
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
    checked : bool
        Whether times for which the cell's card does not hold are refused.
    compensated : bool
        Whether the converters' gains follow the drift.
    programming : ProgrammingEffort
    """

    cell: Cell
    scheme: Scheme
    weights: IntArray
    scale: FloatArray
    common: FloatArray
    devices: int
    in_use: BoolArray
    formed: BoolArray
    targets: FloatArray
    written: FloatArray
    faults: NDArray[np.int8]
    relaxation: FloatArray | None
    drift: FloatArray | None
    read_time: float | None
    read_noise: bool
    exact: bool
    wires: Wires | None
    checked: bool
    compensated: bool
    programming: ProgrammingEffort

    def conductance(self, time: float) -> FloatArray:
        """Return the conductances (T, R, P) at a time after programming [s], in siemens."""
        present = self.cell.after(
            self.written, self.targets, time, relaxation=self.relaxation, drift=self.drift
        )
        # The conductance of a stuck or pristine cell neither relaxes nor drifts.
        moves = (self.faults == GOOD) & self.formed
        return np.where(moves, present, self.written) * self.in_use

    def at(self, time: float, compensated_at: float | None = None) -> ProgrammedTiles:
        """Return what the tiles compute with at a time after programming [s].

        ``compensated_at`` is the time at which drift compensation was last measured [s]; by
        default just now.
        """
        if self.checked:
            self.cell.check(time=time)
        conductance = self.conductance(time)
        variance = self.noise(conductance, time)
        residual = 0.0
        if self.wires is not None:
            noisy = None if variance is None else variance > 0
            conductance, sensitivity, residual = self._behind_wires(conductance, self.wires, noisy)
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
        if self.scheme == "four_line":
            return lines
        return np.asarray(lines[:, :, 0::2] + lines[:, :, 1::2])

    def _behind_wires(
        self, conductance: FloatArray, wires: Wires, noisy: BoolArray | None
    ) -> tuple[FloatArray, FloatArray, float]:
        """Return transfer matrices, noisy cells' sensitivities (T, R, P), the largest residual."""
        seen, sensitivity = np.zeros_like(conductance), np.zeros_like(conductance)
        worst = 0.0
        places = [np.ix_(used.any(axis=1), used.any(axis=0)) for used in self.in_use]
        tiles = [t for t, place in enumerate(places) if conductance[t][place].size]

        def of_tile(t: int) -> Transfer:
            at = places[t]
            asked = None if noisy is None else noisy[t][at]
            return transfer_matrix(conductance[t][at], wires, sensitive=asked)

        with use_threads():
            for t, found in zip(tiles, ordered_map(of_tile, tiles), strict=True):
                seen[t][places[t]] = found.matrix
                worst = max(worst, found.residual)
                if found.sensitivity is not None:
                    sensitivity[t][places[t]] = found.sensitivity
        return seen, sensitivity, worst

    def noise(self, conductance: FloatArray, time: float) -> FloatArray | None:
        """Return the variance of each cell in one read [S²]; None without read noise."""
        if not self.read_noise or self.cell.read_noise is None:
            return None
        programmed = self.conductance(0.0) if self.cell.noise_of_programmed else conductance
        sigma = self.cell.read_sigma(conductance, programmed, time, self.read_time)
        return np.where(self.formed & self.in_use, np.square(sigma), 0.0)

    def _folded(self, cells: FloatArray | None) -> tuple[FloatArray | None, FloatArray]:
        """Return the weights' variance (T, R, C) beyond that of a zero weight, and the latter."""
        nothing = np.zeros(self.scale.shape)
        if cells is None:
            return None, nothing
        joined = joined_devices(cells, self.devices)
        variance = effective_variance(joined, self.scale, self.scheme, self.common)
        lines = self.in_use[:, :, :: self.devices]
        used = lines[:, :, 0::2]
        if self.scheme in ("offset", "four_line"):
            used = lines[:, :, : self.scale.shape[1]]
        empty = (self.weights == 0) & used
        low = np.where(empty, variance, np.inf).min(axis=1)
        high = np.where(empty, variance, -np.inf).max(axis=1)
        flat = np.where(low == high, low, nothing)
        return np.where(used, variance - flat[:, None, :], 0.0), flat
