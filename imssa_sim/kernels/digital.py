"""Integer kernels of the quantised digital model (golden model).

Codes are int16, layout (samples, steps, channels). Accumulators are int32 where the caller's bound
allows it, else int64. Requantisation multiplies by ``multiplier / 2**shift`` in float64 and takes
the floor of the product plus one half, which is exact (equal to the integer shift with rounding)
because ``|acc| * multiplier < 2**53``; see docs/decisions/0001-architecture.md.

They release the interpreter's lock and leave threads to their callers. The recurrence is in
`imssa_sim.kernels.digital_recurrence`.

No fastmath: every operation here is exact, so nothing is to be gained by reordering.
"""

from __future__ import annotations

import numpy as np

from imssa_sim.compiled.decorator import compiled_loop


@compiled_loop(nogil=True, error_model="numpy")
def requantise_rows(accumulator, bias, scale, limit, out, clipped):  # type: ignore[no-untyped-def]
    """``out = clip(floor((accumulator + bias) * scale + 1/2))``.

    accumulator (T, C): integers, in any numeric type that holds them exactly. bias (C,) int64,
    scale (C,) float64, out (T, C) int16, clipped (T,) int64.
    """
    tokens, columns = accumulator.shape
    bound = np.float64(limit)
    for t in range(tokens):
        count = 0
        for c in range(columns):
            code = np.floor((np.int64(accumulator[t, c]) + bias[c]) * scale[c] + 0.5)
            count += abs(code) > bound
            out[t, c] = np.int16(min(max(code, -bound), bound))
        clipped[t] = count


@compiled_loop(nogil=True, error_model="numpy")
def look_up(table, codes, limit, out):  # type: ignore[no-untyped-def]
    """``out = table[codes + limit]``; codes and out (T, C) int16, table (2*limit+1,) int16."""
    tokens, columns = codes.shape
    for t in range(tokens):
        for c in range(columns):
            out[t, c] = table[np.int64(codes[t, c]) + limit]


@compiled_loop(nogil=True, error_model="numpy")
def gate(z, table, out):  # type: ignore[no-untyped-def]
    """Gated linear unit, wide: ``z[:, :H] * table[z[:, H:] + limit]``.

    z (T, 2H) int16; table (2*limit+1,) int64; out (T, H) int32.
    """
    tokens, channels = out.shape
    offset = (table.shape[0] - 1) // 2
    for t in range(tokens):
        for h in range(channels):
            opened = table[np.int64(z[t, channels + h]) + offset]
            out[t, h] = np.int32(np.int64(z[t, h]) * opened)


@compiled_loop(nogil=True, error_model="numpy")
def weighted_sum(first, second, factors, out):  # type: ignore[no-untyped-def]
    """``(first*p + second*q + half) >> s``, wide; (T, H) integers each, out int32.

    factors (3,): p, q and the shift s (0: none).
    """
    tokens, channels = out.shape
    p, q, shift = factors[0], factors[1], factors[2]
    half = (np.int64(1) << shift) >> 1
    for t in range(tokens):
        for h in range(channels):
            total = np.int64(first[t, h]) * p + np.int64(second[t, h]) * q
            out[t, h] = np.int32((total + half) >> shift)


@compiled_loop(error_model="numpy", inline="always")
def integer_square_root(value):  # type: ignore[no-untyped-def]
    """Largest integer s with ``s*s <= value``, for 0 <= value <= 2**62."""
    root = np.int64(np.sqrt(np.float64(value)))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    return root


@compiled_loop(nogil=True, error_model="numpy")
def layer_norm(v, gain, bias, epsilon, fraction, limit, out, clipped):  # type: ignore[no-untyped-def]
    """Integer layer normalisation (`imssa_sim.model.quantised.QuantisedNorm`).

    v (T, H) integers; gain, bias (H,) int64; out (T, H) int16; clipped (T,) int64. The caller
    bounds v, gain and bias so that no product exceeds 63 bits.
    """
    tokens, channels = v.shape
    bound = np.float64(limit)
    for t in range(tokens):
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


@compiled_loop(nogil=True, error_model="numpy")
def affine_norm(v, gain, bias, fraction, limit, out, clipped):  # type: ignore[no-untyped-def]
    """Integer batch normalisation: ``clip((v*gain + bias + half) >> fraction)``.

    v (T, H) integers; gain, bias (H,) int64; fraction >= 1; out (T, H) int16; clipped (T,) int64.
    """
    tokens, channels = v.shape
    half = np.int64(1) << (fraction - 1)
    for t in range(tokens):
        count = 0
        for h in range(channels):
            code = (np.int64(v[t, h]) * gain[h] + bias[h] + half) >> fraction
            count += abs(code) > limit
            out[t, h] = np.int16(min(max(code, -limit), limit))
        clipped[t] = count


@compiled_loop(nogil=True, error_model="numpy")
def add_saturating(first, second, limit, out, clipped):  # type: ignore[no-untyped-def]
    """``out = clip(first + second)``; (T, C) int16 each, clipped (T,) int64."""
    tokens, columns = first.shape
    for t in range(tokens):
        count = 0
        for c in range(columns):
            total = np.int32(first[t, c]) + np.int32(second[t, c])
            count += abs(total) > limit
            out[t, c] = np.int16(min(max(total, -limit), limit))
        clipped[t] = count
