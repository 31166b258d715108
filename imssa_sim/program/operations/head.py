"""The head: logits of pooled codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from imssa_sim.program.operations.linear_map import LinearMap

if TYPE_CHECKING:
    from imssa_sim.model.quantised import QuantisedLinear
    from imssa_sim.program.operation import DigitalWork
    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.quantisers import FloatArray


class HeadParameters(NamedTuple):
    """Weights of the decoder, and the real value (K,) of one unit of each sum."""

    linear: QuantisedLinear
    scale: FloatArray


@dataclass(frozen=True)
class Head(LinearMap):
    """``(weight @ pooled + bias) * scale``: a linear map whose sums leave the chip as they are."""

    leaves: ClassVar[bool] = True

    def integers(self, parameters: Any, *values: Any, clips: ClipCounter) -> Any:
        """Return the logits (…, K), real, of codes (…, H); takes `HeadParameters`."""
        linear, scale = parameters
        return (values[0].astype(np.int64) @ linear.weight.T + linear.bias) * scale

    def requantisation(self) -> tuple[DigitalWork, ...]:
        """Return nothing: logits are not requantised."""
        return ()
