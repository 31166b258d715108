"""Linear maps: a matrix of weights on every token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError
from imssa_sim.program.operation import DigitalWork, Held, Operation, Products, Tensor
from imssa_sim.program.operations.recurrence import FLOAT32_EXACT
from imssa_sim.program.operations.requantise import requantise_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.model.quantised import QuantisedLinear
    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.quantisers import FloatArray

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class LinearMap(Operation):
    """``requant(weight @ x + bias)``.

    ``input_bits`` and ``weight_bits`` are the widths of what is multiplied; ``tensor`` says whose
    weights they are, B and C of a state that mixes channels for one.
    """

    inputs: int
    outputs: int
    input_bits: int
    weight_bits: int
    bits: int
    tensor: Tensor = "linear"

    def integers(self, parameters: QuantisedLinear, *values: Any, clips: ClipCounter) -> Codes:
        """Return the codes (…, outputs) of codes (…, inputs)."""
        codes, linear = values[0], parameters
        tokens = codes.reshape(-1, codes.shape[-1])
        weights = _exact_weights(linear, codes)

        def sums(part: slice) -> NDArray[Any]:
            return np.asarray(tokens[part].astype(weights.dtype) @ weights)

        shape = len(tokens), weights.shape[1]
        out = requantise_sums(sums, shape, linear.bias, linear.requant, clips)
        return out.reshape(*codes.shape[:-1], -1)

    def work(self) -> tuple[DigitalWork, ...]:
        """Return the multiply-accumulates and one requantisation per output."""
        return (
            DigitalWork("mac", "mac", self.outputs * self.inputs, self.weight_bits),
            *self.requantisation(),
        )

    def requantisation(self) -> tuple[DigitalWork, ...]:
        """Return the part of the work that is digital wherever the weights stand."""
        return (DigitalWork("requantiser", "requantise", self.outputs, self.bits),)

    def products(self) -> tuple[Products, ...]:
        """Return one product per weight."""
        count = self.outputs * self.inputs
        return (Products(self.tensor, count, self.weight_bits, self.input_bits),)

    def weights(self) -> tuple[Held, ...]:
        """Return the matrix."""
        return (Held(self.tensor, self.outputs * self.inputs, self.weight_bits),)


def linear_accumulate(linear: QuantisedLinear, codes: Codes) -> FloatArray | NDArray[np.float32]:
    """Return ``weight @ codes`` (tokens, out) without bias, integers held exactly in floats.

    BLAS does the product: single precision where the sums stay below 2**24, double otherwise.

    Raises
    ------
    InputError
        Sums could exceed 2**53.
    """
    tokens = codes.reshape(-1, codes.shape[-1])
    transposed = _exact_weights(linear, codes)
    result: FloatArray | NDArray[np.float32] = tokens.astype(transposed.dtype) @ transposed
    return result


def _exact_weights(linear: QuantisedLinear, codes: Codes) -> NDArray[Any]:
    """Return the weights (in, out) in the precision that holds all sums over the codes exactly."""
    largest = max(int(codes.max(initial=0)), -int(codes.min(initial=0)), 1)
    bound = int(np.abs(linear.weight).sum(axis=1).max()) * largest
    if bound >= 1 << 53:
        raise InputError("a linear layer's sums exceed 2**53: use fewer bits")
    word: Any = np.float32 if bound < FLOAT32_EXACT else np.float64
    return np.asarray(linear.weight.T.astype(word))
