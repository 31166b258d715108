"""Words of several values side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import Operation

if TYPE_CHECKING:
    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Join(Operation):
    """The words of one value after those of another: wires, and no work."""

    outputs: int
    bits: int

    def integers(self, parameters: None, *values: Any, clips: ClipCounter) -> Any:
        """Return codes (…, outputs)."""
        return np.concatenate(values, axis=-1)
