"""Recurrent tiles, 32 samples abreast: a column's accumulator holds one lane per sample.

Buffers of the work space are (rows or columns) x 32 samples. All samples of a block go through
the same instructions; places beyond the batch carry code 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels._converters import adc_table, dac, magnitude, requantise
from imssa_sim.kernels.normal import normal_pair
from imssa_sim.kernels.ops import (
    LANES,
    add,
    any_lane,
    both,
    convert,
    count,
    floor_affine,
    fma,
    iota,
    less,
    load,
    make_product,
    mul,
    select,
    splat,
    sqrt,
    store,
    sub,
)
from imssa_sim.kernels.threefry import absorb

WIDTH = 2 * LANES

_product_8 = make_product(8, 2)
_product_4 = make_product(4, 2)
_product_1 = make_product(1, 2)


@njit
def _dense_products(cells: Any, at: int, pitch: int, n: int, first: int, last: int, v: Any, out: Any) -> None:
    """Column sums of a tile whose cells start at ``at``, for the columns first … last - 1."""
    j = first
    while j + 8 <= last:
        _product_8(cells, at + j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 8
    if j + 4 <= last:
        _product_4(cells, at + j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 4
    while j < last:
        _product_1(cells, at + j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 1


@njit
def _sparse_products(cells: Any, at: int, first: int, last: int, v: Any, out: Any) -> None:
    """The same sums over the listed cells alone; ``at`` is the tile's first column."""
    for j in range(first, last):
        low = splat(sub(out[0], out[0]))
        high = low
        for e in range(cells.start[at + j], cells.start[at + j + 1]):
            place = cells.row[e] * WIDTH
            cell = splat(cells.value[e])
            low = fma(cell, load(v, place), low)
            high = fma(cell, load(v, place + LANES), high)
        store(out, j * WIDTH, low)
        store(out, j * WIDTH + LANES, high)


@njit
def _sum_squares(squared: Any, n: int, parts: Any) -> None:
    """Sum of the squares of the driven rows, into the first 32 of ``parts`` (16 x 32).

    Sixteen partial sums over the rows i = r mod 16, then halves are added: the order in which
    the lanes of one sample's row vectors are summed in ``_columns``.
    """
    for lane in range(0, WIDTH, LANES):
        for r in range(LANES):
            total = splat(sub(parts[0], parts[0]))
            for i in range(r, n, LANES):
                total = add(total, load(squared, i * WIDTH + lane))
            store(parts, r * WIDTH + lane, total)
        half = LANES // 2
        while half:
            for r in range(half):
                upper = load(parts, (r + half) * WIDTH + lane)
                store(parts, r * WIDTH + lane, add(load(parts, r * WIDTH + lane), upper))
            half //= 2


@njit
def _drive(a: Any, s: Any, n: int, at: int, non_zeros: Any) -> None:
    """Put the codes on the word lines: analog values, their squares, statistics of the codes."""
    for i in range(n):
        squares = load(s.squares, i * LANES)
        magnitudes = load(s.magnitudes, i * LANES)
        used = 0
        for lane in range(i * WIDTH, (i + 1) * WIDTH, LANES):
            code = load(s.code, lane)
            value = code
            if a.dac_levels.size:
                value = dac(a, code)
                store(s.v, lane, value)
            store(s.squared, lane, mul(value, value))
            squares = fma(code, code, squares)
            size = magnitude(code)
            magnitudes = add(magnitudes, size)
            used += count(less(sub(code, code), size))
        store(s.squares, i * LANES, squares)
        store(s.magnitudes, i * LANES, magnitudes)
        non_zeros[at + i] += used


@njit
def _digitise(
    a: Any, s: Any, c: Any, at: int, j: int, lane: int, noisy: bool, z: Any, valid: int
) -> None:
    """Noise and ADC of one column: sums in ``s.sums`` become codes."""
    place = j * WIDTH + lane
    x = load(s.sums, place)
    if noisy:
        var = load(s.variances, place)
        if a.flat_noise:
            var = fma(a.flat_variance[at + j], load(s.parts, lane), var)
        x = fma(sqrt(add(var, a.extra_variance[at + j])), convert(z, x), x)
    code = floor_affine(x, a.adc_scale[at + j], a.adc_offset[at + j], s.one[0])
    bottom, top = splat(a.limits[0]), splat(a.limits[1])
    below, above = less(code, bottom), less(top, code)
    if any_lane(below) or any_lane(above):
        used = less(add(iota(), np.int32(lane)), splat(np.int32(valid)))
        c.low[at + j] += count(both(below, used))
        c.high[at + j] += count(both(above, used))
        code = select(below, bottom, select(above, top, code))
    if a.adc_table.size:
        code = adc_table(a, at, splat(np.int32(j)), code)
    store(s.sums, place, code)


@njit
def _read(a: Any, s: Any, c: Any, job: Any, t: int, first: int, last: int, step: Any) -> None:
    """One array read of the columns first … last - 1: ADC codes into ``s.sums``."""
    n = a.n_states[t] + a.n_inputs[t]
    at, cells = t * a.pitch, t * a.rows * a.pitch
    v = s.v if a.dac_levels.size else s.code
    if a.sparse_weights:
        _sparse_products(a.weight_cells, at, first, last, v, s.sums)
    else:
        _dense_products(a.weights, cells, a.pitch, n, first, last, v, s.sums)
    if not (a.noisy and job.noise):
        for j in range(first, last):
            for lane in range(0, WIDTH, LANES):
                _digitise(a, s, c, at, j, lane, False, splat(np.float32(0)), job.valid)
        return
    if a.sparse_variance:
        _sparse_products(a.variance_cells, at, first, last, s.squared, s.variances)
    else:
        _dense_products(a.variance, cells, a.pitch, n, first, last, s.squared, s.variances)
    if a.flat_noise:
        _sum_squares(s.squared, n, s.parts)
    for pair in range(first // 2, (last + 1) // 2):
        for lane in range(0, WIDTH, LANES):
            key0, key1 = load(s.keys, lane), load(s.keys, WIDTH + lane)
            even, odd = normal_pair(key0, key1, step, splat(np.uint32(pair)))
            if 2 * pair >= first:
                _digitise(a, s, c, at, 2 * pair, lane, True, even, job.valid)
            if 2 * pair + 1 < last:
                _digitise(a, s, c, at, 2 * pair + 1, lane, True, odd, job.valid)


@njit
def _flush(s: Any, n: int, at: int, c: Any) -> None:
    """Move the statistics from floats, still exact, to integers."""
    for i in range(n):
        for lane in range(i * LANES, (i + 1) * LANES):
            c.squares[at + i] += np.int64(s.squares[lane])
            c.magnitudes[at + i] += np.int64(s.magnitudes[lane])
            s.squares[lane] = 0
            s.magnitudes[lane] = 0


@njit
def _take_inputs(a: Any, s: Any, t: int, steps: int, k: int, codes: Any) -> None:
    """Codes of step k onto the input rows; unused rows get 0."""
    for i in range(a.n_inputs[t]):
        channel = a.input_channel[t, i]
        row = (a.n_states[t] + i) * WIDTH
        for lane in range(0, WIDTH, LANES):
            if channel >= 0:
                code = load(codes, (channel * steps + k) * WIDTH + lane)
                store(s.code, row + lane, convert(code, s.one[0]))
            else:
                store(s.code, row + lane, splat(sub(s.one[0], s.one[0])))


@njit
def _give_outputs(a: Any, s: Any, t: int, steps: int, k: int, out: Any) -> None:
    """Codes of the output columns at step k, requantised where the output is fused."""
    outputs = a.output_channel.shape[1]
    for i in range(a.n_outputs[t]):
        j = a.n_states[t] + i
        place = a.output_channel[t, i] if a.fused else t * outputs + i
        if place >= 0:
            for lane in range(0, WIDTH, LANES):
                code = load(s.sums, j * WIDTH + lane)
                if a.fused:
                    code = requantise(code, a.gain[t * a.pitch + j], a.limits[3], s.one[0])
                store(out, (place * steps + k) * WIDTH + lane, convert(code, out[0]))


@njit
def run_lanes(a: Any, s: Any, c: Any, job: Any, t: int, codes: Any, state: Any, out: Any) -> None:
    """All steps of one tile for one block of up to 32 samples.

    ``s`` is the work space, ``c`` the counters, ``job`` says what to run. Layouts, all flat:
    codes (channels, L, 32), state (T, S, 32), out (channels or T * O, L, 32).
    """
    states = a.n_states[t]
    columns, n = states + a.n_outputs[t], states + a.n_inputs[t]
    at, at_row = t * a.pitch, t * a.rows
    zero = sub(s.one[0], s.one[0])
    for k in range(WIDTH):
        sample = min(k, job.valid - 1)
        s.keys[k], s.keys[WIDTH + k] = absorb(
            job.keys[sample, 0], job.keys[sample, 1], job.first_tile + t
        )
    for i in range(0, states * WIDTH, LANES):
        start = load(state, t * job.states * WIDTH + i)
        store(s.code, i, convert(start, zero))
    for k in range(job.steps):
        step = splat(np.uint32(job.first_step + k))
        _take_inputs(a, s, t, job.steps, k, codes)
        _drive(a, s, n, at_row, c.non_zeros)
        _read(a, s, c, job, t, 0, states if job.two_pass else columns, step)
        for lane in range(0, WIDTH, LANES):
            used = less(add(iota(), np.int32(lane)), splat(np.int32(job.valid)))
            for j in range(states):
                place = j * WIDTH + lane
                code = requantise(load(s.sums, place), a.gain[at + j], a.limits[2], s.one[0])
                store(s.code, place, select(used, code, zero))
        if job.two_pass:
            _drive(a, s, n, at_row, c.non_zeros)
            _read(a, s, c, job, t, states, columns, step)
        _give_outputs(a, s, t, job.steps, k, out)
        if (k + 1) % a.flush == 0:
            _flush(s, n, at_row, c)
    _flush(s, n, at_row, c)
    for i in range(0, states * WIDTH, LANES):
        store(state, t * job.states * WIDTH + i, convert(load(s.code, i), state[0]))
