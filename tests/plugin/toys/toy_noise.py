"""A noise law of a device: read noise in proportion to the square of the conductance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter


@dataclass(frozen=True)
class QuadraticNoise:
    """σ = share_at_100us · G · G / 100 µS."""

    share_at_100us: float = parameter("number", low=0)

    def sigma(
        self,
        conductance: NDArray[np.float64],
        programmed: NDArray[np.float64],
        time: float,
        read_time: float | None,
    ) -> NDArray[np.float64]:
        """Return the standard deviation of one read [S]."""
        return self.share_at_100us * conductance**2 / 100e-6
