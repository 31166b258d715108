"""Curves of a mean and of a spread over the conductance, by number of parameters.

All take x and parameters in units of order one: x relative to its largest value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A family of functions of x.

    Attributes
    ----------
    name : str
    size : int
        Number of parameters.
    value : callable
        (parameters, x) -> value, of the shape of x.
    start : callable
        (knots, values at the knots) -> parameters to begin with.
    knots : (k,) or None
        Abscissae, of a table.
    """

    name: str
    size: int
    value: Callable[[FloatArray, FloatArray], FloatArray]
    start: Callable[[FloatArray, FloatArray], FloatArray]
    knots: FloatArray | None = None


def polynomial(name: str, powers: tuple[int, ...]) -> Curve:
    """Return Σ c_i x^p_i."""

    def basis(x: FloatArray) -> FloatArray:
        return np.stack([x**p for p in powers], axis=-1) if powers else np.empty((*x.shape, 0))

    def value(parameters: FloatArray, x: FloatArray) -> FloatArray:
        return np.asarray(basis(x) @ parameters)

    def start(knots: FloatArray, values: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.lstsq(basis(knots), values, rcond=None)[0])

    return Curve(name, len(powers), value, start)


def saturating() -> Curve:
    """Return a (1 - exp(-x / b))."""

    def value(parameters: FloatArray, x: FloatArray) -> FloatArray:
        return np.asarray(-parameters[0] * np.expm1(-x / max(abs(parameters[1]), 1e-6)))

    def start(knots: FloatArray, values: FloatArray) -> FloatArray:
        return np.array([values.max(), 0.3])

    return Curve("saturating", 2, value, start)


def logarithmic() -> Curve:
    """Return max(a ln x + b, c), after Joshi et al., Nat. Commun. 11, 2473 (2020)."""

    def value(parameters: FloatArray, x: FloatArray) -> FloatArray:
        slope, offset, floor = parameters
        return np.asarray(np.maximum(slope * np.log(np.maximum(x, 1e-3)) + offset, floor))

    def start(knots: FloatArray, values: FloatArray) -> FloatArray:
        low = knots < np.median(knots)
        steep = np.polyfit(np.log(np.maximum(knots[low], 1e-3)), values[low], 1)
        return np.array([*steep, np.median(values[~low])])

    return Curve("logarithm above a floor", 3, value, start)


def table(knots: FloatArray) -> Curve:
    """Return values at knots, linear between them and constant beyond."""

    def value(parameters: FloatArray, x: FloatArray) -> FloatArray:
        return np.asarray(np.interp(x, knots, parameters))

    def start(at: FloatArray, values: FloatArray) -> FloatArray:
        return np.asarray(np.interp(knots, at, values))

    return Curve(f"table of {len(knots)}", len(knots), value, start, knots)


def tables(x: FloatArray) -> tuple[Curve, ...]:
    """Return tables over x, from coarse to fine, each once."""
    knots = {len(found): found for found in (knots_of(x, most) for most in (3, 6, 10, 16))}
    return tuple(map(table, knots.values()))


def means(x: FloatArray) -> tuple[Curve, ...]:
    """Return the curves that a mean deviation may follow."""
    return (
        polynomial("none", ()),
        polynomial("offset", (0,)),
        polynomial("gain", (1,)),
        polynomial("gain and offset", (0, 1)),
        *tables(x),
    )


def spreads(x: FloatArray) -> tuple[Curve, ...]:
    """Return the curves that a standard deviation may follow."""
    return (
        polynomial("constant", (0,)),
        polynomial("polynomial of degree 1", (0, 1)),
        polynomial("polynomial of degree 2", (0, 1, 2)),
        polynomial("polynomial of degree 3", (0, 1, 2, 3)),
        saturating(),
        *tables(x),
    )


def knots_of(x: FloatArray, most: int = 16, fewest_each: int = 40) -> FloatArray:
    """Return where a table of values over x has its knots.

    The values themselves where they are few and often, else the means of equally full parts.
    """
    found, numbers = np.unique(x, return_counts=True)
    if len(found) <= most and numbers.min() >= min(fewest_each, len(x) / most / 2):
        return np.asarray(found)
    parts = int(np.clip(len(x) // (2 * fewest_each), 2, most))
    middle = [part.mean() for part in np.array_split(np.sort(x), parts)]
    return np.unique([x.min(), *middle, x.max()] if parts > 3 else middle)
