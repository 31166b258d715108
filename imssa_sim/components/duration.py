"""Exact times: what an action occupies its component for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# Assumed: a latch or sampler takes one cycle.
LATCH_CYCLES = 1


@dataclass(frozen=True)
class Duration:
    """One action's time [s], exact, and how it comes about.

    ``behind`` [s]: the last part of it, in which the component already serves another token.
    """

    seconds: Fraction
    explanation: str
    assumed: bool
    behind: Fraction = Fraction(0)


def exact(value: float) -> Fraction:
    """Return the decimal number that a float prints as, exactly."""
    return Fraction(repr(float(value)))


def nanoseconds(seconds: Fraction) -> str:
    """Return a time in nanoseconds with its unit."""
    return f"{float(seconds * 10**9):.6g} ns"
