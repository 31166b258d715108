"""The noise of reading, from repeated reads of one state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.measurements.curves import Curve, knots_of, polynomial, saturating, tables
from imssa_sim.measurements.likelihood import largest

if TYPE_CHECKING:
    from imssa_sim.measurements.read import Measurements

FloatArray = NDArray[np.float64]

SMALLEST = 1e-4
"""Least noise relative to the mean one; a fit does not look below it."""


@dataclass(frozen=True)
class FittedNoise:
    """Standard deviation of one read over the conductance.

    ``curve`` with ``parameters`` and units of conductance and noise
    [S]; ``freedom``: degrees of freedom that it rests on.
    """

    curve: Curve
    parameters: FloatArray
    scale_x: float
    scale_y: float
    freedom: int

    def sigma_at(self, conductance: FloatArray) -> FloatArray:
        """Return the standard deviation of one read [S]."""
        value = self.curve.value(self.parameters, np.asarray(conductance) / self.scale_x)
        return self.scale_y * np.maximum(value, 0.0)


def fit_noise(data: Measurements) -> FittedNoise | None:
    """Fit the noise of reading; None without repeated reads.

    The sum of squares about the mean of r reads is σ² χ² with r - 1 degrees of freedom; the curve
    of σ is chosen by Schwarz's criterion.
    """
    if not data.reads.shape[1]:
        return None
    reads = np.column_stack([data.achieved, data.reads])
    freedom = reads.shape[1] - 1
    square = reads.var(axis=1, ddof=1)
    middle = reads.mean(axis=1)
    kept = middle > 0
    square, middle = square[kept], middle[kept]
    scale_x, scale_y = float(middle.max()), math.sqrt(float(square.mean()))
    if scale_y == 0:
        return None
    x, q = middle / scale_x, square / scale_y**2
    knots = knots_of(x)
    nearest = np.abs(x[:, None] - knots).argmin(axis=1)
    parts = [nearest == n for n in range(len(knots)) if (nearest == n).any()]
    at = np.array([x[p].mean() for p in parts])
    rough = np.array([math.sqrt(q[p].mean()) for p in parts])

    def negative(curve: Curve, parameters: FloatArray) -> float:
        variance = np.maximum(curve.value(parameters, x), SMALLEST) ** 2
        return float((freedom / 2 * (np.log(variance) + q / variance)).mean())

    best: tuple[float, Curve, FloatArray] | None = None
    curves = (polynomial("constant", (0,)), polynomial("relative", (1,)), saturating(), *tables(x))
    for curve in curves:
        parameters = largest(partial(negative, curve), curve.start(at, rough))
        bic = curve.size * math.log(len(x) * freedom) + 2 * len(x) * negative(curve, parameters)
        if best is None or bic < best[0]:
            best = bic, curve, parameters
    assert best is not None
    return FittedNoise(best[1], best[2], scale_x, scale_y, len(x) * freedom)
