"""Standard normals by inversion of the normal distribution, from 32 random bits each.

With ``p = (n + 1/2) / 2**32`` the lower tail of the 31 low bits n, ``w = -log(4 p (1 - p))`` and
``x = 1 - 2 p``, the quotient ``z / x`` is a smooth function of w (Giles, Approximating the erfinv
function, GPU Computing Gems 2, 2010). A polynomial in ``t = sqrt(w + 6)``, which grows as z does,
covers centre and tails with no branch. The top bit gives the sign. |z| <= 6.338, never inf.
Both polynomials are Chebyshev fits of this project, weighted to even out the error (Lawson);
|z / exact - 1| < 2e-6 in single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels.ops import (
    LANES,
    add,
    bits_of,
    both,
    convert,
    entry,
    float_of,
    fma,
    inner,
    interleave,
    iota,
    iota_four,
    join,
    mul,
    shift_left,
    shift_right,
    sqrt,
    store,
    sub,
    xor,
)
from imssa_sim.kernels.threefry import threefry2x32_13

ROOM = 8 * LANES  # normals made in one go
_F = np.float32
_SQRT_EIGHTH_BITS = np.int32(0x3F3504F3 - (2 << 23))  # of sqrt(1/2) / 4
_MINUS_LN2 = _F(-0.6931471805599453)
# 6 - log(1 + r) on sqrt(1/2) - 1 <= r <= sqrt(2) - 1, absolute error 2e-7
_L = tuple(
    _F(v)
    for v in (
        6.0, -1.0000039339065552, 0.5000253915786743, -0.33301252126693726,
        0.24870455265045166, -0.20616912841796875, 0.1896795779466629, -0.11861401796340942,
    )
)  # fmt: skip
# z / x over u = _SCALE * t + _SHIFT in [-1, 1], relative error 8e-7
_SCALE = _F(0.7159814385484696)
_SHIFT = _F(-2.7537891897476205)
_P = tuple(
    _F(v)
    for v in (
        3.9573071002960205, 2.5645430088043213, -0.2699448764324188, 0.10967935621738434,
        -0.0007137407083064318, -0.07351783663034439, 0.13199231028556824, -0.15432699024677277,
        0.03360917791724205, 0.12508808076381683, -0.08367551118135452, -0.029146987944841385,
        0.027059469372034073,
    )
)  # fmt: skip
L0, L1, L2, L3, L4, L5, L6, L7 = _L
P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12 = _P
_STEP = _F(2.0**-32)
_HALF_STEP = _F(2.0**-33)
_ONE = _F(1.0)
_LOW_BITS = np.uint32(0x7FFFFFFF)
_SIGN = np.uint32(0x80000000)
_INT = np.int32(0)


@njit
def normal_from_bits(word: Any) -> Any:
    """Standard normals (float32) from random uint32, a scalar or a vector."""
    p = fma(convert(convert(both(word, _LOW_BITS), _INT), _ONE), _STEP, _HALF_STEP)
    x = fma(p, _F(-2.0), _ONE)
    bits = bits_of(fma(mul(p, _F(-1.0)), p, p))  # of p (1 - p); the factor 4 enters below
    exponent = shift_right(sub(bits, _SQRT_EIGHTH_BITS), 23)
    r = fma(float_of(sub(bits, shift_left(exponent, 23))), _F(4.0), _F(-1.0))
    s = fma(fma(fma(fma(fma(fma(fma(L7, r, L6), r, L5), r, L4), r, L3), r, L2), r, L1), r, L0)
    u = fma(sqrt(fma(convert(exponent, _ONE), _MINUS_LN2, s)), _SCALE, _SHIFT)
    q = fma(fma(fma(fma(fma(fma(P12, u, P11), u, P10), u, P9), u, P8), u, P7), u, P6)
    q = fma(fma(fma(fma(fma(fma(q, u, P5), u, P4), u, P3), u, P2), u, P1), u, P0)
    sign = convert(both(word, _SIGN), _INT)
    return float_of(xor(bits_of(mul(q, x)), sign))


@inner
def normal_pairs(key0: Any, key1: Any, step: Any, pair: Any) -> Any:
    """The normals of the columns ``2 * pair`` and, behind them, ``2 * pair + 1`` at one step.

    ``pair`` is a vector of uint32, the keys and the step are vectors or scalars. Twice as many
    lanes come back: the more there are, the better their long chains of operations overlap.
    """
    return normal_from_bits(join(*threefry2x32_13(key0, key1, step, pair)))


@inner
def _fill(word0: Any, word1: Any, step: Any, at: int, pairs: Any, out: Any) -> None:
    a, b = threefry2x32_13(word0, word1, step, add(pairs, np.uint32(at // 2)))
    store(out, at, normal_from_bits(interleave(a, b)))


@inner
def fill_vectors(key0: Any, key1: Any, step: Any, first: int, last: int, out: Any) -> None:
    """Normals of the columns first … last - 1 to the same places of ``out``.

    ``first`` is a multiple of 32; up to ``ROOM`` places behind ``last`` are overwritten.
    """
    at = first
    while last - at > 4 * LANES:
        _fill(key0, key1, step, at, convert(iota_four(), step), out)
        at += ROOM
    while at < last:
        _fill(key0, key1, step, at, convert(iota(), step), out)
        at += 2 * LANES


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
    fill_vectors(word0, word1, at, 0, whole, out)
    if whole < out.shape[0]:
        rest = np.empty(ROOM, np.float32)
        _fill(word0, word1, at, 0, convert(add(iota_four(), np.int32(whole // 2)), at), rest)
        out[whole:] = rest[: out.shape[0] - whole]
