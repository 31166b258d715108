"""ZigZag-IMC's cost model of successive approximation."""

from __future__ import annotations

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters


class ZigZag:
    """SAR model of ZigZag-IMC (Sun et al. 2023)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        capacitance = p["energy_linear"] * at.bits + p["energy_exponential"] * 4**at.bits
        return capacitance * p["supply"] ** 2 * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return 10 ** (p["area_slope"] * at.bits + p["area_level"]) * 2**at.bits * 1e-12

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * self.energy(p, at) / self.period(p, at)

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return at.bits * (p["delay_per_row"] * at.rows + p["delay_per_bit"])
