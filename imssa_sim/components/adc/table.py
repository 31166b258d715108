"""The cost model of a table over the bits at one rate and node."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters, log_interpolate


class Tabulated:
    """Energy and area over the bits at one rate and node (ISAAC, scaled after Saberi)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        energy = log_interpolate(at.bits, p.array("bits"), p.array("energy"))
        return energy * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return log_interpolate(at.bits, p.array("bits"), p.array("area"))

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * self.energy(p, at) * p["rate_max"]

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return 1 / p["rate_max"]
