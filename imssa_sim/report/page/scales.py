"""Places of numbers on an axis, and the numbers that stand at its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Scale:
    """From ``low`` to ``high`` onto 0 to 100 %; ``logarithmic`` where both are positive."""

    low: float
    high: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value [%]."""
        if self.logarithmic:
            value = max(value, self.low)
            span = math.log(self.high / self.low)
            return 100 * math.log(value / self.low) / span if span else 50.0
        span = self.high - self.low
        return 100 * (value - self.low) / span if span else 50.0

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most about ``most`` round numbers on the scale."""
        return _decades(self, most) if self.logarithmic else _steps(self, most)


def _steps(scale: Scale, most: int) -> list[float]:
    span = scale.high - scale.low
    if not span:
        return [scale.low]
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * f for f in (1, 2, 5, 10) if power * f >= rough * (1 - 1e-9))
    first = math.ceil(scale.low / step - 1e-9)
    last = math.floor(scale.high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def _decades(scale: Scale, most: int) -> list[float]:
    first, last = math.ceil(math.log10(scale.low) - 1e-9), math.floor(math.log10(scale.high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / most))
    found = [10.0**n for n in range(first, last + 1, step)]
    if len(found) >= 2:
        return found
    low = math.floor(math.log10(scale.low))
    fine = [f * 10.0**n for n in range(low, last + 2) for f in (1, 2, 5)]
    return [value for value in fine if scale.low <= value <= scale.high]


def fitted(values: Iterable[float], margin: float = 0.06, from_zero: bool = False) -> Scale:
    """Return a linear scale that holds values, with a margin on each side."""
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = (0.0 if from_zero else min(found)), max(found)
    room = margin * (high - low or abs(high) or 1.0)
    return Scale(low if from_zero else low - room, high + room)


def decades(values: Iterable[float]) -> Scale:
    """Return a logarithmic scale of the positive ones of some values, in whole decades."""
    found = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    low, high = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), logarithmic=True)
