"""Dyadic requantisers: an accumulator times an integer over a power of two becomes a code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import FloatArray, IntArray

MULTIPLIER_BITS = 24
MAXIMUM_SHIFT = 52
EXACT_BITS = 53  # integers up to 2**53 are exact in float64


@dataclass(frozen=True)
class Requantiser:
    """``code = clip((acc * multiplier + 2**(shift - 1)) >> shift, -limit, limit)``.

    ``multiplier`` (0 <= m < 2**24) and ``shift`` (1 <= s <= 52) have one shape, which broadcasts
    against the accumulator. ``limit`` is ``2**(bits - 1) - 1``.
    """

    multiplier: IntArray
    shift: IntArray
    bits: int

    @property
    def limit(self) -> int:
        """Largest output code."""
        return (1 << (self.bits - 1)) - 1


def requantiser_from(scale: ArrayLike, bits: int, bound: ArrayLike = (1 << 29) - 1) -> Requantiser:
    """Return the dyadic requantiser nearest to multiplication by ``scale``.

    The multiplier has 24 bits (2**23 <= m < 2**24) wherever shift allows it, and fewer where the
    accumulator needs the room: ``bound * m < 2**53`` keeps
    ``floor(acc * (m / 2**s) + 0.5)`` in float64 equal to the integer arithmetic.

    Parameters
    ----------
    scale : array
        Positive ratios, accumulator unit over output step.
    bits : int
        Width of the output codes.
    bound : int or array
        Largest magnitude of the accumulator.

    Raises
    ------
    InputError
        A scale is negative or not finite, or the accumulator does not fit into 52 bits.
    """
    ratio = np.asarray(scale, dtype=np.float64)
    if not np.all(np.isfinite(ratio)) or np.any(ratio < 0):
        raise InputError("a requantiser needs finite, non-negative scales")
    largest = np.broadcast_to(np.asarray(bound, dtype=np.int64), ratio.shape)
    _, bound_bits = np.frexp(largest.astype(np.float64))
    width = np.minimum(MULTIPLIER_BITS, EXACT_BITS - bound_bits)
    if np.any(width < 1):
        raise InputError("an accumulator exceeds 2**52: use fewer bits")
    _, exponent = np.frexp(ratio)
    # ratio = f * 2**exponent with 1/2 <= f < 1, so m = f * 2**width and shift = width - exponent.
    shift = width - exponent
    # Far above the output range every non-zero accumulator saturates; the largest m does that too.
    shift = np.clip(np.where(ratio > 0, shift, 1), 1, MAXIMUM_SHIFT)
    wanted = np.floor(np.ldexp(ratio, shift) + 0.5)
    # The mantissa may round up to 2**width: halve both, unless the shift is at its end.
    over = (wanted >= 2.0**width) & (shift > 1)
    shift = np.where(over, shift - 1, shift)
    wanted = np.where(over, np.floor(np.ldexp(ratio, shift) + 0.5), wanted)
    multiplier = np.minimum(wanted, 2.0**width - 1).astype(np.int64)
    return Requantiser(multiplier, shift.astype(np.int64), bits)


def requantiser_scale(requantiser: Requantiser) -> FloatArray:
    """Return ``multiplier / 2**shift``, exact in float64."""
    return np.ldexp(requantiser.multiplier.astype(np.float64), -requantiser.shift)


def requantise(accumulator: NDArray[np.integer], requantiser: Requantiser) -> IntArray:
    """Return ``clip((acc * multiplier + 2**(shift - 1)) >> shift)`` in 64-bit integers.

    Parameters
    ----------
    accumulator : integer array
        Broadcasts against the requantiser; ``|acc| * multiplier < 2**62``.
    """
    product = accumulator.astype(np.int64) * requantiser.multiplier
    half = np.left_shift(np.int64(1), requantiser.shift - 1)
    code = np.right_shift(product + half, requantiser.shift)
    return np.asarray(np.clip(code, -requantiser.limit, requantiser.limit))
