"""The cost model of a converter that takes a step a bit, its energy tabulated."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters, log_interpolate


class Steps:
    """A time to sample and one for each bit; energy over the bits from a table (NeuRRAM)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        return log_interpolate(at.bits, p.array("bits"), p.array("energy"))

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return p["area"]

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * self.energy(p, at) / self.period(p, at)

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return p["sample_time"] + at.bits * p["step_time"]
