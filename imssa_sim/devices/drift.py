"""Equations of drift: the loss of conductance with time.

Drift multiplies the conductance by a power of time with an exponent that each cell draws once.
``time`` counts from programming [s]; model code that counts from the first reading, at t0, states
our time less t0. Fields are the card's parameters ``drift_<field>``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register
from imssa_sim.devices.programming import check_table, polynomial

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


@register("drift", "interpolated")
@dataclass(frozen=True)
class InterpolatedDrift:
    """Power-law drift, ν normal with mean and σ tabulated over the target: linear between.

    Beyond the table both are constant. ν may be negative: such cells gain conductance.

    Attributes
    ----------
    targets : tuple of float
        Ascending [S].
    means, sigmas : tuple of float
        Mean and standard deviation of ν at each of them.
    t0 : float
        Time of the first reading after programming; there is no drift before it [s].
    """

    targets: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    means: tuple[float, ...] = parameter(shape="list")
    sigmas: tuple[float, ...] = parameter(low=0, shape="list")
    t0: float = parameter("time", low=0)

    def __post_init__(self) -> None:
        check_table("drift", self.targets, means=self.means, sigmas=self.sigmas)

    def moments(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of ν at ``target`` [S]."""
        mean, sigma = (np.interp(target, self.targets, c) for c in (self.means, self.sigmas))
        return np.asarray(mean), np.asarray(sigma)

    def exponents(self, target: FloatArray, normals: FloatArray) -> FloatArray:
        """Return ν of each cell from its target [S] and a standard normal."""
        mean, sigma = self.moments(target)
        return mean + sigma * normals

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
