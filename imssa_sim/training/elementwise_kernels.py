"""Compiled derivatives of what surrounds the recurrence, each in one pass over its operands.

Sums over tokens are formed in `BLOCKS` parts, whatever the number of threads, so that results
repeat bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop

BLOCKS = 32


@compiled_loop(parallel=True, error_model="numpy")
def look_up(table, codes, out):  # type: ignore[no-untyped-def]
    """``out = table[codes + limit]``; codes, out (T,) float32, table (2 * limit + 1,) float32."""
    offset = (len(table) - 1) // 2
    for i in prange(len(codes)):
        out[i] = table[np.int64(codes[i]) + offset]


@compiled_loop(parallel=True, error_model="numpy")
def look_up_backward(slope, codes, upstream, to_codes, to_table):  # type: ignore[no-untyped-def]
    """Adjoint of `look_up` where the table is a function of slope ``slope``, (2 * limit + 1,).

    codes, upstream, to_codes (T,) float32; to_table (BLOCKS, 2 * limit + 1) float64, added to.
    """
    offset = (len(slope) - 1) // 2
    size = (len(codes) + BLOCKS - 1) // BLOCKS
    for block in prange(BLOCKS):
        for i in range(block * size, min((block + 1) * size, len(codes))):
            place = np.int64(codes[i]) + offset
            to_codes[i] = upstream[i] * slope[place]
            to_table[block, place] += upstream[i]


@compiled_loop(parallel=True, error_model="numpy")
def mask_clipped(sums, scale, bias, limit, upstream, passed):  # type: ignore[no-untyped-def]
    """``passed = upstream`` where ``sums * scale + bias`` is not clipped, elsewhere zero.

    sums (T, C) in any type; scale, bias (C,) float32; upstream, passed (T, C) float32.
    """
    tokens, columns = sums.shape
    edge = np.float32(limit) + np.float32(0.5)
    for t in prange(tokens):
        for c in range(columns):
            exact = np.float32(sums[t, c]) * scale[c] + bias[c]
            passed[t, c] = upstream[t, c] if abs(exact) <= edge else np.float32(0)


VALUE, ENTRY = 0, 1


@compiled_loop(parallel=True, error_model="numpy", fastmath={"reassoc", "contract"})
def gated_backward(factors, gate, slope, gain, bias, z, r, upstream, to_z, to_r, to_gate, to_rest):  # type: ignore[no-untyped-def]
    """Adjoint of a gated linear unit, residual sum, normalisation and rounding.

    ``v = value * z * gate[z'] + entry * r``, then ``code = round(gain * (v - mean) / deviation +
    bias)`` over channels, or ``round(gain * v + bias)`` where ``epsilon`` is negative.

    factors (4,): value, entry, epsilon, largest code, float32. gate, slope (2 * limit + 1,):
    logistic function of the gate's codes and its derivative by the code. gain, bias (H,).
    z, to_z (T, 2H), r, upstream, to_r (T, H) float32. to_gate (BLOCKS, 2 * limit + 1) and to_rest
    (BLOCKS, 2H + 2), added to: by the table; by gain, bias, value, entry.
    """
    tokens, width = r.shape
    offset = (len(gate) - 1) // 2
    value, entry, epsilon = factors[0], factors[1], factors[2]
    edge = factors[3] + np.float32(0.5)
    plain = epsilon < 0
    share = np.float32(1.0) / np.float32(width)
    size = (tokens + BLOCKS - 1) // BLOCKS
    for block in prange(BLOCKS):
        place = np.empty(width, np.int64)
        v = np.empty(width, np.float32)
        by = np.empty(width, np.float32)
        sums = np.zeros((2, width), np.float32)
        by_value = by_entry = np.float64(0)
        for t in range(block * size, min((block + 1) * size, tokens)):
            for h in range(width):
                place[h] = np.int64(z[t, width + h]) + offset
            for h in range(width):
                v[h] = value * z[t, h] * gate[place[h]] + entry * r[t, h]
            inverse = np.float32(1)
            if not plain:
                total = np.float32(0)
                for h in range(width):
                    total += v[h]
                mean = total * share
                squares = np.float32(0)
                for h in range(width):
                    v[h] -= mean
                    squares += v[h] * v[h]
                inverse = np.float32(1) / np.sqrt(squares * share + epsilon)
            first, second = np.float32(0), np.float32(0)
            for h in range(width):
                v[h] *= inverse
                exact = v[h] * gain[h] + bias[h]
                up = upstream[t, h] if abs(exact) <= edge else np.float32(0)
                sums[0, h] += up * v[h]
                sums[1, h] += up
                up *= gain[h]
                by[h] = up
                first += up
                second += up * v[h]
            if not plain:
                first *= share
                second *= share
                for h in range(width):
                    by[h] = inverse * (by[h] - first - v[h] * second)
            part_value, part_entry = np.float32(0), np.float32(0)
            for h in range(width):
                part_value += by[h] * z[t, h] * gate[place[h]]
                part_entry += by[h] * r[t, h]
                to_r[t, h] = by[h] * entry
                to_z[t, h] = by[h] * value * gate[place[h]]
            for h in range(width):
                by_gate = by[h] * value * z[t, h]
                to_z[t, width + h] = by_gate * slope[place[h]]
                to_gate[block, place[h]] += by_gate
            by_value += part_value
            by_entry += part_entry
        for h in range(width):
            to_rest[block, h] += sums[0, h]
            to_rest[block, width + h] += sums[1, h]
        to_rest[block, 2 * width + VALUE] += by_value
        to_rest[block, 2 * width + ENTRY] += by_entry
