"""Mean and spread of a normal variable over x, by maximum likelihood, and how sure they are.

y is normal with mean m(x) and variance s(x)² + v, v known for each value (noise of reading). Which
curves m and s follow is decided by Schwarz's criterion (Ann. Statist. 6, 461, 1978): the smallest
k ln n - 2 ln L. Values at a physical bound count as "at or below" it (Tobin, Econometrica 26, 24,
1958).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from imssa_sim.measurements.curves import knots_of, means, spreads, table
from imssa_sim.measurements.likelihood import largest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.measurements.curves import Curve

FloatArray = NDArray[np.float64]

SMALLEST = 1e-4
"""Least spread relative to that of all values; a fit does not look below it."""
STEP = 1e-4
"""Step of numerical second derivatives, in units of order one."""


@dataclass(frozen=True)
class Moments:
    """A fitted mean and spread.

    Attributes
    ----------
    mean, spread : Curve
    parameters : (k,)
        Of the mean, then of the spread, in units of order one.
    covariance : (k, k)
        Of the parameters.
    scale_x, scale_y : float
        Units of x and of y.
    lowest : float
        The smallest x, in its unit.
    criterion : mapping
        Curve of the spread -> Schwarz's criterion.
    likelihood : float
        Logarithm of the likelihood of y.
    rows : int
        How many values it rests on.
    """

    mean: Curve
    spread: Curve
    parameters: FloatArray
    covariance: FloatArray
    scale_x: float
    scale_y: float
    lowest: float
    criterion: dict[str, float]
    likelihood: float
    rows: int

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.parameters)

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""
        return self.size * math.log(self.rows) - 2 * self.likelihood

    def mean_at(self, x: FloatArray) -> FloatArray:
        """Return the mean at x."""
        return self.scale_y * self.mean.value(
            self.parameters[: self.mean.size], np.asarray(x) / self.scale_x
        )

    def spread_at(self, x: FloatArray) -> FloatArray:
        """Return the standard deviation at x."""
        return self.scale_y * np.maximum(
            self.spread.value(self.parameters[self.mean.size :], np.asarray(x) / self.scale_x), 0.0
        )

    def error_of(self, what: str, x: FloatArray) -> FloatArray:
        """Return the standard error of ``mean`` or ``spread`` at x."""
        begin, curve = (0, self.mean) if what == "mean" else (self.mean.size, self.spread)
        own = slice(begin, begin + curve.size)
        at, centre = np.asarray(x) / self.scale_x, self.parameters[own]
        slopes = np.empty((curve.size, len(at)))
        for n in range(curve.size):
            moved = centre.copy()
            moved[n] += STEP
            slopes[n] = (curve.value(moved, at) - curve.value(centre, at)) / STEP
        variance = np.einsum("ix,ij,jx->x", slopes, self.covariance[own, own], slopes)
        return np.asarray(self.scale_y * np.sqrt(np.maximum(variance, 0.0)))

    def errors(self, what: str) -> FloatArray:
        """Return the standard errors of the parameters, in units of order one."""
        begin, curve = (0, self.mean) if what == "mean" else (self.mean.size, self.spread)
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))[begin : begin + curve.size]


def fit_moments(
    x: FloatArray,
    y: FloatArray,
    known: FloatArray,
    censored: NDArray[np.bool_] | None = None,
    mean_curves: Sequence[Curve] | None = None,
    spread_curves: Sequence[Curve] | None = None,
) -> Moments:
    """Fit mean and spread of y over x.

    Parameters
    ----------
    x, y : (n,)
        x not negative.
    known : (n,)
        Known variance of each y.
    censored : (n,), optional
        Where y is only known to be at most what it says.
    mean_curves, spread_curves : sequence of Curve, optional
        Over x relative to its largest; all by default.
    """
    scale_x, scale_y = float(x.max()) or 1.0, float(np.std(y)) or 1.0
    data = _Data(x / scale_x, y / scale_y, known / scale_y**2, censored)
    knots = knots_of(data.x)
    at, middle, width = data.by_part(knots)
    flexible = table(knots)

    def fit(mean: Curve, spread: Curve) -> _Fit:
        begin = np.concatenate([mean.start(at, middle), spread.start(at, width)])
        return data.fit(mean, spread, begin)

    chosen = means(data.x) if mean_curves is None else mean_curves
    mean = min((fit(curve, flexible) for curve in chosen), key=lambda f: f.bic).mean
    fits = [fit(mean, c) for c in (spreads(data.x) if spread_curves is None else spread_curves)]
    grid = np.linspace(data.x.min(), data.x.max(), 501)
    positive = [f for f in fits if f.spread.value(f.parameters[mean.size :], grid).min() >= 0]
    best = min(positive or fits, key=lambda f: f.bic)
    return Moments(
        mean,
        best.spread,
        best.parameters,
        data.covariance(best),
        scale_x,
        scale_y,
        float(data.x.min()),
        {f.spread.name: f.bic for f in fits},
        -best.negative - len(x) * math.log(scale_y),
        len(x),
    )


@dataclass(frozen=True)
class _Fit:
    mean: Curve
    spread: Curve
    parameters: FloatArray
    negative: float  # logarithm of the likelihood, negative
    bic: float


class _Data:
    """Values in units of order one, and their likelihood."""

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        known: FloatArray,
        censored: NDArray[np.bool_] | None,
    ) -> None:
        self.x, self.y, self.known = x, y, known
        self.seen = np.ones(len(x), bool) if censored is None else ~censored

    def by_part(self, knots: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return place, mean and spread of the values nearest to each knot that has some."""
        nearest = np.abs(self.x[:, None] - knots).argmin(axis=1)
        parts = [nearest == n for n in range(len(knots))]
        parts = [part for part in parts if part.sum() > 1] or [np.ones(len(self.x), bool)]
        spread = [
            math.sqrt(max(self.y[p].var(ddof=1) - self.known[p].mean(), SMALLEST**2)) for p in parts
        ]
        return (
            np.array([self.x[p].mean() for p in parts]),
            np.array([self.y[p].mean() for p in parts]),
            np.array(spread),
        )

    def negative(self, mean: Curve, spread: Curve, parameters: FloatArray) -> float:
        """Return the negative logarithm of the likelihood."""
        sigma = np.maximum(spread.value(parameters[mean.size :], self.x), SMALLEST)
        variance = sigma**2 + self.known
        away = self.y - mean.value(parameters[: mean.size], self.x)
        terms = 0.5 * (np.log(2 * math.pi * variance) + away**2 / variance)
        if not self.seen.all():
            terms = np.where(self.seen, terms, -log_ndtr(away / np.sqrt(variance)))
        return float(terms.sum())

    def fit(self, mean: Curve, spread: Curve, begin: FloatArray) -> _Fit:
        """Return the parameters of the largest likelihood."""
        parameters = largest(lambda p: self.negative(mean, spread, p) / len(self.x), begin)
        negative = self.negative(mean, spread, parameters)
        bic = len(begin) * math.log(len(self.x)) + 2 * negative
        return _Fit(mean, spread, parameters, negative, bic)

    def covariance(self, fit: _Fit) -> FloatArray:
        """Return the inverse of the observed information."""
        size = len(fit.parameters)
        steps = STEP * np.eye(size)

        def at(move: FloatArray) -> float:
            return self.negative(fit.mean, fit.spread, fit.parameters + move)

        information = np.empty((size, size))
        for i, a in enumerate(steps):
            for j, b in enumerate(steps[: i + 1]):
                second = at(a + b) - at(a - b) - at(b - a) + at(-a - b)
                information[i, j] = information[j, i] = second / (4 * STEP**2)
        return np.asarray(np.linalg.pinv(information, hermitian=True))
