"""Codes on the word lines, one lane per sample, and their statistics; see ``_lanes``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imssa_sim.kernels._chain import dac, dac_steps, pulse_power
from imssa_sim.kernels._lane_sums import loader, spread
from imssa_sim.kernels._tile import Float, Lanes, Tile, Work
from imssa_sim.kernels.ops import (
    LANES,
    absolute,
    add,
    convert,
    count,
    fma,
    fma_pairs,
    inner,
    less,
    load,
    lower_half,
    mul,
    shift_left,
    store,
    sub,
    upper_half,
)
from imssa_sim.kernels.read_noise.packing import SQUARE

BOTH_LESS = 2**16 - SQUARE - SQUARE * 2**16  # takes SQUARE from both halves of a pair


@inner
def _add_squares(total: Lanes, code: Lanes) -> Lanes:
    new: Lanes = fma(code, code, total)
    return new


@inner
def _add_squares_of_two(total: Lanes, code: Lanes) -> Lanes:
    return _add_squares(_add_squares(total, lower_half(code)), upper_half(code))


@inner
def _add_magnitudes(total: Lanes, code: Lanes) -> Lanes:
    new: Lanes = add(absolute(code), total)
    return new


@inner
def _add_magnitudes_of_two(total: Lanes, code: Lanes) -> Lanes:
    return _add_magnitudes(_add_magnitudes(total, lower_half(code)), upper_half(code))


def make_drive(vectors: int) -> Callable[[Tile, Work], Float]:
    """The drive of the word lines for ``vectors`` vectors of samples, one or two."""
    width, load_all, everywhere = vectors * LANES, loader(vectors), spread(vectors)
    add_squares = _add_squares_of_two if vectors == 2 else _add_squares
    add_magnitudes = _add_magnitudes_of_two if vectors == 2 else _add_magnitudes

    @inner
    def tally(t: Tile, s: Work, i: int, code: Lanes) -> None:
        """Statistics of the driver's steps of one row."""
        if t.chain.has_steps:
            code = dac_steps(t, code)
        squares, magnitudes = load(s.squares, i * LANES), load(s.magnitudes, i * LANES)
        store(s.squares, i * LANES, add_squares(squares, code))
        store(s.magnitudes, i * LANES, add_magnitudes(magnitudes, code))
        t.job.non_zeros[i] += count(less(t.chain.zero, absolute(code)), t.job.valid)

    @inner
    def square(s: Work, i: int) -> Lanes:
        code = load_all(s.code, i * width)
        squared: Lanes = convert(mul(code, code), np.int32(0))
        return squared

    @inner
    def square_fours(t: Tile, s: Work) -> None:
        """Squared codes of two rows side by side, and what the noise takes from all of them.

        That is the sum, into ``s.parts``, and for Winograd's product, for which each square is
        less by ``SQUARE``, the sum of the products of two rows, negative, into ``s.common``.
        """
        offset = np.int32(0 if t.array.sparse_variance else BOTH_LESS)
        nothing = everywhere(np.int32(0))
        total, products = nothing, nothing
        for i in range(0, t.array.rows, 4):
            a, b, c, d = square(s, i), square(s, i + 1), square(s, i + 2), square(s, i + 3)
            lower = add(add(a, shift_left(b, 16)), offset)
            upper = add(add(c, shift_left(d, 16)), offset)
            store(s.pairs, i // 2 * width, lower)
            store(s.pairs, (i // 2 + 1) * width, upper)
            if t.array.flat_noise:
                total = add(total, add(add(a, b), add(c, d)))
            if not t.array.sparse_variance:
                products = fma_pairs(lower, upper, products)
        store(s.parts, 0, convert(total, t.chain.zero))
        store(s.common, 0, sub(nothing, products))

    @inner
    def drive(t: Tile, s: Work) -> Float:
        """Put the codes on the word lines: analog values, their squares, statistics."""
        if t.array.paired:
            square_fours(t, s)
        for i in range(t.array.rows):
            code = load_all(s.code, i * width)
            if t.chain.has_dac:
                value = dac(t, code)
                store(s.v, i * width, value)
                store(s.squared, i * width, mul(value, value))
            elif not t.array.paired:
                store(s.squared, i * width, mul(code, code))
            if t.chain.has_shot:
                store(s.squared, (t.array.shot_row + i) * width, pulse_power(t, code))
            tally(t, s, i, code)
        return t.chain.zero  # the sum of squares is in the work space

    return drive
