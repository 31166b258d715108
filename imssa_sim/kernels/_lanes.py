"""Recurrent tiles, 32 or 16 samples abreast: a column's accumulator holds one lane per sample.

Buffers of the work space are (rows or columns) x samples. All samples of a block go through
the same instructions; places beyond the batch carry code 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imssa_sim.kernels._chain import ChainLoops, Vectors, make_chain
from imssa_sim.kernels._lane_drive import make_drive
from imssa_sim.kernels._lane_sums import loader, make_products, spread
from imssa_sim.kernels._layout import Layout
from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes, Mask, Numbers, Tile, Work
from imssa_sim.kernels.ops import (
    LANES,
    add,
    convert,
    count,
    first_lanes,
    fma,
    inner,
    iota_four,
    join,
    load,
    lower_half,
    normal_from_bits,
    normals_and_words,
    shift_right,
    splat,
    store,
    threefry2x32_13,
)
from imssa_sim.kernels.read_noise.threefry import absorb

WIDTH, HALF = 2 * LANES, LANES  # samples of a block
Digitise = Callable[[Tile, Work, int, int, int, Lanes], None]


@inner
def _of_column(memory: Numbers, j: int) -> Any:
    return memory[j]


@inner
def _number(j: int) -> np.int32:
    return np.int32(j)


@inner
def _joined(x: Lanes) -> Lanes:
    return join(x, x)


@inner
def _joined_twice(x: Lanes) -> Lanes:
    return _joined(_joined(x))


def _chain(vectors: int) -> ChainLoops:
    """Converters and requantisers of ``vectors`` vectors of samples, one or two."""
    width, load_all, everywhere = vectors * LANES, loader(vectors), spread(vectors)

    @inner
    def row(memory: Floats, j: int) -> Lanes:
        return load_all(memory, j * width)

    @inner
    def set_row(memory: Floats, j: int, x: Lanes) -> None:
        store(memory, j * width, x)

    @inner
    def exchanged(t: Tile, s: Work, j: int) -> Lanes:
        return row(s.held, t.chain.source[j])

    @inner
    def kept(t: Tile, x: Lanes, j: int) -> Lanes:
        return first_lanes(x, t.job.valid)

    @inner
    def tally_column(
        t: Tile, floats: Floats, counts: Counts, j: int, first: int, last: int, mask: Mask
    ) -> None:
        counts[j] += count(mask, t.job.valid)

    @inner
    def nothing(t: Tile) -> Lanes:
        return everywhere(t.chain.zero)

    return make_chain(
        Vectors(
            step=1, load=row, store=set_row, of_columns=_of_column, numbers=_number,
            exchanged=exchanged, kept=kept, tally=tally_column, load_one=row, store_one=set_row,
            nothing=nothing,
        )
    )  # fmt: skip


def _make_read(vectors: int, digitise: Digitise) -> Callable[..., None]:
    """One array read: products, noise and ADC."""
    width, load_all, products = vectors * LANES, loader(vectors), make_products(vectors)
    # Normals come by 64: of so many pairs of columns, an even and an odd one each.
    pairs = 4 // vectors
    abreast, bits = 2 * pairs, width.bit_length() - 1
    on_all = _joined if vectors == 2 else _joined_twice

    @inner
    def noisy(t: Tile, s: Work, first: int, last: int, step: np.uint32) -> None:
        """Noise and ADC of the columns first … last - 1."""
        key0, key1 = load_all(s.keys, 0), load_all(s.keys, width)
        key0, key1 = on_all(key0), on_all(key1)
        lane = convert(shift_right(iota_four(), bits), step)  # pairs of columns, a width each
        j = first - first % 2
        word0, word1 = threefry2x32_13(key0, key1, step, add(lane, np.uint32(j // 2)))
        while j < last:
            if j + abreast < last:
                pair = add(lane, np.uint32(j // 2 + pairs))
                word0, word1 = normals_and_words(word0, word1, s.normals, key0, key1, step, pair)
            elif j + pairs < last:
                store(s.normals, 0, normal_from_bits(word0))
                store(s.normals, 4 * LANES, normal_from_bits(word1))
            else:
                store(s.normals, 0, normal_from_bits(lower_half(word0)))
                store(s.normals, 4 * LANES, normal_from_bits(lower_half(word1)))
            for column in range(max(first, j), min(last, j + abreast)):
                place = (column - j) % 2 * pairs + (column - j) // 2  # even columns, then odd ones
                x, z = load_all(s.sums, column * width), load_all(s.normals, place * width)
                noise = load_all(s.variances, column * width)
                digitise(t, s, column, first, last, fma(noise, convert(z, x), x))
            j += abreast

    @inner
    def read(t: Tile, s: Work, k: int, first: int, last: int, squares: Float) -> None:
        """One array read of the columns first … last - 1: ADC codes into ``s.sums``."""
        step = np.uint32(t.job.first_step + k)
        products(t, s, s.v if t.chain.has_dac else s.code, first, last)
        if not t.array.noisy:
            for j in range(first, last):
                digitise(t, s, j, first, last, load_all(s.sums, j * width))
            return
        noisy(t, s, first, last, step)

    return read


def make_layout(vectors: int) -> Layout:
    """The layout of ``vectors`` vectors of samples, one or two."""
    width, chain = vectors * LANES, _chain(vectors)

    @inner
    def shift_add(t: Tile, s: Work, first: int, last: int) -> None:
        """Codes of the logical columns first … last - 1 from those of their slices, in place."""
        for j in range(first, last):
            for lane in range(0, width, LANES):
                total = splat(t.chain.zero)
                for c in range(j * t.array.slices, (j + 1) * t.array.slices):
                    total = fma(load(s.sums, c * width + lane), splat(t.chain.slice_gain[c]), total)
                store(s.sums, j * width + lane, total)

    @inner
    def flush(t: Tile, s: Work) -> None:
        """Move the statistics from floats, still exact, to integers."""
        for i in range(t.array.rows):
            for lane in range(i * LANES, (i + 1) * LANES):
                t.job.squares[i] += np.int64(s.squares[lane])
                t.job.magnitudes[i] += np.int64(s.magnitudes[lane])
                s.squares[lane] = t.chain.zero
                s.magnitudes[lane] = t.chain.zero

    @inner
    def start(t: Tile, s: Work) -> None:
        """Keys of the samples; rows beyond those in use are 0."""
        for k in range(width):
            sample = min(k, t.job.valid - 1)
            key0, key1 = absorb(t.job.keys[2 * sample], t.job.keys[2 * sample + 1], t.job.number)
            s.keys[k] = key0
            s.keys[width + k] = key1
        if t.array.paired:  # rows are taken by four
            for i in range(t.array.rows * width, (t.array.rows + 3) // 4 * 4 * width, LANES):
                store(s.code, i, splat(t.chain.zero))

    @inner
    def prepare(t: Tile, s: Work, k: int) -> None:
        """Nothing is made ahead of a step."""

    return Layout(
        chain=chain, start=start, prepare=prepare, drive=make_drive(vectors),
        read=_make_read(vectors, chain.digitise), shift_add=shift_add, flush=flush,
    )  # fmt: skip
