"""Sums of columns and deviations of their noise, one lane per sample; see ``_lanes``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes, Tile, Work
from imssa_sim.kernels.ops import (
    LANES,
    add,
    convert,
    fma,
    fma_pairs,
    inner,
    join,
    load,
    load_twice,
    make_product,
    make_winograd_products,
    positive,
    splat,
    sqrt,
    store,
)

Loader = Callable[[Any, int], Lanes]
Products = Callable[[Tile, Work, Floats, int, int], None]


@inner
def _twice(x: Any) -> Lanes:
    return join(splat(x), splat(x))


def loader(vectors: int) -> Loader:
    """The function that loads ``vectors`` vectors abreast, one or two."""
    return load_twice if vectors == 2 else load


def spread(vectors: int) -> Callable[[Any], Lanes]:
    """The function that puts a number into each lane of ``vectors`` vectors, one or two."""
    return _twice if vectors == 2 else splat


def make_products(vectors: int) -> Products:
    """The sums of columns of ``vectors`` vectors of samples, and what their noise takes."""
    width, load_all, everywhere = vectors * LANES, loader(vectors), spread(vectors)
    most = LANES // vectors  # columns in registers at a time
    product_more, product_most = make_product(most + 1, vectors), make_product(most, vectors)
    product_half, product_1 = make_product(most // 2, vectors), make_product(1, vectors)
    half = most // 2
    together = 10 // vectors  # columns of a noisy product
    noisy_product = make_winograd_products(together, vectors)

    @inner
    def dense(
        cells: Floats, pitch: int, n: int, first: int, last: int, v: Floats, out: Floats
    ) -> None:
        """Sums of the columns first … last - 1 over all n rows."""
        j = first
        while j + most <= last and j + most + 1 != last:
            product_most(cells, j, pitch, 1, v, 0, width, n, out, j * width, width)
            j += most
        if j + most + 1 == last:  # a column alone would wait for its own sums
            product_more(cells, j, pitch, 1, v, 0, width, n, out, j * width, width)
            j += most + 1
        if j + half <= last:
            product_half(cells, j, pitch, 1, v, 0, width, n, out, j * width, width)
            j += half
        while j < last:
            product_1(cells, j, pitch, 1, v, 0, width, n, out, j * width, width)
            j += 1

    @inner
    def sparse(
        start: Counts, row: Counts, value: Floats, first: int, last: int, v: Floats, zero: Float,
        out: Floats,
    ) -> None:  # fmt: skip
        """The same sums over the listed cells alone."""
        for j in range(first, last):
            total = everywhere(zero)
            for e in range(start[j], start[j + 1]):
                total = fma(value[e], load_all(v, row[e] * width), total)
            store(out, j * width, total)

    @inner
    def deviation(t: Tile, s: Work, j: int, excess: Lanes, unit: Float) -> None:
        """Standard deviation of column j's noise: of the listed cells, in a unit, and the rest."""
        var = fma(unit, excess, everywhere(t.array.extra_variance[j]))
        if t.array.flat_noise:
            var = fma(t.array.flat_variance[j], load_all(s.parts, 0), var)
        store(s.variances, j * width, sqrt(positive(var)))

    @inner
    def sparse_pairs(t: Tile, s: Work, first: int, last: int) -> None:
        """Deviations of the columns first … last - 1 from the listed pairs of cells alone.

        The order of integers is free; columns list even numbers.
        """
        start, row, value = t.array.pair_start, t.array.pair_row, t.array.pair_value
        nothing = everywhere(np.int32(0))
        for j in range(first, last):
            even, odd = nothing, nothing
            for e in range(start[j], start[j + 1], 2):
                even = fma_pairs(value[e], load_all(s.pairs, row[e] * width), even)
                odd = fma_pairs(value[e + 1], load_all(s.pairs, row[e + 1] * width), odd)
            total = convert(add(even, odd), load_all(s.parts, 0))
            deviation(t, s, j, total, t.array.pair_unit[j])

    @inner
    def noisy_products(t: Tile, s: Work, first: int, last: int) -> None:
        """Sums and deviations of the columns first … last - 1; some beside them become void."""
        a = t.array
        for j in range(first, last, together):
            noisy_product(
                s.code, a.weights, s.pairs, a.pairs, a.pitch, a.rows, min(j, a.pitch - together),
                a.pair_offset, s.common, a.pair_unit, a.extra_variance, a.flat_variance, s.parts,
                s.sums, s.variances,
            )  # fmt: skip

    @inner
    def sum_squares(squared: Floats, n: int, zero: Float, parts: Floats) -> None:
        """Sum of the squares of the driven rows, into the first 32 of ``parts`` (16 x 32).

        Sixteen partial sums over the rows i = r mod 16, then halves are added: the order in which
        the lanes of one sample's row vectors are summed in ``_columns``.
        """
        for lane in range(0, width, LANES):
            for r in range(LANES):
                total = splat(zero)
                for i in range(r, n, LANES):
                    total = add(total, load(squared, i * width + lane))
                store(parts, r * width + lane, total)
            half = LANES // 2
            while half:
                for r in range(half):
                    upper = load(parts, (r + half) * width + lane)
                    store(parts, r * width + lane, add(load(parts, r * width + lane), upper))
                half //= 2

    @inner
    def products(t: Tile, s: Work, v: Floats, first: int, last: int) -> None:
        """Sums of the columns first … last - 1, and what their noise takes from each row."""
        if t.array.noisy and t.array.paired and not t.array.sparse_variance:
            noisy_products(t, s, first, last)
            return
        if t.array.sparse_weights:
            sparse(
                t.array.weight_start, t.array.weight_row, t.array.weight_value, first, last,
                v, t.chain.zero, s.sums,
            )  # fmt: skip
        else:
            dense(t.array.weights, t.array.pitch, t.array.rows, first, last, v, s.sums)
        if not t.array.noisy:
            return
        if t.array.paired:
            sparse_pairs(t, s, first, last)
            return
        if t.array.flat_noise:
            sum_squares(s.squared, t.array.rows, t.chain.zero, s.parts)
        if t.array.sparse_variance:
            sparse(
                t.array.variance_start, t.array.variance_row, t.array.variance_value, first, last,
                s.squared, t.chain.zero, s.variances,
            )  # fmt: skip
        else:
            rows = t.array.noise_rows
            dense(t.array.variance, t.array.pitch, rows, first, last, s.squared, s.variances)
        for j in range(first, last):
            deviation(t, s, j, load_all(s.variances, j * width), t.chain.one)

    return products
