"""Equations of what time does to a written conductance: drift and relaxation.

Drift multiplies the conductance by a power of time with an exponent that each cell draws once.
Relaxation adds a random deviation that grows with time. ``time`` counts from programming [s]; model
code that counts from the first reading, at t0, states our time less t0.
Fields are the card's parameters ``drift_<field>`` and ``relaxation_<field>``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register
from imssa_sim.devices.programming import polynomial, saturating

FloatArray = NDArray[np.float64]

SMALLEST_RATIO = 1e-7  # keeps the logarithm of a cell at zero finite, as in the authors' code


@register("drift", "power_law")
@dataclass(frozen=True)
class PowerLawDrift:
    """G(t) = G·(t/t0)^(-ν), ν normal with the same mean and σ for all cells, not negative.

    Attributes
    ----------
    exponent, exponent_sigma : float
        Mean of ν, and its standard deviation between cells.
    t0 : float
        Time of the first reading after programming; there is no drift before it [s].
    """

    exponent: float = parameter(low=0)
    exponent_sigma: float = parameter(low=0)
    t0: float = parameter("time", low=0)

    def exponents(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return ν of each cell from its target [S] and a standard normal."""
        return np.maximum(self.exponent + self.exponent_sigma * normals, 0.0)

    def factor(self, exponents: FloatArray, time: float) -> FloatArray:
        """Return G(time) / G(t0)."""
        return power_law(exponents, time, self.t0)


@register("drift", "logarithmic")
@dataclass(frozen=True)
class LogarithmicDrift:
    """Power-law drift, mean and σ of ν = clip(slope·ln(G/G_ref) + offset, low, high).

    Joshi et al., Nat. Commun. 11, 2473 (2020): phase-change memory. ν = |mean + σ·normal|, as in
    the authors' model code.

    Attributes
    ----------
    reference : float
        G_ref [S].
    mean, sigma : tuple of float
        (slope, offset, low, high) of the mean and of the standard deviation of ν.
    t0 : float
        Time of the first reading after programming [s].
    """

    reference: float = parameter("conductance", low=0)
    mean: tuple[float, ...] = parameter(shape="list")
    sigma: tuple[float, ...] = parameter(shape="list")
    t0: float = parameter("time", low=0)

    def __post_init__(self) -> None:
        if len(self.mean) != 4 or len(self.sigma) != 4:
            raise ValueError("drift_mean and drift_sigma must be [slope, offset, low, high]")

    def moments(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of ν at ``target`` [S]."""
        ratio = np.maximum(target / self.reference, SMALLEST_RATIO)
        return clipped_logarithm(ratio, self.mean), clipped_logarithm(ratio, self.sigma)

    def exponents(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return ν of each cell from its target [S] and a standard normal."""
        mean, sigma = self.moments(target)
        return np.abs(mean + sigma * normals)

    def factor(self, exponents: FloatArray, time: float) -> FloatArray:
        """Return G(time) / G(t0)."""
        return power_law(exponents, time, self.t0)


@register("drift", "branched")
@dataclass(frozen=True)
class BranchedDrift:
    """Power-law drift, moments of ν logarithmic at low conductance and polynomial above.

    Below a threshold clip(slope·ln g + offset, low, high), from there on a polynomial in
    g = G/G_ref; ν = |mean + σ·normal|. The fit of the HERMES chip's devices (Le Gallo et al., Nat.
    Electron. 6, 680, 2023, authors' model code).

    Attributes
    ----------
    reference : float
        G_ref [S].
    mean_threshold, sigma_threshold : float
        g at which the branches meet.
    mean, sigma : tuple of float
        (slope, offset, low, high) below the threshold.
    mean_above, sigma_above : tuple of float
        Coefficients of g^0, g^1, … from the threshold on.
    t0 : float
        Time of the first reading after programming [s].
    """

    reference: float = parameter("conductance", low=0)
    mean_threshold: float = parameter(low=0)
    mean: tuple[float, ...] = parameter(shape="list")
    mean_above: tuple[float, ...] = parameter(shape="list")
    sigma_threshold: float = parameter(low=0)
    sigma: tuple[float, ...] = parameter(shape="list")
    sigma_above: tuple[float, ...] = parameter(shape="list")
    t0: float = parameter("time", low=0)

    def __post_init__(self) -> None:
        if len(self.mean) != 4 or len(self.sigma) != 4:
            raise ValueError("drift_mean and drift_sigma must be [slope, offset, low, high]")

    def moments(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of ν at ``target`` [S]."""
        ratio = np.maximum(target / self.reference, SMALLEST_RATIO)
        mean = branched(ratio, self.mean_threshold, self.mean, self.mean_above)
        return mean, branched(ratio, self.sigma_threshold, self.sigma, self.sigma_above)

    def exponents(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return ν of each cell from its target [S] and a standard normal."""
        mean, sigma = self.moments(target)
        return np.abs(mean + sigma * normals)

    def factor(self, exponents: FloatArray, time: float) -> FloatArray:
        """Return G(time) / G(t0)."""
        return power_law(exponents, time, self.t0)


def power_law(exponents: FloatArray, time: float, t0: float) -> FloatArray:
    """Return ``(max(time, t0) / t0) ** -exponents``."""
    return np.asarray((max(time, t0) / t0) ** -exponents)


def clipped_logarithm(ratio: FloatArray, numbers: tuple[float, ...]) -> FloatArray:
    """Return clip(slope·ln(ratio) + offset, low, high)."""
    slope, offset, low, high = numbers
    return np.clip(slope * np.log(ratio) + offset, low, high)


def branched(
    ratio: FloatArray, threshold: float, below: tuple[float, ...], above: tuple[float, ...]
) -> FloatArray:
    """Return `clipped_logarithm` below a threshold and a polynomial from there on."""
    return np.where(ratio < threshold, clipped_logarithm(ratio, below), polynomial(ratio, above))


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
