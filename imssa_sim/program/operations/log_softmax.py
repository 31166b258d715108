"""The logarithm of the softmax of logits, where a network gives that; behind the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from imssa_sim.model.elementwise import log_softmax
from imssa_sim.program.operation import Operation

if TYPE_CHECKING:
    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class LogSoftmax(Operation):
    """``x - log(sum(exp(x)))`` of real logits; it takes nothing on the chip."""

    outputs: int
    bits: int
    leaves: ClassVar[bool] = True

    def integers(self, parameters: None, *values: Any, clips: ClipCounter) -> Any:
        """Return the logarithms (…, outputs) of the probabilities of logits."""
        return log_softmax(values[0])
