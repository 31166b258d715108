"""The cost model of a regression over the converter survey."""

from __future__ import annotations

import numpy as np

from imssa_sim.components.adc.form import AdcPoint
from imssa_sim.components.parameters import Number, Parameters


class Survey:
    """Regression over the converter survey, Andrulis et al. 2024 (arXiv 2404.06553)."""

    def energy(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the energy of one conversion at full rate [J]."""
        sndr = 6.0206 * at.bits + 10 * np.log10(1.5)
        capped = np.minimum(np.ceil(at.bits), p["fom_bits_cap"])
        by_rate = p["fom_rate_level"] - p["fom_rate_slope"] * np.log(at.rate)
        by_bits = p["fom_bits_level"] + p["fom_bits_slope"] * capped
        fom = np.minimum(by_rate, by_bits)
        correction: Number = np.exp(
            p["energy_constant"]
            + p["energy_node"] * np.log(at.node * 1e9)
            - p["energy_bits"] * np.log(at.bits)
            - p["energy_offset"]
        )
        picojoule: Number = 0.5 / 10 ** ((fom - sndr) / 10) * correction
        return picojoule * 1e-12 * p.peek("energy_spread")

    def area(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the area [m^2]."""
        picojoule = self.energy(p, at) / p.peek("energy_spread") * 1e12
        square_micron: Number = np.exp(
            p["area_constant"]
            + p["area_node"] * np.log(at.node * 1e9)
            + p["area_rate"] * np.log(at.rate)
            + p["area_energy"] * np.log(picojoule)
        )
        return square_micron * 1e-12

    def leakage(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the power without conversions [W]."""
        return p["idle_fraction"] * self.energy(p, at) * at.rate

    def period(self, p: Parameters, at: AdcPoint) -> Number:
        """Return the shortest time between conversions [s]."""
        return 1 / at.rate
