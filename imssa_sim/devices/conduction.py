"""Current–voltage characteristics of a cell. Fields are the parameters ``conduction_<field>``.

``conductance`` is that at small voltage [S]. A card without this aspect is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register

FloatArray = NDArray[np.float64]


class Conduction(Protocol):
    """A cell's current–voltage characteristic."""

    def current(self, conductance: FloatArray, voltage: FloatArray) -> FloatArray:
        """Return the current [A]."""

    def slope(self, conductance: FloatArray, voltage: FloatArray) -> FloatArray:
        """Return dI/dV [S]."""


@register("conduction", "sinh")
@dataclass(frozen=True)
class SinhConduction:
    """I = G·V0·sinh(V/V0), the usual form for hopping and tunnelling oxides.

    Attributes
    ----------
    scale : float
        V0 [V]; large means linear.
    """

    scale: float = parameter("voltage", low=1e-3)

    def current(self, conductance: FloatArray, voltage: FloatArray) -> FloatArray:
        """Return the current [A]."""
        return np.asarray(conductance * self.scale * np.sinh(voltage / self.scale))

    def slope(self, conductance: FloatArray, voltage: FloatArray) -> FloatArray:
        """Return dI/dV [S]."""
        return np.asarray(conductance * np.cosh(voltage / self.scale))
