"""A cost model of an ADC: so much energy for each code, a fixed area and rate, no leakage."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters


class PerCode:
    """Energy = energy_per_code · 2^bits."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Energy of one conversion [J]."""
        return p["energy_per_code"] * 2**at.bits

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Area of one converter [m^2]."""
        return p["area"]

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Power without conversions [W]."""
        return 0.0

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Shortest time from one conversion to the next [s]."""
        return 1 / p["rate_max"]
