"""Symmetric uniform quantisers, clipping ranges and dyadic requantisers.

A real value is ``code * scale`` with ``|code| <= 2**(bits - 1) - 1``; rounding is half up, the
rounding of the chip's requantisers (docs/decisions/0001-architecture.md).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError, nearest
from imssa_sim.model.quantised import FloatArray, IntArray, Requantiser

RangeMethod = Literal["max", "percentile", "mse"]
Granularity = Literal["tensor", "channel", "mode"]

MULTIPLIER_BITS = 24
MAXIMUM_SHIFT = 52
EXACT_BITS = 53  # integers up to 2**53 are exact in float64

CLIPPING_RATIOS: FloatArray = 2.0 ** (-np.arange(41) / 8)
"""Candidates of the MSE-optimal search: 1 down to 1/32 of the largest magnitude."""


def code_limit(bits: int) -> int:
    """Return the largest code of a symmetric quantiser, ``2**(bits - 1) - 1``."""
    return (1 << (bits - 1)) - 1


def quantise_codes(values: ArrayLike, scale: ArrayLike, bits: int) -> IntArray:
    """Return ``clip(floor(values / scale + 1/2))``, the nearest code, half rounded up.

    Parameters
    ----------
    values : array
        Real values; finite.
    scale : array
        Step of the quantiser, > 0, broadcast against ``values``.
    bits : int
        Width of the codes, at least 2.
    """
    limit = code_limit(bits)
    quotient = np.asarray(values, dtype=np.float64) / np.asarray(scale, dtype=np.float64)
    return np.clip(np.floor(quotient + 0.5), -limit, limit).astype(np.int64)


def clipping_range(
    values: ArrayLike, method: RangeMethod, bits: int, percentile: float = 99.9
) -> FloatArray:
    """Return the largest magnitude that the codes shall represent, per group.

    ``max`` takes the largest magnitude, ``percentile`` that percentile of the magnitudes, ``mse``
    the clipping that minimises the mean squared quantisation error over `CLIPPING_RATIOS`.

    Parameters
    ----------
    values : array (..., n)
        The last axis runs over the values of a group.
    method : str
    bits : int
        Width of the codes; matters to ``mse`` only.
    percentile : float
        In (0, 100]; matters to ``percentile`` only.

    Returns
    -------
    array (...)
        Zero where all values of the group are zero.
    """
    magnitude = np.abs(np.asarray(values, dtype=np.float64))
    largest = magnitude.max(axis=-1)
    if method == "max":
        return np.asarray(largest)
    if method == "percentile":
        clipped = np.percentile(magnitude, percentile, axis=-1)
        # More than `percentile` zeros (dead channels) must not make the range zero.
        return np.asarray(np.where(clipped > 0, clipped, largest))
    if method != "mse":
        raise unknown_name("range method", method, get_args(RangeMethod))
    limit = code_limit(bits)
    best = np.full(np.shape(largest), np.inf)
    chosen = np.array(largest)
    for ratio in CLIPPING_RATIOS:
        step = np.where(largest > 0, largest * ratio / limit, 1.0)[..., None]
        codes = np.minimum(np.floor(magnitude / step + 0.5), limit)
        error = np.mean((codes * step - magnitude) ** 2, axis=-1)
        better = error < best
        best = np.where(better, error, best)
        chosen = np.where(better, largest * ratio, chosen)
    return np.asarray(chosen)


def scale_of_range(largest: ArrayLike, bits: int) -> FloatArray:
    """Return ``largest / (2**(bits - 1) - 1)``; 1 where the range is zero (any scale will do)."""
    array = np.asarray(largest, dtype=np.float64)
    return np.asarray(np.where(array > 0, array / code_limit(bits), 1.0))


def weight_range(
    weights: ArrayLike,
    granularity: Granularity,
    method: RangeMethod,
    bits: int,
    percentile: float = 99.9,
) -> FloatArray:
    """Return the clipping range of a weight tensor, broadcast to (channels, modes).

    Parameters
    ----------
    weights : array (channels, modes, parts)
        ``parts`` values share a scale at the finest granularity (Re and Im of a mode).
    granularity : str
        ``tensor``: one range; ``channel``: one per channel; ``mode``: one per channel and mode.
    """
    array = np.asarray(weights, dtype=np.float64)
    channels, modes, _ = array.shape
    if granularity == "mode":
        groups = array
    elif granularity == "channel":
        groups = array.reshape(channels, 1, -1)
    elif granularity == "tensor":
        groups = array.reshape(1, 1, -1)
    else:
        raise unknown_name("granularity", granularity, get_args(Granularity))
    found = clipping_range(groups, method, bits, percentile)
    return np.array(np.broadcast_to(found, (channels, modes)))


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


def unknown_name(kind: str, name: object, valid: tuple[str, ...]) -> InputError:
    """Return the error for a name outside ``valid``, with the nearest valid one."""
    close = nearest(name, valid)
    hint = f"; did you mean '{close}'?" if close else ""
    return InputError(f"unknown {kind} '{name}'{hint} (one of {', '.join(valid)})")
