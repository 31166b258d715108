"""Cells that do not switch: which ones, and what conductance they are stuck at.

Fields are the card's parameters ``faults_<field>``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.devices.forms import parameter, register

FloatArray = NDArray[np.float64]


@register("faults", "stuck")
@dataclass(frozen=True)
class StuckCells:
    """Cells stuck on or off, each independently, with a spread of conductances.

    Stuck-on conductances are uniform in their range, stuck-off ones uniform in the logarithm,
    because that range spans decades.

    Attributes
    ----------
    on_rate, off_rate : float
        Probability that a cell is stuck on, stuck off.
    on_range, off_range : tuple of float
        (lowest, highest) conductance [S].
    """

    on_rate: float = parameter(low=0)
    off_rate: float = parameter(low=0)
    on_range: tuple[float, ...] = parameter("conductance", low=0, shape="list")
    off_range: tuple[float, ...] = parameter("conductance", low=0, shape="list")

    def __post_init__(self) -> None:
        if self.on_rate + self.off_rate > 1:
            raise ValueError("faults_on_rate and faults_off_rate add to more than 1")
        for name, values in (("on", self.on_range), ("off", self.off_range)):
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise ValueError(f"faults_{name}_range must be [lowest, highest], above zero")

    def kinds(self, uniforms: FloatArray) -> NDArray[np.int8]:
        """Return +1 for a cell stuck on, -1 for one stuck off, 0 for a good one.

        Parameters
        ----------
        uniforms : array
            Uniform in (0, 1).
        """
        on = (uniforms < self.on_rate).astype(np.int8)
        return on - (uniforms > 1.0 - self.off_rate).astype(np.int8)

    def conductance(self, kinds: NDArray[np.int8], uniforms: FloatArray) -> FloatArray:
        """Return the conductance of stuck cells [S]; what it gives for good ones is meaningless.

        Parameters
        ----------
        kinds : array
            From `kinds`.
        uniforms : array
            Uniform in (0, 1): the place in the range.
        """
        low, high = self.on_range
        least, most = self.off_range
        return np.where(
            kinds > 0, low + (high - low) * uniforms, least * (most / least) ** uniforms
        )
