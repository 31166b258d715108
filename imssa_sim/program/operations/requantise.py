"""Requantisation: integers of one scale become codes of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation
from imssa_sim.program.tokens import by_tokens
from imssa_sim.quantisation.requantiser import requantiser_scale

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter
    from imssa_sim.quantisation.requantiser import Requantiser

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Requantise(Operation):
    """``code = requant(value)`` of every word."""

    outputs: int
    bits: int

    def integers(self, parameters: Requantiser, *values: Any, clips: ClipCounter) -> Codes:
        """Return the codes of integers (…, outputs)."""
        return requantise_codes(values[0], parameters, clips)

    def work(self) -> tuple[DigitalWork, ...]:
        """Return one requantisation per word."""
        return (DigitalWork("requantiser", "requantise", self.outputs, self.bits),)


def requantise_codes(
    codes: NDArray[np.signedinteger[Any]],
    requantiser: Requantiser,
    clips: ClipCounter,
) -> Codes:
    """Apply a requantiser (scalar or per channel) to integers (..., channels)."""
    flat = codes.reshape(-1, codes.shape[-1])
    bias = np.zeros(codes.shape[-1], dtype=np.int64)
    out = requantise_sums(lambda part: flat[part], flat.shape, bias, requantiser, clips)
    return out.reshape(codes.shape)


def requantise_sums(
    sums: Callable[[slice], NDArray[Any]],
    shape: tuple[int, ...],
    bias: NDArray[np.int64],
    requantiser: Requantiser,
    clips: ClipCounter,
) -> Codes:
    """Requantise the accumulators (tokens, columns) that ``sums`` gives slice by slice."""
    from imssa_sim.kernels import digital as kernels

    tokens, columns = shape
    scale = np.array(np.broadcast_to(requantiser_scale(requantiser), (columns,)))
    out = np.empty((tokens, columns), dtype=np.int16)
    clipped = np.zeros(tokens, dtype=np.int64)

    def work(part: slice) -> None:
        limit = requantiser.limit
        kernels.requantise_rows(sums(part), bias, scale, limit, out[part], clipped[part])

    by_tokens(work, tokens)
    clips.count(clipped.sum(), out.size)
    return out
