"""Equations of read noise: the fluctuation of a cell's conductance from one read to the next.

``conductance`` is that at the time of reading, ``programmed`` the one that was written [S].
``time`` counts from programming, ``read_time`` is the duration of one read [s]; None: that of the
measurements that the card rests on. 1/f noise depends on it: a shorter read averages less of the
fast fluctuations away, each halving of t_r adds ln 2 to the logarithm in the variance. Fields are
the card's parameters ``read_noise_<field>``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.drift import SMALLEST_RATIO, branched
from imssa_sim.devices.forms import parameter, register
from imssa_sim.devices.programming import saturating

FloatArray = NDArray[np.float64]

_SHORTEST_TIME = 1e-12  # [s]; a cell cannot be read at the instant of its programming


@register("read_noise", "relative")
@dataclass(frozen=True)
class RelativeNoise:
    """σ = r·G.

    Attributes
    ----------
    ratio : float
        r.
    """

    of_programmed: ClassVar[bool] = False

    ratio: float = parameter(low=0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        return self.ratio * np.abs(conductance)


@register("read_noise", "constant")
@dataclass(frozen=True)
class ConstantNoise:
    """The same σ at all conductances.

    Attributes
    ----------
    sigma_g : float
        [S]
    """

    of_programmed: ClassVar[bool] = False

    sigma_g: float = parameter("conductance", low=0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        return np.full(conductance.shape, self.sigma_g)


@register("read_noise", "saturating")
@dataclass(frozen=True)
class SaturatingNoise:
    """σ = a·(1 - exp(-G/b)).

    Attributes
    ----------
    amplitude, scale : float
        a and b [S].
    """

    of_programmed: ClassVar[bool] = False

    amplitude: float = parameter("conductance", low=0)
    scale: float = parameter("conductance", low=0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        return saturating(np.abs(conductance), self.amplitude, self.scale)


@register("read_noise", "interpolated")
@dataclass(frozen=True)
class InterpolatedNoise:
    """σ tabulated over the conductance: linear between, constant beyond the table.

    Attributes
    ----------
    conductances : tuple of float
        Ascending [S].
    sigmas : tuple of float
        σ at each of them [S].
    """

    of_programmed: ClassVar[bool] = False

    conductances: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    sigmas: tuple[float, ...] = parameter("conductance", low=0, shape="list")

    def __post_init__(self) -> None:
        if any(a >= b for a, b in pairwise(self.conductances)):
            raise ValueError("read_noise_conductances must ascend")
        if len(self.conductances) != len(self.sigmas):
            raise ValueError("read_noise_conductances and read_noise_sigmas differ in length")

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        return np.asarray(np.interp(conductance, self.conductances, self.sigmas))


@register("read_noise", "power_one_over_f")
@dataclass(frozen=True)
class PowerOneOverF:
    """σ/G = min(a/g^b, cap)·sqrt(ln((t + t_r)/(2 t_r))) with g = G_programmed/G_ref.

    1/f noise accumulated between programming and the read; Joshi et al., Nat. Commun. 11, 2473
    (2020), methods.

    Attributes
    ----------
    reference : float
        G_ref [S].
    strength, power, cap : float
        a, b and the upper bound.
    t_read : float
        Read duration t_r of the characterisation [s].
    """

    reference: float = parameter("conductance", low=0)
    strength: float = parameter(low=0)
    power: float = parameter()
    cap: float = parameter(low=0)
    t_read: float = parameter("time", low=0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        g = np.maximum(programmed / self.reference, SMALLEST_RATIO)
        q = np.minimum(self.strength / g**self.power, self.cap)
        return np.abs(conductance) * q * accumulated(time, read_time or self.t_read)


@register("read_noise", "branched_one_over_f")
@dataclass(frozen=True)
class BranchedOneOverF:
    """1/f noise whose strength is logarithmic at low conductance and polynomial above.

    σ/G = q(g)·sqrt(ln((t + t_r)/(2 t_r))); q = clip(slope·ln g + offset, low, high) below
    ``threshold``, a polynomial from there on, g = G_programmed/G_ref. The fit of the HERMES chip's
    devices (Le Gallo et al., Nat. Electron. 6, 680, 2023, authors' model code).

    Attributes
    ----------
    reference : float
        G_ref [S].
    threshold : float
        g at which the branches meet.
    below : tuple of float
        (slope, offset, low, high).
    above : tuple of float
        Coefficients of g^0, g^1, ….
    t_read : float
        Read duration t_r of the characterisation [s].
    """

    reference: float = parameter("conductance", low=0)
    threshold: float = parameter(low=0)
    below: tuple[float, ...] = parameter(shape="list")
    above: tuple[float, ...] = parameter(shape="list")
    t_read: float = parameter("time", low=0)

    def __post_init__(self) -> None:
        if len(self.below) != 4:
            raise ValueError("read_noise_below must be [slope, offset, low, high]")

    def strength(self, programmed: FloatArray) -> FloatArray:
        """Return q at a programmed conductance [S]."""
        g = np.maximum(np.abs(programmed) / self.reference, SMALLEST_RATIO)
        return np.maximum(branched(g, self.threshold, self.below, self.above), 0.0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        q = self.strength(programmed)
        return np.abs(conductance) * q * accumulated(time, read_time or self.t_read)


@register("read_noise", "logarithmic_one_over_f")
@dataclass(frozen=True)
class LogarithmicOneOverF:
    """σ = K·log10(G/1 µS)·sqrt(ln((t + t_r)/(2 t_r))).

    Conductive-metal-oxide/HfOx devices (authors' model code, after Lombardo et al., DRC 2024).

    Attributes
    ----------
    strength : float
        K [S].
    t_read : float
        Read duration t_r of the characterisation [s].
    """

    of_programmed: ClassVar[bool] = False

    strength: float = parameter("conductance", low=0)
    t_read: float = parameter("time", low=0)

    def sigma(
        self, conductance: FloatArray, programmed: FloatArray, time: float, read_time: float | None
    ) -> FloatArray:
        """Return the standard deviation of one read [S]; zero below 1 µS."""
        decades = np.log10(np.maximum(conductance / 1e-6, 1.0))
        return np.asarray(self.strength * decades * accumulated(time, read_time or self.t_read))


def accumulated(time: float, t_read: float) -> float:
    """Return sqrt(ln((t + t_r)/(2 t_r))), zero for t <= t_r."""
    return math.sqrt(max(math.log((max(time, _SHORTEST_TIME) + t_read) / (2.0 * t_read)), 0.0))
