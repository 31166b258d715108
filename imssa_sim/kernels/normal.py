"""Standard normals by inversion of the normal distribution, from 32 random bits each.

With ``p = (n + 1/2) / 2**32`` the lower tail of the 31 low bits n, the float ``n + 1/2`` is
``m 2**e``, 1 <= m < 2: its exponent e tells the octave of the tail, and within one octave the
inverse is a polynomial in m, whose coefficients are looked up (a table that fits two vector
registers per power; no branch, logarithm or root). The top bit gives the sign. |z| <= 6.338, never
inf; |z - exact| < 2e-6 and, beyond 0.5, |z / exact - 1| < 2e-6 in single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels._normal_table import TABLE
from imssa_sim.kernels.ops import (
    LANES,
    add,
    bits_of,
    both,
    convert,
    either,
    entry,
    float_of,
    fma,
    inner,
    interleave,
    iota_eight,
    iota_four,
    load_eight,
    lower_half,
    make_lookup,
    pointer,
    shift_right,
    smaller,
    store,
    upper_half,
    xor,
)
from imssa_sim.kernels.threefry import threefry2x32_13

ROOM = 16 * LANES  # normals made in one go
_C0, _C1, _C2, _C3, _C4, _C5, _C6 = (make_lookup(column) for column in TABLE.T)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_LOW_BITS = np.int32(0x7FFFFFFF)
_LARGEST = np.int32(0x7FFFFF80)  # what is above would round to 2**31, beyond the last octave
_MANTISSA = np.int32(0x007FFFFF)
_BITS_OF_ONE = np.int32(0x3F800000)
_SIGN = np.int32(-(2**31))
_INT = np.int32(0)


@njit
def normal_from_bits(word: Any) -> Any:
    """Standard normals (float32) from random uint32, a scalar or a vector."""
    whole = convert(word, _INT)
    tail = add(convert(smaller(both(whole, _LOW_BITS), _LARGEST), _ONE), _HALF)
    bits = bits_of(tail)
    octave = shift_right(bits, 23)
    m = float_of(either(both(bits, _MANTISSA), _BITS_OF_ONE))
    z = fma(fma(_C6(octave), m, _C5(octave)), m, _C4(octave))
    z = fma(fma(fma(z, m, _C3(octave)), m, _C2(octave)), m, _C1(octave))
    return float_of(xor(bits_of(fma(z, m, _C0(octave))), both(whole, _SIGN)))


@inner
def store_pairs(key0: Any, key1: Any, step: Any, pair: Any, lanes: int, out: Any) -> None:
    """The normals of the columns ``2 * pair`` and, behind them, ``2 * pair + 1`` at one step.

    ``pair`` is a vector of uint32 with so many lanes, the keys and the step are vectors or scalars.
    The more lanes, the better their long chains of operations overlap, up to 128: all 256 normals
    at once would not fit the registers.
    """
    even, odd = threefry2x32_13(key0, key1, step, pair)
    store(out, 0, normal_from_bits(even))
    store(out, lanes, normal_from_bits(odd))


@inner
def _fill(word0: Any, word1: Any, step: Any, pair: Any, lanes: int, out: Any) -> None:
    """The normals of the columns ``2 * pair`` and ``2 * pair + 1``, side by side."""
    even, odd = threefry2x32_13(word0, word1, step, pair)
    words = interleave(even, odd)
    store(out, 0, normal_from_bits(lower_half(words)))
    store(out, lanes, normal_from_bits(upper_half(words)))


@inner
def fill_vectors(key0: Any, key1: Any, step: Any, columns: int, out: Any) -> None:
    """Normals of the columns 0 … columns - 1; up to ``ROOM`` places behind are overwritten."""
    at = 0
    while columns - at > ROOM // 2:
        pair = add(convert(iota_eight(), step), np.uint32(at // 2))
        _fill(key0, key1, step, pair, ROOM // 2, pointer(out, at))
        at += ROOM
    while at < columns:
        pair = add(convert(iota_four(), step), np.uint32(at // 2))
        _fill(key0, key1, step, pair, ROOM // 4, pointer(out, at))
        at += ROOM // 2


@inner
def fill_steps(key0: Any, key1: Any, first: Any, order: Any, pairs: int, out: Any) -> None:
    """Normals of several steps, all their columns side by side.

    ``order`` tells of each pair of columns its step, counted from ``first``, and behind all of
    them (a multiple of 128) which pair of its step it is.
    """
    for q in range(0, pairs, 8 * LANES):
        step = add(load_eight(order, q), first)
        _fill(key0, key1, step, load_eight(order, pairs + q), ROOM // 2, pointer(out, 2 * q))


@entry
def fill_normals(key0: Any, key1: Any, step: Any, out: Any) -> None:
    """Write the normals of the columns 0 … n-1 at one step.

    Parameters
    ----------
    key0, key1 : numpy.uint32
        Key, from :func:`imssa_sim.kernels.threefry.derive_key`.
    step : numpy.uint32
        Step (or any other first counter).
    out : numpy.ndarray
        Float32, shape (n,), contiguous, overwritten.
    """
    word0, word1, at = np.uint32(key0), np.uint32(key1), np.uint32(step)
    whole = out.shape[0] - out.shape[0] % ROOM
    fill_vectors(word0, word1, at, whole, out)
    if whole < out.shape[0]:
        rest = np.empty(ROOM, np.float32)
        pair = add(convert(iota_eight(), at), np.uint32(whole // 2))
        _fill(word0, word1, at, pair, ROOM // 2, rest)
        out[whole:] = rest[: out.shape[0] - whole]
