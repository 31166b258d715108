"""A fit of successive approximation over levels and column resistance."""

from __future__ import annotations

import numpy as np

from imssa_sim.components.adc.form import AdcPoint, grown_area
from imssa_sim.components.parameters import Number, Parameters


class Sar:
    """SAR fit over levels and column resistance (Peng et al. 2020), one cycle per bit and one."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        column = p["power_column"] * np.exp(-p["column_slope"] * np.log10(p["column_resistance"]))
        power = p["power_per_bit"] * at.bits + p["power_base"] + column
        return power * self.period(p, at)

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        return grown_area(p, at)

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * self.energy(p, at) / self.period(p, at)

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return (at.bits + 1) * p["cycle"]
