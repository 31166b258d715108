"""Normalisation over the channels of a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation
from imssa_sim.program.tokens import by_tokens
from imssa_sim.quantisation.quantisers import code_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.model.quantised import QuantisedNorm
    from imssa_sim.program.saturation import ClipCounter

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Normalise(Operation):
    """A norm in integers (`imssa_sim.model.quantised.QuantisedNorm`)."""

    outputs: int
    bits: int

    def integers(self, parameters: QuantisedNorm, *values: Any, clips: ClipCounter) -> Codes:
        """Return the codes of integers (…, outputs)."""
        from imssa_sim.kernels import digital as kernels

        norm, v, width = parameters, values[0], self.outputs
        out = np.empty(v.shape, dtype=np.int16)
        clipped = np.zeros(v.size // width, dtype=np.int64)
        flat, target = v.reshape(-1, width), out.reshape(-1, width)
        limit = code_limit(norm.bits)
        gain, bias, epsilon, fraction = norm.gain, norm.bias, norm.epsilon, norm.fraction

        def work(part: slice) -> None:
            ends = limit, target[part], clipped[part]
            if norm.kind == "layer":
                kernels.layer_norm(flat[part], gain, bias, epsilon, fraction, *ends)
            else:
                kernels.affine_norm(flat[part], gain, bias, fraction, *ends)

        by_tokens(work, len(flat))
        clips.count(clipped.sum(), out.size)
        return out

    def work(self) -> tuple[DigitalWork, ...]:
        """Return one element per word."""
        return (DigitalWork("norm", "normalise", self.outputs, self.bits),)
