"""Recurrent tiles, one sample at a time: vectors run along the columns.

For batches that would leave most lanes of ``_lanes`` empty. Every sum is taken in the same order
there and here, so both give the same bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._chain import Vectors, dac, dac_steps, make_chain, pulse_power
from imssa_sim.kernels._layout import Layout
from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes, Mask, Numbers, Tile, Work
from imssa_sim.kernels.ops import (
    LANES,
    absolute,
    add,
    convert,
    first_lanes,
    fma,
    fold,
    gather,
    inner,
    iota,
    less,
    load,
    make_product,
    mul,
    pointer,
    positive,
    select,
    splat,
    sqrt,
    store,
    sub,
)
from imssa_sim.kernels.read_noise.normal import fill_steps
from imssa_sim.kernels.read_noise.threefry import absorb

ABREAST = 16  # steps whose normals are made in one go: enough work to overlap at any pitch
_product_1 = make_product(1, 1)
_product_2 = make_product(1, 2)
_product_3 = make_product(1, 3)
_product_4 = make_product(1, 4)
_product_5 = make_product(1, 5)
_product_6 = make_product(1, 6)


@inner
def _number(j: int) -> Lanes:
    numbers: Lanes = add(iota(), np.int32(j))
    return numbers


@inner
def _exchanged(t: Tile, s: Work, j: int) -> Lanes:
    source = load(t.chain.source, j)
    if t.chain.apart == 0:
        return gather(s.held, source)
    number, other = _number(j), load(s.held, j ^ t.chain.apart)
    below = select(less(number, source), other, load(s.held, j))
    states: Lanes = select(less(source, number), other, below)
    return states


@inner
def _kept(t: Tile, x: Lanes, j: int) -> Lanes:
    return first_lanes(x, t.array.states - j)


@inner
def _tally(
    t: Tile, floats: Floats, counts: Counts, j: int, first: int, last: int, mask: Mask
) -> None:
    ones = select(mask, t.chain.one, t.chain.zero)
    inside = sub(first_lanes(ones, last - j), first_lanes(ones, first - j))
    store(floats, j, add(load(floats, j), inside))


@inner
def _one(memory: Floats, i: int) -> Float:
    value: Float = memory[i]
    return value


@inner
def _set_one(memory: Floats, i: int, x: Float) -> None:
    memory[i] = x


@inner
def _nothing(t: Tile) -> Float:
    return t.chain.zero


CHAIN = make_chain(
    Vectors(
        step=LANES, load=load, store=store, of_columns=load, numbers=_number, exchanged=_exchanged,
        kept=_kept, tally=_tally, load_one=_one, store_one=_set_one, nothing=_nothing,
    )
)  # fmt: skip
_digitise = CHAIN.digitise


def stretch_order(pitch: int) -> NDArray[np.uint32]:
    """Steps of a stretch and pairs of columns, see `read_noise.normal.fill_steps`."""
    step, pair = np.divmod(np.arange(ABREAST * pitch // 2, dtype=np.uint32), pitch // 2)
    return np.concatenate([step, pair]).astype(np.uint32)


@inner
def _products(cells: Numbers, pitch: int, n: int, columns: int, v: Numbers, out: Numbers) -> None:
    """Sums of whole vectors of columns over all n rows."""
    j = 0
    while j < columns:
        left = columns - j
        if left > 5 * LANES:
            _product_6(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += 6 * LANES
        elif left > 4 * LANES:
            _product_5(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += 5 * LANES
        elif left > 3 * LANES:
            _product_4(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += 4 * LANES
        elif left > 2 * LANES:
            _product_3(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += 3 * LANES
        elif left > LANES:
            _product_2(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += 2 * LANES
        else:
            _product_1(v, 0, 1, 0, cells, j, pitch, n, out, j, 0)
            j += LANES


@inner
def drive(t: Tile, s: Work) -> Float:
    """Put the codes on the word lines; the sum of the squared analog values."""
    zero, one = splat(t.chain.zero), splat(t.chain.one)
    total, whole = zero, splat(np.int32(0))
    for i in range(0, t.array.rows, LANES):
        code = load(s.code, i)
        value = code
        if t.chain.has_dac:
            value = first_lanes(dac(t, code), t.array.rows - i)
            store(s.v, i, value)
        square = mul(value, value)
        if t.array.paired:
            number = convert(square, np.int32(0))
            store(s.halves, i, convert(number, np.int16(0)))
            whole = add(whole, number)
        else:
            store(s.squared, i, square)
        if t.chain.has_shot:
            store(
                s.squared, t.array.shot_row + i, first_lanes(pulse_power(t, code), t.array.rows - i)
            )
        total = add(total, square)
        step = code
        if t.chain.has_steps:
            step = first_lanes(dac_steps(t, code), t.array.rows - i)
        size = absolute(step)
        store(s.squares, i, fma(step, step, load(s.squares, i)))
        store(s.magnitudes, i, add(load(s.magnitudes, i), size))
        store(s.used, i, add(load(s.used, i), select(less(zero, size), one, zero)))
    squares: Float = convert(fold(whole), t.chain.zero) if t.array.paired else fold(total)
    return squares


@inner
def digitise(
    t: Tile, s: Work, normals: NDArray[np.float32], j: int, first: int, last: int, squares: Float
) -> None:
    """Noise and ADC of 16 columns from j on: sums in ``s.sums`` become codes."""
    x = load(s.sums, j)
    if t.array.noisy:
        var = load(t.array.extra_variance, j)
        if t.array.paired:
            var = fma(convert(load(s.totals, j), x), load(t.array.pair_unit, j), var)
        else:
            var = add(load(s.variances, j), var)
        if t.array.flat_noise:
            var = fma(load(t.array.flat_variance, j), squares, var)
        x = fma(sqrt(positive(var)), convert(load(normals, j), x), x)
    _digitise(t, s, j, first, last, x)


@inner
def _read(t: Tile, s: Work, k: int, first: int, last: int, squares: Float) -> None:
    """One array read; codes of the columns first … last - 1 into ``s.sums`` (others are void)."""
    normals = pointer(s.normals, k % ABREAST * t.array.pitch)
    v = s.v if t.chain.has_dac else s.code
    _products(t.array.weights, t.array.pitch, t.array.rows, last, v, s.sums)
    if t.array.paired:
        _products(t.array.pairs, t.array.pitch, (t.array.rows + 1) // 2, last, s.pairs, s.totals)
    elif t.array.noisy:
        rows = t.array.noise_rows
        _products(t.array.variance, t.array.pitch, rows, last, s.squared, s.variances)
    for j in range(first - first % LANES, last, LANES):
        digitise(t, s, normals, j, first, last, squares)


@inner
def shift_add(t: Tile, s: Work, first: int, last: int) -> None:
    """Codes of the logical columns first … last - 1 from those of their slices, in place."""
    end = np.int32(last * t.array.slices - 1)
    for j in range(first - first % LANES, last, LANES):
        total = splat(t.chain.zero)
        for k in range(t.array.slices):
            at = add(mul(add(iota(), np.int32(j)), np.int32(t.array.slices)), np.int32(k))
            at = select(less(end, at), end, at)
            total = fma(gather(s.sums, at), gather(t.chain.slice_gain, at), total)
        store(s.sums, j, total)


@inner
def flush_statistics(t: Tile, s: Work) -> None:
    """Move the statistics from floats, still exact, to integers."""
    for i in range(t.array.rows):
        t.job.squares[i] += np.int64(s.squares[i])
        t.job.magnitudes[i] += np.int64(s.magnitudes[i])
        t.job.non_zeros[i] += np.int64(s.used[i])
        s.squares[i] = t.chain.zero
        s.magnitudes[i] = t.chain.zero
        s.used[i] = t.chain.zero
    for j in range(t.array.pitch):
        t.job.low[j] += np.int64(s.low[j])
        t.job.high[j] += np.int64(s.high[j])
        t.job.clipped[j] += np.int64(s.clipped[j])
        s.low[j] = t.chain.zero
        s.high[j] = t.chain.zero
        s.clipped[j] = t.chain.zero


@inner
def _start(t: Tile, s: Work) -> None:
    """Key of the sample; rows beyond those in use are 0."""
    key0, key1 = absorb(t.job.keys[0], t.job.keys[1], t.job.number)
    s.keys[0] = key0
    s.keys[1] = key1
    for i in range(0, t.array.rows, LANES):
        store(s.code, i, splat(t.chain.zero))
        store(s.held, i, splat(t.chain.zero))
        store(s.rest, i, splat(t.chain.zero))


@inner
def _prepare(t: Tile, s: Work, k: int) -> None:
    """Normals of the next steps."""
    if t.array.noisy and k % ABREAST == 0:
        step, pairs = np.uint32(t.job.first_step + k), ABREAST * t.array.pitch // 2
        fill_steps(s.keys[0], s.keys[1], step, s.order, pairs, s.normals)


LAYOUT = Layout(
    chain=CHAIN, start=_start, prepare=_prepare, drive=drive, read=_read, shift_add=shift_add,
    flush=flush_statistics,
)  # fmt: skip
