"""The chain behind the bit lines and before the word lines, written once for both layouts.

A layout says how a vector lies in memory: 32 samples of one column (``_lanes``), or 16 columns of
one sample (``_columns``). What happens to codes between converter, requantiser or accumulator and
driver is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes, Mask, Numbers, Tile, Work
from imssa_sim.kernels.ops import (
    absolute,
    add,
    convert,
    floor_affine,
    fma,
    gather,
    inner,
    less,
    mul,
    select,
    sub,
)


class Vectors(NamedTuple):
    """How vectors lie in memory, as functions that are compiled in."""

    step: int  # columns of a vector
    load: Callable[[Any, int], Lanes]  # the vector that begins with a column (or row)
    store: Callable[[Any, int, Lanes], None]
    of_columns: Callable[[Numbers, int], Any]  # parameters of its columns
    numbers: Callable[[int], Any]  # int32 numbers of its columns
    exchanged: Callable[[Tile, Work, int], Lanes]  # the states that its columns add to, unsigned
    kept: Callable[[Tile, Lanes, int], Lanes]  # with 0 where no sample, or no column before a last
    tally: Callable[[Tile, Floats, Counts, int, int, int, Mask], None]
    load_one: Callable[[Any, int], Any]  # all samples of one row or column
    store_one: Callable[[Any, int, Any], None]
    nothing: Callable[[Tile], Any]  # 0 for all samples


class ChainLoops(NamedTuple):
    """Functions of the chain for one layout; ``t`` is the tile, ``s`` the work space."""

    digitise: Callable[[Tile, Work, int, int, int, Lanes], None]
    feed_back: Callable[[Tile, Work], None]
    accumulate: Callable[[Tile, Work], None]
    drive_states: Callable[[Tile, Work], None]
    take_inputs: Callable[[Tile, Work, int], None]
    give_outputs: Callable[[Tile, Work, int], None]
    take_states: Callable[[Tile, Work], None]
    give_states: Callable[[Tile, Work], None]
    part_signs: Callable[[Tile, Work], None]
    join_signs: Callable[[Tile, Work], None]


@inner
def dac(t: Tile, code: Lanes) -> Lanes:
    """Analog values of the DAC."""
    if t.chain.even_steps:
        step = dac_steps(t, code)
        value: Lanes = fma(step, t.chain.dac_unit, mul(step, t.chain.dac_rest))
        return value
    return gather(t.chain.dac_levels, add(convert(code, np.int32(0)), np.int32(t.chain.dac_zero)))


@inner
def dac_steps(t: Tile, code: Lanes) -> Lanes:
    """Steps that the driver takes for codes."""
    if t.chain.even_steps:
        step: Lanes = floor_affine(code, t.chain.dac_gain, t.chain.half)
        return step
    return gather(t.chain.dac_steps, add(convert(code, np.int32(0)), np.int32(t.chain.dac_zero)))


@inner
def pulse_power(t: Tile, code: Lanes) -> Lanes:
    """Shot noise of the pulses that stand for codes."""
    return gather(t.chain.pulse_power, add(convert(code, np.int32(0)), np.int32(t.chain.dac_zero)))


@inner
def _adc_table(t: Tile, column: Any, code: Lanes) -> Lanes:
    """Codes of the ADC's table."""
    index = mul(convert(sub(code, t.chain.adc_low), np.int32(0)), np.int32(t.array.pitch))
    return gather(t.chain.adc_table, add(index, column))


@inner
def _clipped(code: Any, limit: Float, zero: Float) -> Any:
    """clip(code, -limit, limit)."""
    bottom = sub(zero, limit)
    return select(less(code, bottom), bottom, select(less(limit, code), limit, code))


@inner
def _requantised(t: Tile, adc: Any, gain: Any, limit: Float) -> Any:
    """clip(floor(adc * gain + 1/2), -limit, limit), exact for ``gain`` of 24 bits."""
    return _clipped(floor_affine(adc, gain, t.chain.half), limit, t.chain.zero)


def make_chain(vectors: Vectors) -> ChainLoops:
    """The chain of one layout."""
    step, load, store, of_columns, numbers, exchanged, kept, tally, load_one, store_one, nothing = (
        vectors
    )

    @inner
    def digitise(t: Tile, s: Work, j: int, first: int, last: int, x: Lanes) -> None:
        """ADC of the columns of a vector: sums ``x`` become codes, in ``s.sums``.

        Clipped conversions are counted for the columns first … last - 1.
        """
        code = floor_affine(x, of_columns(t.chain.adc_scale, j), of_columns(t.chain.adc_offset, j))
        below, above = less(code, t.chain.adc_low), less(t.chain.adc_high, code)
        tally(t, s.low, t.job.low, j, first, last, below)
        tally(t, s.high, t.job.high, j, first, last, above)
        code = select(below, t.chain.adc_low, select(above, t.chain.adc_high, code))
        if t.chain.has_table:
            code = _adc_table(t, numbers(j), code)
        store(s.sums, j, code)

    @inner
    def feed_back(t: Tile, s: Work) -> None:
        """Codes of the state columns through their requantisers onto the state rows."""
        for j in range(0, t.array.states, step):
            gain = of_columns(t.chain.gain, j)
            code = _requantised(t, load(s.sums, j), gain, t.chain.state_limit)
            store(s.code, j, kept(t, code, j))

    @inner
    def accumulate(t: Tile, s: Work) -> None:
        """Codes of the state columns through their requantisers into the accumulators."""
        limit = t.chain.state_limit
        before = s.held
        if t.chain.exchanges:
            before = s.v
            for j in range(0, t.array.states, step):
                store(before, j, mul(exchanged(t, s, j), of_columns(t.chain.sign, j)))
        for j in range(0, t.array.states, step):
            increment = floor_affine(load(s.sums, j), of_columns(t.chain.gain, j), t.chain.half)
            state = add(load(before, j), increment)
            beyond = less(limit, absolute(state))
            tally(t, s.clipped, t.job.clipped, j, 0, t.array.states, beyond)
            store(s.held, j, kept(t, _clipped(state, limit, t.chain.zero), j))

    @inner
    def drive_states(t: Tile, s: Work) -> None:
        """The top bits of the accumulators onto the state rows."""
        for j in range(0, t.array.states, step):
            whole = load(s.held, j)
            if t.chain.feeds_back:
                whole = add(whole, load(s.rest, j))
            code = _requantised(t, whole, t.chain.drive_gain, t.chain.drive_limit)
            store(s.code, j, code)
            if t.chain.feeds_back:
                rest = fma(sub(t.chain.zero, t.chain.drive_step), code, whole)
                store(s.rest, j, _clipped(rest, t.chain.half_step, t.chain.zero))

    @inner
    def take_inputs(t: Tile, s: Work, k: int) -> None:
        """Codes of step k onto the input rows; unused rows get 0."""
        for i in range(t.array.inputs):
            channel, row = t.chain.input_channel[i], t.array.states + i
            if channel >= 0:
                code = load_one(t.job.codes, channel * t.job.steps + k)
                store_one(s.code, row, convert(code, t.chain.one))
            else:
                store_one(s.code, row, nothing(t))

    @inner
    def give_outputs(t: Tile, s: Work, k: int) -> None:
        """Codes of the output columns at step k, requantised where the output is fused."""
        for i in range(t.array.outputs):
            j, line = t.array.states + i, t.chain.output_line[i]
            if line >= 0:
                code = load_one(s.sums, j)
                if t.chain.fused:
                    code = _requantised(t, code, t.chain.gain[j], t.chain.output_limit)
                store_one(t.job.out, line * t.job.steps + k, convert(code, np.int32(0)))

    @inner
    def take_states(t: Tile, s: Work) -> None:
        """States before the first step."""
        for i in range(t.array.states):
            state = convert(load_one(t.job.state, i), t.chain.one)
            if t.chain.accumulates:
                store_one(s.held, i, state)
            else:
                store_one(s.code, i, state)
            if t.chain.feeds_back:
                store_one(s.rest, i, convert(load_one(t.job.rest, i), t.chain.one))

    @inner
    def give_states(t: Tile, s: Work) -> None:
        """States after the last step."""
        for i in range(t.array.states):
            if t.chain.accumulates:
                store_one(t.job.state, i, convert(load_one(s.held, i), np.int32(0)))
            else:
                store_one(t.job.state, i, convert(load_one(s.code, i), np.int32(0)))
            if t.chain.feeds_back:
                store_one(t.job.rest, i, convert(load_one(s.rest, i), np.int32(0)))

    @inner
    def part_signs(t: Tile, s: Work) -> None:
        """Codes of states and inputs onto the rows of their signs, in place, the last one first."""
        zero = nothing(t)
        for left in range(t.array.states + t.array.inputs, 0, -1):
            row = left - 1
            code = load_one(s.code, row)
            above, below = less(zero, code), less(code, zero)
            store_one(s.code, 2 * row, select(above, code, zero))
            store_one(s.code, 2 * row + 1, select(below, sub(zero, code), zero))

    @inner
    def join_signs(t: Tile, s: Work) -> None:
        """The codes of states and inputs as they were before `part_signs`."""
        for row in range(t.array.states + t.array.inputs):
            code = sub(load_one(s.code, 2 * row), load_one(s.code, 2 * row + 1))
            store_one(s.code, row, code)

    return ChainLoops(
        digitise, feed_back, accumulate, drive_states, take_inputs, give_outputs, take_states,
        give_states, part_signs, join_signs,
    )  # fmt: skip
