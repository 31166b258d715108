"""From measurements to the statistics of a cell: bias, spread, drift or relaxation, noise, faults.

One after another, each with what is known so far: the noise of reading from repeated reads, stuck
cells by their distance from all others, bias and spread of the first readings, and what time does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.measurements.curves import Curve, knots_of, logarithmic, polynomial, tables
from imssa_sim.measurements.moments import Moments, fit_moments
from imssa_sim.measurements.noise import FittedNoise, fit_noise
from imssa_sim.measurements.read import Measurements

FloatArray = NDArray[np.float64]

STUCK = 8.0
"""Robust standard deviations from all others at which a cell counts as stuck."""
MAD_TO_SIGMA = 1.4826
"""Of a normal variable: standard deviation over median absolute deviation."""
MOSTLY = 0.3
"""Spread relative to the conductance above which an exponent of drift tells nothing."""
CONFIDENCE = 1.96
"""Standard errors to either side of a 95 % interval."""


@dataclass(frozen=True)
class Stuck:
    """Cells that did not switch.

    ``on`` and ``off`` of ``cells``; their conductances (lowest, highest) [S], None without any.
    """

    cells: int
    on: int
    off: int
    on_range: tuple[float, float] | None
    off_range: tuple[float, float] | None


@dataclass(frozen=True)
class Relaxation:
    """Total spread and mean shift over targets [S] at each time [s], tables by time."""

    targets: FloatArray
    times: FloatArray
    sigmas: FloatArray
    errors: FloatArray
    shifts: FloatArray


@dataclass(frozen=True)
class CellFit:
    """What measurements say of a cell.

    Attributes
    ----------
    data : Measurements
        Without stuck cells.
    first, last : float
        Times of the first and the last readings [s].
    programming : Moments
        Deviation of the first readings from their targets [S] over the target [S].
    drift : Moments or None
        Exponent ν over the target [S].
    relaxation : Relaxation or None
    noise : FittedNoise or None
        Of the first readings; None without repeated reads.
    stuck : Stuck
    normal : float
        Probability of deviations at least as far from normal (Anderson and Darling's statistic).
    warmth : (float, float) or None
        Change of the deviation per kelvin, relative to its spread, and its standard error; None
        where the temperature did not vary.
    notes : tuple of str
        What was left out or decided, and why.
    """

    data: Measurements
    first: float
    last: float
    programming: Moments
    drift: Moments | None
    relaxation: Relaxation | None
    noise: FittedNoise | None
    stuck: Stuck
    normal: float
    warmth: tuple[float, float] | None
    notes: tuple[str, ...]

    @property
    def residuals(self) -> FloatArray:
        """Deviations of the first readings, standardised."""
        return _standardised(self.data, self.first, self.programming, self.noise)


def fit_cell(data: Measurements) -> CellFit:
    """Fit the statistics of a cell.

    Raises
    ------
    InputError
        If all readings are alike, or cells were read late alone.
    """
    first, last = float(data.time.min()), float(data.time.max())
    if last > first and first <= 0:
        raise InputError(
            "the first readings are at time 0: time counts from programming, so that drift needs "
            "the delay of the first reading, for example 1 s"
        )
    notes: list[str] = []
    good, stuck = _without_stuck(data, first)
    if np.ptp(good.achieved) == 0:
        raise InputError("all conductances achieved are the same: there is no spread to fit")
    early = good.part(good.time == first)
    noise = fit_noise(early)
    if noise is None:
        notes.append("no repeated reads: the noise of one read is part of the programming error")
    programming = fit_moments(
        early.target,
        early.achieved - early.target,
        _noise_variance(noise, early.achieved),
        early.achieved <= 0,
    )
    drift = relaxation = None
    if last > first:
        drift, relaxation, why = _time(good, first, programming, noise)
        notes.append(why)
    residuals = _standardised(good, first, programming, noise)
    return CellFit(
        good, first, last, programming, drift, relaxation, noise, stuck,
        anderson_darling(residuals), _warmth(early, residuals), tuple(notes),
    )  # fmt: skip


def _noise_variance(noise: FittedNoise | None, conductance: FloatArray) -> FloatArray:
    return np.zeros(len(conductance)) if noise is None else noise.sigma_at(conductance) ** 2


def _standardised(
    data: Measurements, first: float, programming: Moments, noise: FittedNoise | None
) -> FloatArray:
    early = data.part((data.time == first) & (data.achieved > 0))
    away = early.achieved - early.target - programming.mean_at(early.target)
    variance = programming.spread_at(early.target) ** 2
    variance = variance + _noise_variance(noise, early.achieved)
    return np.asarray(away / np.sqrt(np.maximum(variance, np.finfo(float).tiny)))


def _without_stuck(data: Measurements, first: float) -> tuple[Measurements, Stuck]:
    """Set cells apart whose first reading is far from those of the same target."""
    early = data.time == first
    target, away = data.target, data.achieved - data.target
    knots = knots_of(target)
    part = np.abs(target[:, None] - knots).argmin(axis=1)
    middle, width = np.zeros(len(knots)), np.zeros(len(knots))
    for n in range(len(knots)):
        here = away[early & (part == n)]
        if len(here):
            middle[n] = np.median(here)
            width[n] = MAD_TO_SIGMA * np.median(np.abs(here - middle[n]))
    width = np.maximum(width, np.median(width) / 4)
    distance = away - middle[part]
    far = early & (np.abs(distance) > STUCK * width[part]) & (width[part] > 0)
    on, off = far & (distance > 0), far & (distance < 0)
    gone = np.isin(data.cell, data.cell[far])
    ranges = [
        (max(float(data.achieved[w].min()), 1e-12), max(float(data.achieved[w].max()), 1e-12))
        if w.any()
        else None
        for w in (on, off)
    ]
    stuck = Stuck(int(early.sum()), int(on.sum()), int(off.sum()), ranges[0], ranges[1])
    return data.part(~gone), stuck


def _time(
    data: Measurements, first: float, programming: Moments, noise: FittedNoise | None
) -> tuple[Moments | None, Relaxation | None, str]:
    """Decide between drift and relaxation by the likelihood of the last readings."""
    last = float(data.time.max())
    late = data.part(data.time == last)
    begin = _before(data, late, first)
    variance = _noise_variance(noise, begin)
    later = _noise_variance(fit_noise(late), late.achieved)
    known = variance + later
    span = math.log(last / first)
    firm = (begin > 0) & (late.achieved > 0) & (np.sqrt(known) < MOSTLY * begin)
    if firm.sum() < MOSTLY * len(begin) or firm.sum() < 30:
        return (
            None,
            _relaxation(data, programming),
            ("most cells are too close to zero for an exponent: what time does is a relaxation"),
        )
    target, g0, g1 = late.target[firm], begin[firm], late.achieved[firm]
    relative = variance[firm] / g0**2 + later[firm] / g1**2
    drift = fit_moments(
        target, -np.log(g1 / g0) / span, relative / span**2,
        mean_curves=_exponents(target), spread_curves=_exponents(target),
    )  # fmt: skip
    # Of the conductance: p(G) = p(ν)·dν/dG.
    drift_bic = drift.bic + 2 * float(np.log(g1 * span).sum())
    added = fit_moments(target, g1 - g0, known[firm])
    if drift_bic <= added.bic:
        left = len(begin) - int(firm.sum())
        note = (
            f"drift describes the last readings better than a relaxation (Schwarz's criterion "
            f"{added.bic - drift_bic:.0f} lower)"
        )
        if left:
            note += f"; {left} cells near zero say nothing of it"
        return drift, None, note
    note = (
        f"a relaxation describes the last readings better than drift (Schwarz's criterion "
        f"{drift_bic - added.bic:.0f} lower)"
    )
    return None, _relaxation(data, programming), note


def _exponents(target: FloatArray) -> tuple[Curve, ...]:
    """Return the curves that moments of an exponent may follow."""
    return (polynomial("constant", (0,)), logarithmic(), *tables(target / target.max()))


def _before(data: Measurements, late: Measurements, first: float) -> FloatArray:
    """Return what the cells of the last readings conducted at first [S]."""
    early = data.part(data.time == first)
    place = {cell: n for n, cell in enumerate(early.cell.tolist())}
    found = np.array([place.get(cell, -1) for cell in late.cell.tolist()])
    if (found < 0).any():
        raise InputError(
            f"{int((found < 0).sum())} cells have a last reading, but none at the first time, "
            f"{first:g} s; read every cell at the same times"
        )
    return np.asarray(early.achieved[found])


def _relaxation(data: Measurements, programming: Moments) -> Relaxation:
    """Tabulate total spread and mean shift at every time."""
    times = np.unique(data.time)
    knots = knots_of(data.target / data.target.max())
    targets = knots * data.target.max()
    sigmas, errors, shifts = [], [], []
    for time in times:
        here = data.part(data.time == time)
        found = fit_moments(
            here.target, here.achieved - here.target,
            _noise_variance(fit_noise(here), here.achieved), here.achieved <= 0,
        )  # fmt: skip
        sigmas.append(found.spread_at(targets))
        errors.append(found.error_of("spread", targets))
        shifts.append(found.mean_at(targets) - programming.mean_at(targets))
    shifts[0] = np.zeros(len(targets))
    return Relaxation(targets, times, np.array(sigmas), np.array(errors), np.array(shifts))


def _warmth(early: Measurements, residuals: FloatArray) -> tuple[float, float] | None:
    if early.temperature is None:
        return None
    warm = early.temperature[early.achieved > 0]
    if np.ptp(warm) == 0:
        return None
    away = warm - warm.mean()
    slope = float(away @ residuals / (away @ away))
    return slope, float(residuals.std() / math.sqrt(away @ away))


def anderson_darling(residuals: FloatArray) -> float:
    """Return the probability of values at least as far from a normal distribution.

    Anderson and Darling's A² with mean and variance from the values themselves, and the fit to its
    distribution by D'Agostino and Stephens, Goodness-of-Fit Techniques (1986), table 4.9.
    """
    from scipy.special import log_ndtr

    z = np.sort((residuals - residuals.mean()) / residuals.std(ddof=1))
    n = len(z)
    rank = 2 * np.arange(1, n + 1) - 1
    a2 = -n - float((rank * (log_ndtr(z) + log_ndtr(-z[::-1]))).mean())
    a2 *= 1 + 0.75 / n + 2.25 / n**2
    if a2 >= 0.6:
        return math.exp(1.2937 - 5.709 * min(a2, 13.0) + 0.0186 * min(a2, 13.0) ** 2)
    if a2 >= 0.34:
        return math.exp(0.9177 - 4.279 * a2 - 1.38 * a2**2)
    if a2 >= 0.2:
        return 1 - math.exp(-8.318 + 42.796 * a2 - 59.938 * a2**2)
    return 1 - math.exp(-13.436 + 101.14 * a2 - 223.73 * a2**2)
