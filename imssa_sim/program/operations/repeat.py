"""Copies of a token's words side by side: several kernels on each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import Operation

if TYPE_CHECKING:
    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Repeat(Operation):
    """All words of a token, ``copies`` times in a row: wires, and no work."""

    outputs: int
    bits: int
    copies: int

    def integers(self, parameters: None, *values: Any, clips: ClipCounter) -> Any:
        """Return codes (…, outputs) of codes (…, outputs / copies)."""
        return np.concatenate([values[0]] * self.copies, axis=-1)
