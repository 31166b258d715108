"""Gains and offsets of converters that calibration leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, Made
from imssa_sim.circuits.adc.converters import Converters


@dataclass(frozen=True)
class Spread(AdcBehaviour):
    """Gaussian spread of gains and offsets.

    Attributes
    ----------
    gain : float
        Standard deviation, relative.
    offset : float
        Standard deviation [LSB].
    """

    gain: float = 0.0
    offset: float = 0.0

    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return converters with gains and offsets of their own."""
        scale, offset = converters.scale, converters.offset
        if self.gain:
            gain = 1.0 + self.gain * made.normals("adc_gain")
            scale, offset = scale * gain, offset * gain
        if self.offset:
            offset = offset + self.offset * made.normals("adc_offset")
        return replace(converters, scale=scale, offset=offset)
