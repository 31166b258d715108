"""The gated linear unit: one half of the words times the gate that the other half opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation, Products
from imssa_sim.program.tokens import by_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter


@dataclass(frozen=True)
class Gate(Operation):
    """``z[:H] * table[z[H:] + limit]``, a wide product that nothing rounds.

    Value and gate are the halves of one input, or come as two.
    """

    outputs: int
    bits: int

    def integers(
        self, parameters: NDArray[np.int64], *values: Any, clips: ClipCounter
    ) -> NDArray[np.int32]:
        """Return products (…, H) of codes (…, 2H); the table (2*limit+1,) is of unsigned codes.

        They fit 32 bits: codes and gates have 16 at most.
        """
        from imssa_sim.kernels import digital as kernels

        z = values[0] if len(values) == 1 else np.concatenate(values, axis=-1)
        out = np.empty((*z.shape[:-1], self.outputs), dtype=np.int32)
        flat, target = z.reshape(-1, z.shape[-1]), out.reshape(-1, self.outputs)
        by_tokens(lambda part: kernels.gate(flat[part], parameters, target[part]), len(flat))
        return out

    def work(self) -> tuple[DigitalWork, ...]:
        """Return a look-up and a product per word."""
        return (
            DigitalWork("lut", "lookup", self.outputs, self.bits),
            DigitalWork("multiplier", "multiply", self.outputs, self.bits),
        )

    def products(self) -> tuple[Products, ...]:
        """Return one product of activations per word."""
        return (Products("glu", self.outputs, self.bits, self.bits),)
