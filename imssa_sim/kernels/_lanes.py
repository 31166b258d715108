"""Recurrent tiles, 32 samples abreast: a column's accumulator holds one lane per sample.

Buffers of the work space are (rows or columns) x 32 samples. All samples of a block go through
the same instructions; places beyond the batch carry code 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imssa_sim.kernels._chain import Vectors, dac, dac_steps, make_chain, pulse_power
from imssa_sim.kernels._layout import Layout
from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes, Mask, Numbers, Tile, Work
from imssa_sim.kernels.ops import (
    LANES,
    absolute,
    add,
    convert,
    count,
    first_lanes,
    fma,
    fma_pairs,
    inner,
    iota_four,
    join,
    less,
    load,
    load_twice,
    lower_half,
    make_product,
    make_winograd_products,
    mul,
    normal_from_bits,
    normals_and_words,
    positive,
    shift_left,
    shift_right,
    splat,
    sqrt,
    store,
    sub,
    threefry2x32_13,
    upper_half,
)
from imssa_sim.kernels.read_noise.packing import SQUARE
from imssa_sim.kernels.read_noise.threefry import absorb

WIDTH = 2 * LANES
_product_9 = make_product(9, 2)
_product_8 = make_product(8, 2)
_product_4 = make_product(4, 2)
_product_1 = make_product(1, 2)
NOISY = 5  # columns of a noisy product
_noisy_product = make_winograd_products(NOISY)
BOTH_LESS = 2**16 - SQUARE - SQUARE * 2**16  # takes SQUARE from both halves of a pair


@inner
def _of_column(memory: Numbers, j: int) -> Any:
    return memory[j]


@inner
def _number(j: int) -> np.int32:
    return np.int32(j)


@inner
def _load(memory: Floats, j: int) -> Lanes:
    return load_twice(memory, j * WIDTH)


@inner
def _store(memory: Floats, j: int, x: Lanes) -> None:
    store(memory, j * WIDTH, x)


@inner
def _kept(t: Tile, x: Lanes, j: int) -> Lanes:
    return first_lanes(x, t.job.valid)


@inner
def _tally_column(
    t: Tile, floats: Floats, counts: Counts, j: int, first: int, last: int, mask: Mask
) -> None:
    counts[j] += count(mask, t.job.valid)


@inner
def _nothing(t: Tile) -> Lanes:
    return join(splat(t.chain.zero), splat(t.chain.zero))


CHAIN = make_chain(
    Vectors(
        step=1, load=_load, store=_store, of_columns=_of_column, numbers=_number, picked=_load,
        kept=_kept, tally=_tally_column, load_one=_load, store_one=_store, nothing=_nothing,
    )
)  # fmt: skip
_digitise = CHAIN.digitise


@inner
def _dense(
    cells: Floats, pitch: int, n: int, first: int, last: int, v: Floats, out: Floats
) -> None:
    """Sums of the columns first … last - 1 over all n rows."""
    j = first
    while j + 8 <= last and j + 9 != last:
        _product_8(cells, j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 8
    if j + 9 == last:  # a column alone would wait for its own sums
        _product_9(cells, j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 9
    if j + 4 <= last:
        _product_4(cells, j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 4
    while j < last:
        _product_1(cells, j, pitch, 1, v, 0, WIDTH, n, out, j * WIDTH, WIDTH)
        j += 1


@inner
def _sparse(
    start: Counts, row: Counts, value: Floats, first: int, last: int, v: Floats, zero: Float,
    out: Floats,
) -> None:  # fmt: skip
    """The same sums over the listed cells alone."""
    for j in range(first, last):
        total = join(splat(zero), splat(zero))
        for e in range(start[j], start[j + 1]):
            total = fma(value[e], load_twice(v, row[e] * WIDTH), total)
        store(out, j * WIDTH, total)


@inner
def _deviation(t: Tile, s: Work, j: int, excess: Lanes, unit: Float) -> None:
    """Standard deviation of column j's noise: of the listed cells, in a unit, and the rest."""
    extra = splat(t.array.extra_variance[j])
    var = fma(unit, excess, join(extra, extra))
    if t.array.flat_noise:
        var = fma(t.array.flat_variance[j], load_twice(s.parts, 0), var)
    store(s.variances, j * WIDTH, sqrt(positive(var)))


@inner
def _sparse_pairs(t: Tile, s: Work, first: int, last: int) -> None:
    """Deviations of the columns first … last - 1 from the listed pairs of cells alone.

    The order of integers is free; columns list even numbers.
    """
    start, row, value = t.array.pair_start, t.array.pair_row, t.array.pair_value
    nothing = join(splat(np.int32(0)), splat(np.int32(0)))
    for j in range(first, last):
        even, odd = nothing, nothing
        for e in range(start[j], start[j + 1], 2):
            even = fma_pairs(value[e], load_twice(s.pairs, row[e] * WIDTH), even)
            odd = fma_pairs(value[e + 1], load_twice(s.pairs, row[e + 1] * WIDTH), odd)
        total = convert(add(even, odd), load_twice(s.parts, 0))
        _deviation(t, s, j, total, t.array.pair_unit[j])


@inner
def _noisy_products(t: Tile, s: Work, first: int, last: int) -> None:
    """Sums and deviations of the columns first … last - 1; some beside them become void."""
    a = t.array
    for j in range(first, last, NOISY):
        _noisy_product(
            s.code, a.weights, s.pairs, a.pairs, a.pitch, a.rows, min(j, a.pitch - NOISY),
            a.pair_offset, s.common, a.pair_unit, a.extra_variance, a.flat_variance, s.parts,
            s.sums, s.variances,
        )  # fmt: skip


@inner
def _sum_squares(squared: Floats, n: int, zero: Float, parts: Floats) -> None:
    """Sum of the squares of the driven rows, into the first 32 of ``parts`` (16 x 32).

    Sixteen partial sums over the rows i = r mod 16, then halves are added: the order in which
    the lanes of one sample's row vectors are summed in ``_columns``.
    """
    for lane in range(0, WIDTH, LANES):
        for r in range(LANES):
            total = splat(zero)
            for i in range(r, n, LANES):
                total = add(total, load(squared, i * WIDTH + lane))
            store(parts, r * WIDTH + lane, total)
        half = LANES // 2
        while half:
            for r in range(half):
                upper = load(parts, (r + half) * WIDTH + lane)
                store(parts, r * WIDTH + lane, add(load(parts, r * WIDTH + lane), upper))
            half //= 2


@inner
def _tally(t: Tile, s: Work, i: int, code: Lanes) -> None:
    """Statistics of the driver's steps of one row."""
    if t.chain.has_steps:
        code = dac_steps(t, code)
    low, high = lower_half(code), upper_half(code)
    squares = fma(high, high, fma(low, low, load(s.squares, i * LANES)))
    store(s.squares, i * LANES, squares)
    magnitudes = add(absolute(high), add(absolute(low), load(s.magnitudes, i * LANES)))
    store(s.magnitudes, i * LANES, magnitudes)
    t.job.non_zeros[i] += count(less(t.chain.zero, absolute(code)), t.job.valid)


@inner
def _square(s: Work, i: int) -> Lanes:
    code = load_twice(s.code, i * WIDTH)
    square: Lanes = convert(mul(code, code), np.int32(0))
    return square


@inner
def _square_fours(t: Tile, s: Work) -> None:
    """Squared codes of two rows side by side, and what the noise takes from all of them.

    That is the sum, into ``s.parts``, and for Winograd's product, for which each square is less by
    ``SQUARE``, the sum of the products of two rows, negative, into ``s.common``.
    """
    offset = np.int32(0 if t.array.sparse_variance else BOTH_LESS)
    nothing = join(splat(np.int32(0)), splat(np.int32(0)))
    total, products = nothing, nothing
    for i in range(0, t.array.rows, 4):
        a, b, c, d = _square(s, i), _square(s, i + 1), _square(s, i + 2), _square(s, i + 3)
        lower = add(add(a, shift_left(b, 16)), offset)
        upper = add(add(c, shift_left(d, 16)), offset)
        store(s.pairs, i // 2 * WIDTH, lower)
        store(s.pairs, (i // 2 + 1) * WIDTH, upper)
        if t.array.flat_noise:
            total = add(total, add(add(a, b), add(c, d)))
        if not t.array.sparse_variance:
            products = fma_pairs(lower, upper, products)
    store(s.parts, 0, convert(total, t.chain.zero))
    store(s.common, 0, sub(nothing, products))


@inner
def _drive(t: Tile, s: Work) -> Float:
    """Put the codes on the word lines: analog values, their squares, statistics of the codes."""
    if t.array.paired:
        _square_fours(t, s)
    for i in range(t.array.rows):
        code = load_twice(s.code, i * WIDTH)
        if t.chain.has_dac:
            value = dac(t, code)
            store(s.v, i * WIDTH, value)
            store(s.squared, i * WIDTH, mul(value, value))
        elif not t.array.paired:
            store(s.squared, i * WIDTH, mul(code, code))
        if t.chain.has_shot:
            store(s.squared, (t.array.shot_row + i) * WIDTH, pulse_power(t, code))
        _tally(t, s, i, code)
    return t.chain.zero  # the sum of squares is in the work space


@inner
def _products(t: Tile, s: Work, v: Floats, first: int, last: int) -> None:
    """Sums of the columns first … last - 1, and what their noise takes from each row."""
    if t.array.noisy and t.array.paired and not t.array.sparse_variance:
        _noisy_products(t, s, first, last)
        return
    if t.array.sparse_weights:
        _sparse(
            t.array.weight_start, t.array.weight_row, t.array.weight_value, first, last,
            v, t.chain.zero, s.sums,
        )  # fmt: skip
    else:
        _dense(t.array.weights, t.array.pitch, t.array.rows, first, last, v, s.sums)
    if not t.array.noisy:
        return
    if t.array.paired:
        _sparse_pairs(t, s, first, last)
        return
    if t.array.flat_noise:
        _sum_squares(s.squared, t.array.rows, t.chain.zero, s.parts)
    if t.array.sparse_variance:
        _sparse(
            t.array.variance_start, t.array.variance_row, t.array.variance_value, first, last,
            s.squared, t.chain.zero, s.variances,
        )  # fmt: skip
    else:
        rows = t.array.noise_rows
        _dense(t.array.variance, t.array.pitch, rows, first, last, s.squared, s.variances)
    for j in range(first, last):
        _deviation(t, s, j, load_twice(s.variances, j * WIDTH), t.chain.one)


@inner
def _noisy(t: Tile, s: Work, first: int, last: int, step: np.uint32) -> None:
    """Noise and ADC of the columns first … last - 1."""
    key0, key1 = load_twice(s.keys, 0), load_twice(s.keys, WIDTH)
    key0, key1 = join(key0, key0), join(key1, key1)
    lane = convert(shift_right(iota_four(), 5), step)  # two pairs of columns, 32 lanes each
    j = first - first % 2
    word0, word1 = threefry2x32_13(key0, key1, step, add(lane, np.uint32(j // 2)))
    while j < last:
        if j + 4 < last:
            pair = add(lane, np.uint32(j // 2 + 2))
            word0, word1 = normals_and_words(word0, word1, s.normals, key0, key1, step, pair)
        elif j + 2 < last:
            store(s.normals, 0, normal_from_bits(word0))
            store(s.normals, 2 * WIDTH, normal_from_bits(word1))
        else:
            store(s.normals, 0, normal_from_bits(lower_half(word0)))
            store(s.normals, 2 * WIDTH, normal_from_bits(lower_half(word1)))
        for column in range(max(first, j), min(last, j + 4)):
            place = (column - j) % 2 * 2 + (column - j) // 2  # even columns, then odd ones
            x, z = load_twice(s.sums, column * WIDTH), load_twice(s.normals, place * WIDTH)
            noise = load_twice(s.variances, column * WIDTH)
            _digitise(t, s, column, first, last, fma(noise, convert(z, x), x))
        j += 4


@inner
def _read(t: Tile, s: Work, k: int, first: int, last: int, squares: Float) -> None:
    """One array read of the columns first … last - 1: ADC codes into ``s.sums``."""
    step = np.uint32(t.job.first_step + k)
    _products(t, s, s.v if t.chain.has_dac else s.code, first, last)
    if not t.array.noisy:
        for j in range(first, last):
            _digitise(t, s, j, first, last, load_twice(s.sums, j * WIDTH))
        return
    _noisy(t, s, first, last, step)


@inner
def _shift_add(t: Tile, s: Work, first: int, last: int) -> None:
    """Codes of the logical columns first … last - 1 from those of their slices, in place."""
    for j in range(first, last):
        for lane in range(0, WIDTH, LANES):
            total = splat(t.chain.zero)
            for c in range(j * t.array.slices, (j + 1) * t.array.slices):
                total = fma(load(s.sums, c * WIDTH + lane), splat(t.chain.slice_gain[c]), total)
            store(s.sums, j * WIDTH + lane, total)


@inner
def _flush(t: Tile, s: Work) -> None:
    """Move the statistics from floats, still exact, to integers."""
    for i in range(t.array.rows):
        for lane in range(i * LANES, (i + 1) * LANES):
            t.job.squares[i] += np.int64(s.squares[lane])
            t.job.magnitudes[i] += np.int64(s.magnitudes[lane])
            s.squares[lane] = t.chain.zero
            s.magnitudes[lane] = t.chain.zero


@inner
def _start(t: Tile, s: Work) -> None:
    """Keys of the samples; rows beyond those in use are 0."""
    for k in range(WIDTH):
        sample = min(k, t.job.valid - 1)
        key0, key1 = absorb(t.job.keys[2 * sample], t.job.keys[2 * sample + 1], t.job.number)
        s.keys[k] = key0
        s.keys[WIDTH + k] = key1
    if t.array.paired:  # rows are taken by four
        for i in range(t.array.rows * WIDTH, (t.array.rows + 3) // 4 * 4 * WIDTH, LANES):
            store(s.code, i, splat(t.chain.zero))


@inner
def _prepare(t: Tile, s: Work, k: int) -> None:
    """Nothing is made ahead of a step."""


LAYOUT = Layout(
    chain=CHAIN, start=_start, prepare=_prepare, drive=_drive, read=_read, shift_add=_shift_add,
    flush=_flush,
)  # fmt: skip
