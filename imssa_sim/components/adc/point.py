"""One measured converter as a cost model."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters


class Point:
    """One measured converter, at its own resolution; slower use costs the same per conversion."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        return p["power"] / p["rate_max"]

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return p["area"]

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * p["power"]

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return 1 / p["rate_max"]
