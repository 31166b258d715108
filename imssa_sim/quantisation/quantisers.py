"""Symmetric uniform quantisers and clipping ranges.

A real value is ``code * scale`` with ``|code| <= 2**(bits - 1) - 1``; rounding is half up, the
rounding of the chip's requantisers (docs/decisions/0001-architecture.md).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError, nearest

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
RangeMethod = Literal["max", "percentile", "mse"]
Granularity = Literal["tensor", "channel", "mode"]

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


def unknown_name(kind: str, name: object, valid: tuple[str, ...]) -> InputError:
    """Return the error for a name outside ``valid``, with the nearest valid one."""
    close = nearest(name, valid)
    hint = f"; did you mean '{close}'?" if close else ""
    return InputError(f"unknown {kind} '{name}'{hint} (one of {', '.join(valid)})")
