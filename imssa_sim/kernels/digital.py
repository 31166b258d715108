"""Integer kernels of the quantised digital model (golden model).

Codes are int16, layout (samples, steps, channels). Accumulators are int32 where the caller's bound
allows it, else int64. Requantisation multiplies by ``multiplier / 2**shift`` in float64 and takes
the floor of the product plus one half, which is exact (equal to the integer shift with rounding)
because ``|acc| * multiplier < 2**53``; see docs/decisions/0001-architecture.md.

No fastmath: every operation here is exact, so nothing is to be gained by reordering.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

STATE, OUTPUT = 0, 1  # columns of the counters of clipped values


def _recurrence(word: type[np.signedinteger[Any]], lookahead: bool) -> Callable[..., None]:
    """Compile the recurrence for accumulators of type ``word`` and one of the output forms."""

    @njit(parallel=True, cache=True, error_model="numpy")
    def recurrence(weights, feedthrough, state_scale, output_scale, limits, reverse, u, y, clipped):  # type: ignore[no-untyped-def]
        samples, steps, channels = u.shape
        modes = weights.shape[2]
        state_limit, output_limit = np.float64(limits[0]), np.float64(limits[1])
        for i in prange(samples * channels):
            b, h = i // channels, i % channels
            a_re, a_im = weights[h, 0], weights[h, 1]
            b_re, b_im = weights[h, 2], weights[h, 3]
            c_re, c_im = weights[h, 4], weights[h, 5]
            d = word(feedthrough[h])
            scale = state_scale[h]
            x_re = np.zeros(modes, dtype=word)
            x_im = np.zeros(modes, dtype=word)
            clipped_states = word(0)  # of the lanes' own width, or the loop is not vectorised
            clipped_outputs = 0
            for step in range(steps):
                k = steps - 1 - step if reverse else step
                drive = word(u[b, k, h])
                output = word(0)
                for n in range(modes):
                    p, q = x_re[n], x_im[n]
                    re = word(word(a_re[n] * p) - word(a_im[n] * q))
                    im = word(word(a_im[n] * p) + word(a_re[n] * q))
                    re = word(re + word(b_re[n] * drive))
                    im = word(im + word(b_im[n] * drive))
                    if lookahead:
                        output = word(output + word(word(c_re[n] * p) + word(c_im[n] * q)))
                    re_code = np.floor(re * scale[n] + 0.5)
                    im_code = np.floor(im * scale[n] + 0.5)
                    beyond = word(abs(re_code) > state_limit) + word(abs(im_code) > state_limit)
                    clipped_states = word(clipped_states + word(beyond))
                    p = word(min(max(re_code, -state_limit), state_limit))
                    q = word(min(max(im_code, -state_limit), state_limit))
                    if not lookahead:
                        output = word(output + word(word(c_re[n] * p) + word(c_im[n] * q)))
                    x_re[n], x_im[n] = p, q
                through = word(d * drive)
                if lookahead:
                    code = np.floor(word(output + through) * output_scale[h, 0] + 0.5)
                    over = abs(code) > output_limit
                else:
                    code = np.floor(output * output_scale[h, 0] + 0.5)
                    part = np.floor(through * output_scale[h, 1] + 0.5)
                    over = abs(code) > output_limit or abs(part) > output_limit
                    code = min(max(code, -output_limit), output_limit)
                    code += min(max(part, -output_limit), output_limit)
                    over = over or abs(code) > output_limit
                clipped_outputs += over
                y[b, k, h] = np.int16(min(max(code, -output_limit), output_limit))
            clipped[i, STATE] = clipped_states
            clipped[i, OUTPUT] = clipped_outputs

    return recurrence


RECURRENCES = {
    (word, lookahead): _recurrence(word, lookahead)
    for word in (np.int32, np.int64)
    for lookahead in (False, True)
}
"""Run the S4D kernels of one layer and direction over whole sequences.

By word of the accumulators, and by output form: look-ahead takes the old state and one sum, the
other form the new state and a feed-through of its own. Arguments:

weights (H, 6, M): rows a_re, a_im, b_re, b_im, c_re, c_im, already shifted to their column's unit.
feedthrough (H,): d, shifted likewise. state_scale (H, M), output_scale (H, 2): requantisers as
float64, in the second column the feed-through's own. limits (2,): state and output codes.
reverse: last step first. u, y (B, L, H) int16. clipped (B*H, 2) int64: clipped state parts and
outputs.
"""


@njit(parallel=True, cache=True, error_model="numpy")
def requantise_rows(accumulator, bias, scale, limit, out, clipped):  # type: ignore[no-untyped-def]
    """``out = clip(floor((accumulator + bias) * scale + 1/2))``.

    accumulator (T, C): integers, in any numeric type that holds them exactly. bias (C,) int64,
    scale (C,) float64, out (T, C) int16, clipped (T,) int64.
    """
    tokens, columns = accumulator.shape
    bound = np.float64(limit)
    for t in prange(tokens):
        count = 0
        for c in range(columns):
            code = np.floor((np.int64(accumulator[t, c]) + bias[c]) * scale[c] + 0.5)
            count += abs(code) > bound
            out[t, c] = np.int16(min(max(code, -bound), bound))
        clipped[t] = count


@njit(parallel=True, cache=True, error_model="numpy")
def look_up(table, codes, limit, out):  # type: ignore[no-untyped-def]
    """``out = table[codes + limit]``; codes and out (T, C) int16, table (2*limit+1,) int16."""
    tokens, columns = codes.shape
    for t in prange(tokens):
        for c in range(columns):
            out[t, c] = table[np.int64(codes[t, c]) + limit]


@njit(parallel=True, cache=True, error_model="numpy")
def gated_sum(z, r, gate_table, factors, out):  # type: ignore[no-untyped-def]
    """Gated linear unit and residual sum, wide: ``(value*gate*p + r*q + half) >> s``.

    z (T, 2H), r (T, H) int16; gate_table (2*limit+1,) int64 indexed by ``code + limit``;
    factors (3,): p, q and the shift s (0: none); out (T, H) int32.
    """
    tokens, channels = r.shape
    offset = (gate_table.shape[0] - 1) // 2
    p, q, shift = factors[0], factors[1], factors[2]
    half = (np.int64(1) << shift) >> 1
    for t in prange(tokens):
        for h in range(channels):
            gate = gate_table[np.int64(z[t, channels + h]) + offset]
            total = np.int64(z[t, h]) * gate * p + np.int64(r[t, h]) * q
            out[t, h] = np.int32((total + half) >> shift)


@njit(cache=True, error_model="numpy", inline="always")
def integer_square_root(value):  # type: ignore[no-untyped-def]
    """Largest integer s with ``s*s <= value``, for 0 <= value <= 2**62."""
    root = np.int64(np.sqrt(np.float64(value)))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@njit(parallel=True, cache=True, error_model="numpy")
def layer_norm(v, gain, bias, epsilon, fraction, limit, out, clipped):  # type: ignore[no-untyped-def]
    """Integer layer normalisation (`imssa_sim.model.quantised.QuantisedNorm`).

    v (T, H) integers; gain, bias (H,) int64; out (T, H) int16; clipped (T,) int64. The caller
    bounds v, gain and bias so that no product exceeds 63 bits.
    """
    tokens, channels = v.shape
    bound = np.float64(limit)
    for t in prange(tokens):
        total = np.int64(0)
        squares = np.int64(0)
        for h in range(channels):
            value = np.int64(v[t, h])
            total += value
            squares += value * value
        root = max(integer_square_root(channels * squares - total * total + epsilon), np.int64(1))
        half = root << fraction
        divisor = half << 1
        count = 0
        for h in range(channels):
            centred = channels * np.int64(v[t, h]) - total
            dividend = 2 * (centred * gain[h] + root * bias[h]) + half
            # The estimate is off by at most one inside the range of codes; mended exactly below.
            estimate = np.floor(np.float64(dividend) / np.float64(divisor))
            code = np.int64(min(max(estimate, -bound - 2.0), bound + 2.0))
            rest = dividend - code * divisor
            code += np.int64(rest >= divisor) - np.int64(rest < 0)
            count += abs(code) > limit
            out[t, h] = np.int16(min(max(code, -limit), limit))
        clipped[t] = count


@njit(parallel=True, cache=True, error_model="numpy")
def affine_norm(v, gain, bias, fraction, limit, out, clipped):  # type: ignore[no-untyped-def]
    """Integer batch normalisation: ``clip((v*gain + bias + half) >> fraction)``.

    v (T, H) integers; gain, bias (H,) int64; fraction >= 1; out (T, H) int16; clipped (T,) int64.
    """
    tokens, channels = v.shape
    half = np.int64(1) << (fraction - 1)
    for t in prange(tokens):
        count = 0
        for h in range(channels):
            code = (np.int64(v[t, h]) * gain[h] + bias[h] + half) >> fraction
            count += abs(code) > limit
            out[t, h] = np.int16(min(max(code, -limit), limit))
        clipped[t] = count


@njit(parallel=True, cache=True, error_model="numpy")
def add_saturating(first, second, limit, out, clipped):  # type: ignore[no-untyped-def]
    """``out = clip(first + second)``; (T, C) int16 each, clipped (T,) int64."""
    tokens, columns = first.shape
    for t in prange(tokens):
        count = 0
        for c in range(columns):
            total = np.int32(first[t, c]) + np.int32(second[t, c])
            count += abs(total) > limit
            out[t, c] = np.int16(min(max(total, -limit), limit))
        clipped[t] = count
