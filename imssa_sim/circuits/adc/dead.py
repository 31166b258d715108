"""Converters that give code 0 whatever comes in; all columns that one serves are lost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, Made
from imssa_sim.circuits.adc.converters import Converters


@dataclass(frozen=True)
class DeadConverters(AdcBehaviour):
    """Converters that are dead.

    Attributes
    ----------
    probability : float
        Of a converter.
    """

    probability: float

    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return converters, some of which are dead."""
        dead = made.uniforms("dead_converter") < self.probability
        table, zero = converters.table, 0.5
        if table is not None:
            table = np.where(dead[:, :, None], 0.0, table)
            zero += converters.low
        return replace(
            converters,
            scale=np.where(dead, 0.0, converters.scale),
            offset=np.where(dead, zero, converters.offset),
            table=table,
        )
