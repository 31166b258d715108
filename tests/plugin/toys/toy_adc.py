"""An ADC behaviour: every converter reads half a code too much."""

from __future__ import annotations

from dataclasses import replace

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, Made
from imssa_sim.circuits.adc.converters import Converters


class Shift(AdcBehaviour):
    """An offset of half a code, the same for all."""

    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return the converters with the offset."""
        return replace(converters, offset=converters.offset + 0.5 * converters.fine)
