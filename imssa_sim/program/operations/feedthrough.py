"""The feed-through of channels beside a state that mixes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imssa_sim.program.operation import DigitalWork, Held, Operation, Products
from imssa_sim.program.operations.requantise import requantise_codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.requantiser import Requantiser


class FeedthroughParameters(NamedTuple):
    """Codes of D (H,), and what follows the products."""

    d: NDArray[np.int64]
    requant: Requantiser


@dataclass(frozen=True)
class Feedthrough(Operation):
    """``requant(d * u)`` of every channel.

    ``input_bits`` and ``weight_bits`` are the widths of what is multiplied.
    """

    outputs: int
    input_bits: int
    weight_bits: int
    bits: int

    def integers(
        self, parameters: FeedthroughParameters, *values: Any, clips: ClipCounter
    ) -> NDArray[np.int16]:
        """Return codes (…, outputs) of codes (…, outputs)."""
        product = values[0].astype(np.int32) * parameters.d.astype(np.int32)
        return requantise_codes(product, parameters.requant, clips)

    def work(self) -> tuple[DigitalWork, ...]:
        """Return a product and a requantisation per channel."""
        return (
            DigitalWork("mac", "mac", self.outputs, self.weight_bits),
            DigitalWork("requantiser", "requantise", self.outputs, self.bits),
        )

    def products(self) -> tuple[Products, ...]:
        """Return one product per channel."""
        return (Products("D", self.outputs, self.weight_bits, self.input_bits),)

    def weights(self) -> tuple[Held, ...]:
        """Return D."""
        return (Held("D", self.outputs, self.weight_bits),)
