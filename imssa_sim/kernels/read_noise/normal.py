"""Standard normals by inversion of the normal distribution, from 32 random bits each.

With ``p = (n + 1/2) / 2**32`` the lower tail of the 31 low bits n, the float ``n + 1/2`` is
``m 2**e``, 1 <= m < 2: its exponent e tells the octave of the tail, and within one octave the
inverse is a polynomial in m, whose coefficients are looked up (a table that fits two vector
registers per power; no branch, logarithm or root). The top bit gives the sign. |z| <= 6.338, never
inf; |z - exact| < 2e-6 and, beyond 0.5, |z / exact - 1| < 2e-6 in single precision.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._tile import Lanes
from imssa_sim.kernels.ops import (
    LANES,
    add,
    align_stack,
    convert,
    entry,
    inner,
    interleave,
    iota_four,
    load_four,
    lower_half,
    normal_from_bits,
    normals_and_words,
    pointer,
    store,
    threefry2x32_13,
    upper_half,
)

__all__ = ["GROUP", "fill_normals", "fill_rows", "fill_steps", "fill_vectors", "normal_from_bits"]

GROUP = 8 * LANES  # normals made in one go


@inner
def _store_last(words: Lanes, out: NDArray[np.float32]) -> None:
    """The normals of the last words."""
    store(out, 0, normal_from_bits(lower_half(words)))
    store(out, GROUP // 2, normal_from_bits(upper_half(words)))


@inner
def fill_vectors(
    key0: np.uint32, key1: np.uint32, step: np.uint32, columns: int, out: NDArray[np.float32]
) -> None:
    """Normals of the columns 0 … columns - 1; the last ``GROUP`` of places is filled up."""
    pair = convert(iota_four(), step)
    words = interleave(*threefry2x32_13(key0, key1, step, pair))
    at = 0
    while at + GROUP < columns:
        pair = add(pair, np.uint32(GROUP // 2))
        lower, upper, here = lower_half(words), upper_half(words), pointer(out, at)
        words = interleave(*normals_and_words(lower, upper, here, key0, key1, step, pair))
        at += GROUP
    _store_last(words, pointer(out, at))


@inner
def fill_steps(
    key0: np.uint32,
    key1: np.uint32,
    first: np.uint32,
    order: NDArray[np.uint32],
    pairs: int,
    out: NDArray[np.float32],
) -> None:
    """Normals of several steps, all their columns side by side.

    ``order`` tells of each pair of columns its step, counted from ``first``, and behind all of
    them (a multiple of 64) which pair of its step it is.
    """
    step, pair = add(load_four(order, 0), first), load_four(order, pairs)
    words = interleave(*threefry2x32_13(key0, key1, step, pair))
    at, last = 0, 2 * pairs - GROUP
    while at < last:
        lower, upper, here = lower_half(words), upper_half(words), pointer(out, at)
        at += GROUP
        step = add(load_four(order, at // 2), first)
        pair = load_four(order, pairs + at // 2)
        words = interleave(*normals_and_words(lower, upper, here, key0, key1, step, pair))
    _store_last(words, pointer(out, last))


@inner
def _fill_row(
    key0: np.uint32,
    key1: np.uint32,
    step: np.uint32,
    columns: int,
    rest: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Normals of the columns 0 … columns - 1 and no more; ``rest`` has room for ``GROUP``."""
    whole = columns - columns % GROUP
    if whole:
        fill_vectors(key0, key1, step, whole, out)
    if whole < columns:
        pair = add(convert(iota_four(), step), np.uint32(whole // 2))
        _store_last(interleave(*threefry2x32_13(key0, key1, step, pair)), rest)
        for k in range(whole, columns):  # a slice would compile messages for unequal shapes
            out[k] = rest[k - whole]


@entry
def fill_normals(
    key0: np.uint32, key1: np.uint32, step: np.uint32, out: NDArray[np.float32]
) -> None:
    """Write the normals of the columns 0 … n-1 at one step.

    Parameters
    ----------
    key0, key1 : numpy.uint32
        Key, from :func:`imssa_sim.kernels.read_noise.threefry.derive_key`.
    step : numpy.uint32
        Step (or any other first counter).
    out : numpy.ndarray
        Float32, shape (n,), contiguous, overwritten.
    """
    align_stack()
    rest = np.empty(GROUP, np.float32)
    words = np.uint32(key0), np.uint32(key1)
    _fill_row(words[0], words[1], np.uint32(step), out.shape[0], rest, pointer(out, 0))


@entry
def fill_rows(key0: np.uint32, key1: np.uint32, columns: int, out: NDArray[np.float32]) -> None:
    """Write the normals of the steps 0, 1, …, each one's columns behind the last one's.

    Parameters
    ----------
    key0, key1 : numpy.uint32
        As for :func:`fill_normals`.
    columns : int
        Columns of a step.
    out : numpy.ndarray
        Float32, shape (steps * columns,), contiguous, overwritten.
    """
    align_stack()
    rest = np.empty(GROUP, np.float32)
    words = np.uint32(key0), np.uint32(key1)
    for start in range(0, out.shape[0], columns):
        step = np.uint32(start // columns)
        _fill_row(words[0], words[1], step, columns, rest, pointer(out, start))
