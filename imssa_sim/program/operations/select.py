"""The choice of the channels whose kernels are there; the others were pruned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Select(Operation):
    """``outputs`` of the channels, by wiring."""

    outputs: int
    bits: int

    def integers(
        self, parameters: NDArray[np.int64], *values: Any, clips: ClipCounter
    ) -> NDArray[np.int16]:
        """Return values (…, outputs); the parameters are the numbers of their channels."""
        return np.ascontiguousarray(values[0][..., parameters])
