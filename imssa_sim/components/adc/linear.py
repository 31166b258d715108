"""A cost model with power linear in the bits."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint, grown_area
from imssa_sim.components.parameters import Number, Parameters


class Linear:
    """Power linear in the bits, a sweep over all columns in a fixed time (PUMA)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        return (p["power_per_bit"] + p["leakage_per_bit"]) * at.bits * self.period(p, at)

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return grown_area(p, at)

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["leakage_per_bit"] * at.bits

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return p["sweep"] / p["columns_per_sweep"]
