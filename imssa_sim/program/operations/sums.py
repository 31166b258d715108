"""Sums of two values: of one scale, saturating; of two scales, wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imssa_sim.program.operation import DigitalWork, Operation
from imssa_sim.program.tokens import by_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.program.saturation import ClipCounter

    Codes = NDArray[np.int16]


@dataclass(frozen=True)
class SaturatingSum(Operation):
    """``clip(first + second)`` of codes of one scale, here of a kernel's two directions."""

    outputs: int
    bits: int

    def integers(self, parameters: int, *values: Any, clips: ClipCounter) -> Codes:
        """Return the sum of two code arrays (…, outputs); the parameter is the largest code."""
        return add_codes(values[0], values[1], parameters, clips)

    def work(self) -> tuple[DigitalWork, ...]:
        """Return one addition per word."""
        return (DigitalWork("adder", "add", self.outputs, self.bits),)


class SumFactors(NamedTuple):
    """What brings branch and residual stream to one scale, and how far the sum is rounded."""

    branch: int
    residual: int
    shift: int


@dataclass(frozen=True)
class ResidualSum(Operation):
    """``(branch * p + residual * q + half) >> shift``, with half = 2**(shift-1), 0 without shift.

    The result is wide: a norm or a requantiser follows.
    """

    outputs: int
    bits: int

    def integers(
        self, parameters: SumFactors, *values: Any, clips: ClipCounter
    ) -> NDArray[np.int32]:
        """Return the wide sum of a branch (…, outputs) and the residual stream."""
        from imssa_sim.kernels import digital as kernels

        width = self.outputs
        factors = np.array(parameters, dtype=np.int64)
        out = np.empty(values[1].shape, dtype=np.int32)
        branch, residual, target = (a.reshape(-1, width) for a in (*values, out))

        def work(part: slice) -> None:
            kernels.weighted_sum(branch[part], residual[part], factors, target[part])

        by_tokens(work, len(residual))
        return out

    def work(self) -> tuple[DigitalWork, ...]:
        """Return the two scalings and an addition per word."""
        return (
            DigitalWork("multiplier", "multiply", 2 * self.outputs, self.bits),
            DigitalWork("adder", "add", self.outputs, self.bits),
        )


def add_codes(
    first: Codes,
    second: Codes,
    limit: int,
    clips: ClipCounter,
) -> Codes:
    """Return the saturating sum of two code arrays (…, channels) of one scale."""
    from imssa_sim.kernels import digital as kernels

    width = first.shape[-1]
    out = np.empty_like(first)
    clipped = np.zeros(first.size // width, dtype=np.int64)
    one, other, target = (array.reshape(-1, width) for array in (first, second, out))

    def work(part: slice) -> None:
        kernels.add_saturating(one[part], other[part], limit, target[part], clipped[part])

    by_tokens(work, len(one))
    clips.count(clipped.sum(), out.size)
    return out
