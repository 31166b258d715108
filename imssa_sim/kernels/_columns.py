"""Recurrent tiles, one sample at a time: vectors run along the columns.

For batches that would leave most lanes of ``_lanes`` empty. Every sum is taken in the same order
there and here, so both give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels._converters import adc_table, dac, magnitude, requantise
from imssa_sim.kernels.normal import fill_vectors
from imssa_sim.kernels.ops import (
    LANES,
    add,
    any_lane,
    convert,
    floor_affine,
    fma,
    fold,
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

_product_1 = make_product(1, 1)
_product_2 = make_product(1, 2)
_product_3 = make_product(1, 3)
_product_4 = make_product(1, 4)
_product_5 = make_product(1, 5)
_product_6 = make_product(1, 6)


@njit
def _products(cells: Any, at: int, pitch: int, n: int, columns: int, v: Any, out: Any) -> None:
    """Sums of whole vectors of columns of a tile whose cells start at ``at``."""
    j = 0
    while j < columns:
        left = columns - j
        if left > 5 * LANES:
            _product_6(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += 6 * LANES
        elif left > 4 * LANES:
            _product_5(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += 5 * LANES
        elif left > 3 * LANES:
            _product_4(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += 4 * LANES
        elif left > 2 * LANES:
            _product_3(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += 3 * LANES
        elif left > LANES:
            _product_2(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += 2 * LANES
        else:
            _product_1(v, 0, 1, 0, cells, at + j, pitch, n, out, j, 0)
            j += LANES


@njit
def _drive(a: Any, s: Any, n: int) -> Any:
    """Put the codes on the word lines; the sum of the squared analog values."""
    zero = splat(sub(s.one[0], s.one[0]))
    one = splat(s.one[0])
    total = zero
    for i in range(0, n, LANES):
        code = load(s.code, i)
        value = code
        if a.dac_levels.size:
            inside = less(add(iota(), np.int32(i)), splat(np.int32(n)))
            value = select(inside, dac(a, code), zero)
            store(s.v, i, value)
        square = mul(value, value)
        store(s.squared, i, square)
        total = add(total, square)
        size = magnitude(code)
        store(s.squares, i, fma(code, code, load(s.squares, i)))
        store(s.magnitudes, i, add(load(s.magnitudes, i), size))
        used = select(less(zero, size), one, zero)
        store(s.used, i, add(load(s.used, i), used))
    return fold(total)


@njit
def _digitise(
    a: Any, s: Any, c: Any, at: int, j: int, first: int, last: int, noisy: bool, squares: Any
) -> None:
    """Noise and ADC of 16 columns from j on: sums in ``s.sums`` become codes."""
    x = load(s.sums, j)
    if noisy:
        var = load(s.variances, j)
        if a.flat_noise:
            var = fma(load(a.flat_variance, at + j), squares, var)
        var = sqrt(add(var, load(a.extra_variance, at + j)))
        x = fma(var, convert(load(s.normals, j), x), x)
    code = floor_affine(x, load(a.adc_scale, at + j), load(a.adc_offset, at + j), s.one[0])
    bottom, top = splat(a.limits[0]), splat(a.limits[1])
    below, above = less(code, bottom), less(top, code)
    if any_lane(below) or any_lane(above):
        store(s.clipped, 0, code)
        for lane in range(LANES):
            if first <= j + lane < last:
                c.low[at + j + lane] += s.clipped[lane] < a.limits[0]
                c.high[at + j + lane] += s.clipped[lane] > a.limits[1]
        code = select(below, bottom, select(above, top, code))
    if a.adc_table.size:
        code = adc_table(a, at, add(iota(), np.int32(j)), code)
    store(s.sums, j, code)


@njit
def _read(
    a: Any, s: Any, c: Any, job: Any, t: int, first: int, last: int, step: Any, squares: Any
) -> None:
    """One array read; codes of the columns first … last - 1 into ``s.sums`` (others are void)."""
    n = a.n_states[t] + a.n_inputs[t]
    at, cells = t * a.pitch, t * a.rows * a.pitch
    v = s.v if a.dac_levels.size else s.code
    _products(a.weights, cells, a.pitch, n, last, v, s.sums)
    noisy = a.noisy and job.noise
    if noisy:
        _products(a.variance, cells, a.pitch, n, last, s.squared, s.variances)
        fill_vectors(s.keys[0], s.keys[1], step, 0, last, s.normals)
    for j in range(first - first % LANES, last, LANES):
        _digitise(a, s, c, at, j, first, last, noisy, squares)


@njit
def _flush(s: Any, n: int, at: int, c: Any) -> None:
    """Move the statistics from floats, still exact, to integers."""
    for i in range(n):
        c.squares[at + i] += np.int64(s.squares[i])
        c.magnitudes[at + i] += np.int64(s.magnitudes[i])
        c.non_zeros[at + i] += np.int64(s.used[i])
        s.squares[i] = 0
        s.magnitudes[i] = 0
        s.used[i] = 0


@njit
def _take_inputs(a: Any, s: Any, t: int, steps: int, k: int, codes: Any) -> None:
    """Codes of step k onto the input rows; unused rows get 0."""
    for i in range(a.n_inputs[t]):
        channel = a.input_channel[t, i]
        s.code[a.n_states[t] + i] = codes[channel * steps + k] if channel >= 0 else 0


@njit
def _give_outputs(a: Any, s: Any, t: int, steps: int, k: int, out: Any) -> None:
    """Codes of the output columns at step k, requantised where the output is fused."""
    for i in range(a.n_outputs[t]):
        j = a.n_states[t] + i
        place = a.output_channel[t, i] if a.fused else t * a.output_channel.shape[1] + i
        if place >= 0:
            code = s.sums[j]
            if a.fused:
                code = requantise(code, a.gain[t * a.pitch + j], a.limits[3], s.one[0])
            out[place * steps + k] = convert(code, out[0])


@njit
def run_columns(a: Any, s: Any, c: Any, job: Any, t: int, codes: Any, state: Any, out: Any) -> None:
    """All steps of one tile for one sample.

    ``s`` is the work space, ``c`` the counters, ``job`` says what to run. Layouts, all flat:
    codes (channels, L), state (T, S), out (channels or T * O, L).
    """
    states = a.n_states[t]
    columns, n = states + a.n_outputs[t], states + a.n_inputs[t]
    at, at_row = t * a.pitch, t * a.rows
    zero = sub(s.one[0], s.one[0])
    s.keys[0], s.keys[1] = absorb(job.keys[0, 0], job.keys[0, 1], job.first_tile + t)
    s.code[:] = 0
    for i in range(states):
        s.code[i] = state[t * job.states + i]
    for k in range(job.steps):
        step = np.uint32(job.first_step + k)
        _take_inputs(a, s, t, job.steps, k, codes)
        squares = _drive(a, s, n)
        _read(a, s, c, job, t, 0, states if job.two_pass else columns, step, squares)
        for j in range(0, states, LANES):
            gain = load(a.gain, at + j)
            code = requantise(load(s.sums, j), gain, a.limits[2], s.one[0])
            inside = less(add(iota(), np.int32(j)), splat(np.int32(states)))
            store(s.code, j, select(inside, code, zero))
        if job.two_pass:
            _take_inputs(a, s, t, job.steps, k, codes)
            squares = _drive(a, s, n)
            _read(a, s, c, job, t, states, columns, step, squares)
        _give_outputs(a, s, t, job.steps, k, out)
        if (k + 1) % a.flush == 0:
            _flush(s, n, at_row, c)
    _flush(s, n, at_row, c)
    for i in range(states):
        state[t * job.states + i] = convert(s.code[i], state[0])
