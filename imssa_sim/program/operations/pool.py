"""Pooling: the sum over the steps of a sequence; what follows divides by their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Pool(Operation):
    """The wide sum over the steps."""

    outputs: int
    bits: int
    by_token: ClassVar[bool] = False
    pools: ClassVar[bool] = True

    def integers(self, parameters: None, *values: Any, clips: ClipCounter) -> NDArray[np.int64]:
        """Return the sums (B, outputs) of codes (B, L, outputs); there are no parameters."""
        return np.asarray(values[0].sum(axis=1, dtype=np.int64))

    def work(self) -> tuple[DigitalWork, ...]:
        """Return one addition per word."""
        return (DigitalWork("adder", "add", self.outputs, self.bits),)
