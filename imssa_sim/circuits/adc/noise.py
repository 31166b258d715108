"""Noise of converters, stated by itself or as effective bits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, Made
from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.errors import InputError


@dataclass(frozen=True)
class ConverterNoise(AdcBehaviour):
    """Input-referred Gaussian noise.

    Attributes
    ----------
    rms : float
        [LSB]
    enob : float or None
        Effective bits, from which more noise follows; None: all of them.
    """

    rms: float = 0.0
    enob: float | None = None

    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return converters with this noise.

        Raises
        ------
        InputError
            The number of effective bits exceeds the bits.
        """
        power = self.rms**2 + self._beyond_quantisation(made.bits)
        variance = power / np.square(made.nominal.scale)
        return replace(converters, variance=converters.variance + variance)

    def _beyond_quantisation(self, bits: int) -> float:
        """Return the noise power that turns the bits into the effective ones [LSB²].

        Quantisation alone has LSB²/12; each effective bit less has four times the power.
        """
        if self.enob is None:
            return 0.0
        if self.enob > bits:
            raise InputError(f"hardware.adc.enob {self.enob} exceeds hardware.adc.bits {bits}")
        return float(4.0 ** (bits - self.enob) - 1.0) / 12.0
