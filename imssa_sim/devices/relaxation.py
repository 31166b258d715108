"""Equations of relaxation: a random deviation of a written conductance that grows with time.

``time`` counts from programming [s]. Fields are the card's parameters ``relaxation_<field>``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register
from imssa_sim.devices.programming import check_table, polynomial, saturating

FloatArray = NDArray[np.float64]


@register("relaxation", "constant")
@dataclass(frozen=True)
class ConstantRelaxation:
    """A Gaussian deviation of fixed σ, complete at the first read after ``onset``.

    Attributes
    ----------
    sigma_g : float
        Standard deviation [S].
    onset : float
        Time after programming from which it is there [s].
    """

    sigma_g: float = parameter("conductance", low=0)
    onset: float = parameter("time", low=0)

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation at ``time`` [S]."""
        return self.sigma_g * normals if time >= self.onset else np.zeros(target.shape)


@register("relaxation", "log_time")
@dataclass(frozen=True)
class LogTimeRelaxation:
    """Mean shift m·ln(t/1 s) and deviation of σ = s0 + s1·ln(t/1 s), from one second on.

    Falcone et al. on analogue conductive-metal-oxide/HfOx devices (authors' model code).

    Attributes
    ----------
    mean_slope : float
        m [S].
    sigma_offset, sigma_slope : float
        s0, s1 [S].
    """

    mean_slope: float = parameter("conductance")
    sigma_offset: float = parameter("conductance", low=0)
    sigma_slope: float = parameter("conductance", low=0)

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation at ``time`` [S]; zero before one second."""
        if time < 1.0:
            return np.zeros(target.shape)
        logarithm = math.log(time)
        sigma = self.sigma_offset + self.sigma_slope * logarithm
        return self.mean_slope * logarithm + sigma * normals


@register("relaxation", "tabulated")
@dataclass(frozen=True)
class TabulatedRelaxation:
    """Total error σ(G) measured at several times after programming; linear in ln(t) between them.

    The first polynomial is that of the programming error itself. What is added at a later time t
    has the variance max(σ²(t) - σ²(first), 0), so that the sum of both has the measured σ(G, t).
    The fits to the data of Wan et al., Nature 608, 504 (2022), extended data figure 3, have this
    form. After the last time the error stays as it was then; the card's validity ends there.

    Attributes
    ----------
    reference : float
        Conductance that the polynomials' argument is relative to [S].
    times : tuple of float
        Ascending [s].
    coefficients : tuple of tuple of float
        One row for each time: c_0, c_1, … of σ [S].
    """

    reference: float = parameter("conductance", low=0)
    times: tuple[float, ...] = parameter("time", low=0, shape="list")
    coefficients: tuple[tuple[float, ...], ...] = parameter("conductance", shape="table")

    def __post_init__(self) -> None:
        if len(self.times) != len(self.coefficients):
            raise ValueError("relaxation_times and relaxation_coefficients differ in length")
        if any(a >= b for a, b in pairwise(self.times)) or self.times[0] <= 0:
            raise ValueError("relaxation_times must be positive and ascending")

    def total_sigma(self, target: FloatArray, time: float) -> FloatArray:
        """Return σ of programming error and relaxation together at ``time`` [S]."""
        g = target / self.reference
        at = [polynomial(g, row) for row in self.coefficients]
        position = np.interp(math.log(max(time, self.times[0])), np.log(self.times), range(len(at)))
        before = min(int(position), len(at) - 2) if len(at) > 1 else 0
        if len(at) == 1:
            return at[0]
        return np.asarray(at[before] + (position - before) * (at[before + 1] - at[before]))

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation at ``time`` [S], beyond the programming error."""
        first = self.total_sigma(target, self.times[0])
        added = np.maximum(self.total_sigma(target, time) ** 2 - first**2, 0.0)
        return np.sqrt(added) * normals


@register("relaxation", "saturating")
@dataclass(frozen=True)
class SaturatingRelaxation:
    """Total error σ = a·(1 - exp(-G/b)) and mean shift at several times, linear in ln(t) between.

    The first time is that of the programming error itself. As in `TabulatedRelaxation`, what is
    added later has the variance max(σ²(t) - σ²(first), 0); after the last time the error stays.

    Attributes
    ----------
    times : tuple of float
        Ascending [s].
    amplitudes, scales : tuple of float
        a and b at each time [S].
    shift_targets : tuple of float
        Ascending target conductances [S]; between them the mean shift is linear.
    shifts : tuple of tuple of float
        One row for each time: the mean of what was written less its target [S].
    """

    times: tuple[float, ...] = parameter("time", low=0, shape="list")
    amplitudes: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    scales: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    shift_targets: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    shifts: tuple[tuple[float, ...], ...] = parameter("conductance", shape="table")

    def __post_init__(self) -> None:
        if len({len(self.times), len(self.amplitudes), len(self.scales), len(self.shifts)}) > 1:
            raise ValueError(
                "relaxation_times, relaxation_amplitudes, relaxation_scales and relaxation_shifts "
                "differ in length"
            )
        if any(a >= b for a, b in pairwise(self.times)) or self.times[0] <= 0:
            raise ValueError("relaxation_times must be positive and ascending")
        if any(a >= b for a, b in pairwise(self.shift_targets)):
            raise ValueError("relaxation_shift_targets must ascend")
        if {len(row) for row in self.shifts} != {len(self.shift_targets)}:
            raise ValueError("each row of relaxation_shifts needs one entry for each target")

    def _position(self, time: float) -> FloatArray:
        """Return the weights of the stated times at ``time``; they add to one."""
        at = np.log(self.times)
        here = math.log(max(time, self.times[0]))
        return np.array([np.interp(here, at, row) for row in np.eye(len(at))])

    def total_sigma(self, target: FloatArray, time: float) -> FloatArray:
        """Return σ of programming error and relaxation together at ``time`` [S]."""
        stated = zip(self._position(time), self.amplitudes, self.scales, strict=True)
        total = np.zeros(np.shape(target))
        for weight, amplitude, scale in stated:
            if weight:  # two of them at most
                total = total + weight * saturating(target, amplitude, scale)
        return total

    def mean_shift(self, target: FloatArray, time: float) -> FloatArray:
        """Return the mean deviation from ``target`` at ``time`` [S]."""
        at_time = self._position(time) @ np.array(self.shifts)
        return np.asarray(np.interp(target, self.shift_targets, at_time))

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation at ``time`` [S], beyond the programming error."""
        first = self.total_sigma(target, self.times[0])
        added = np.maximum(self.total_sigma(target, time) ** 2 - first**2, 0.0)
        return self.mean_shift(target, time) + np.sqrt(added) * normals


@register("relaxation", "interpolated")
@dataclass(frozen=True)
class InterpolatedRelaxation:
    """Total error and mean shift tabulated over target and time; linear in target and in ln(t).

    The first time is that of the programming error itself. As in `TabulatedRelaxation`, what is
    added later has the variance max(σ²(t) - σ²(first), 0); after the last time the error stays.

    Attributes
    ----------
    targets : tuple of float
        Ascending [S].
    times : tuple of float
        Ascending [s].
    sigmas, shifts : tuple of tuple of float
        One row for each time: σ of the total error, and the mean of what was written less its
        mean at the first time [S].
    """

    targets: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    times: tuple[float, ...] = parameter("time", low=0, shape="list")
    sigmas: tuple[tuple[float, ...], ...] = parameter("conductance", low=0, shape="table")
    shifts: tuple[tuple[float, ...], ...] = parameter("conductance", shape="table")

    def __post_init__(self) -> None:
        if not len(self.times) == len(self.sigmas) == len(self.shifts):
            raise ValueError(
                "relaxation_times, relaxation_sigmas and relaxation_shifts differ in length"
            )
        if any(a >= b for a, b in pairwise(self.times)) or self.times[0] <= 0:
            raise ValueError("relaxation_times must be positive and ascending")
        for sigmas, shifts in zip(self.sigmas, self.shifts, strict=True):
            check_table("relaxation", self.targets, sigmas=sigmas, shifts=shifts)

    def _at(self, table: tuple[tuple[float, ...], ...], target: FloatArray, t: float) -> FloatArray:
        """Return a table at a target [S] and a time [s]."""
        here = math.log(max(t, self.times[0]))
        row = [np.interp(here, np.log(self.times), column) for column in zip(*table, strict=True)]
        return np.asarray(np.interp(target, self.targets, row))

    def total_sigma(self, target: FloatArray, time: float) -> FloatArray:
        """Return σ of programming error and relaxation together at ``time`` [S]."""
        return self._at(self.sigmas, target, time)

    def shift(self, target: FloatArray, time: float, normals: FloatArray) -> FloatArray:
        """Return the deviation at ``time`` [S], beyond the programming error."""
        first = self.total_sigma(target, self.times[0])
        added = np.maximum(self.total_sigma(target, time) ** 2 - first**2, 0.0)
        return self._at(self.shifts, target, time) + np.sqrt(added) * normals
