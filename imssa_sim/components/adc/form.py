"""What a cost model of a converter is.

A card's ``form`` selects the model. Each gives the energy of a conversion with all power included
(at the model's full rate), the area, the power that flows without conversions, and the latency.
The ledger books ``dynamic`` energy per conversion and ``leakage`` over time; at full rate their
sum is the published energy. Converters are never scaled with the digital technology: a form either
takes the node as an argument (survey) or is tied to its own.

A model of another package is an object with the methods of `AdcForm`, or a class without
parameters that makes one, under its form's name in the entry point group ``imssa_sim.adc``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imssa_sim.components.parameters import Number, Parameters


@dataclass(frozen=True)
class AdcPoint:
    """Where a converter is operated.

    Attributes
    ----------
    bits : float
        Effective number of bits.
    rate : float
        Conversions per second of one converter [Hz].
    node : float
        Technology node [m]; used by the survey alone.
    rows : int
        Word lines of the array in front of it; used by ZigZag's delay alone.
    """

    bits: float
    rate: float = 1e8
    node: float = 32e-9
    rows: int = 128


class AdcForm(Protocol):
    """A cost model of a converter; pure functions of card parameters and operating point."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Energy of one conversion at full rate, all power included [J]."""

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Area of one converter [m^2]."""

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Power without conversions [W]."""

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Shortest time from one conversion to the next [s]."""


def grown_area(p: Parameters, at: AdcPoint) -> Number:
    """Return the area of an 8-bit converter, grown by a factor for each further bit [m^2]."""
    return p["area_8"] * p["area_growth"] ** (at.bits - 8)
