from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.kernels.digital_recurrence import ABREAST, run_block, run_delta_block
from imssa_sim.kernels.read_circuit import (
    Accumulator,
    Exchange,
    FusedOutput,
    ReadCircuit,
    RecurrentWiring,
)
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import pack_tiles

LIMIT = 127
UNKEPT = (False, np.zeros(0, np.int8), np.int8(0))


def naive(w, d, multiplier, shift, ahead, u):
    """One channel in Python's integers: w (6, M), multipliers over 2**shift, codes u (L,)."""

    def requantised(acc, m, s):
        return max(-LIMIT, min(LIMIT, (acc * m + (1 << (s - 1))) >> s))

    modes = w.shape[1]
    a_re, a_im, b_re, b_im, c_re, c_im = ([int(v) for v in row] for row in w)
    x = [(0, 0)] * modes
    y = []
    for drive in (int(v) for v in u):
        new = []
        for n, (p, q) in enumerate(x):
            re = a_re[n] * p - a_im[n] * q + b_re[n] * drive
            im = a_im[n] * p + a_re[n] * q + b_im[n] * drive
            new.append(
                (
                    requantised(re, multiplier[n], shift[n]),
                    requantised(im, multiplier[n], shift[n]),
                )
            )
        read = x if ahead else new
        total = sum(c_re[n] * p + c_im[n] * q for n, (p, q) in enumerate(read))
        if ahead:
            y.append(requantised(total + d * drive, multiplier[modes], shift[modes]))
        else:
            parts = (
                requantised(total, multiplier[modes], shift[modes]),
                requantised(d * drive, multiplier[modes + 1], shift[modes + 1]),
            )
            y.append(max(-LIMIT, min(LIMIT, sum(parts))))
        x = new
    return y


@pytest.mark.parametrize("word", [np.float32, np.float64])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    batch=st.sampled_from([1, ABREAST - 1, ABREAST + 3]),
    steps=st.sampled_from([1, 65, 130]),
    channels=st.sampled_from([1, 33]),
    modes=st.integers(1, 4),
    ahead=st.booleans(),
    reverse=st.booleans(),
)
def test_integers_are_exact(word, seed, batch, steps, channels, modes, ahead, reverse):
    rng = np.random.default_rng(seed)
    w = rng.integers(-LIMIT, LIMIT + 1, (channels, 6, modes))
    d = rng.integers(-LIMIT, LIMIT + 1, channels)
    multiplier = rng.integers(2**23, 2**24, (channels, modes + 2))
    shift = rng.integers(28, 34, (channels, modes + 2))
    u = rng.integers(-LIMIT, LIMIT + 1, (batch, steps, channels)).astype(np.int16)
    gain = np.ldexp(multiplier.astype(float), -shift)
    y, clipped = np.empty_like(u), np.zeros(2, np.int64)
    constants = np.array([LIMIT, LIMIT, 0, 0.5, 1], word)
    flat = [v.astype(word).ravel() for v in (w, d, gain[:, :modes], gain[:, modes:])]
    for first in range(0, batch, ABREAST):
        run_block(*flat, constants, ahead, reverse, u, y, first, clipped, *UNKEPT)
    order = slice(None, None, -1) if reverse else slice(None)
    for b, h in {(0, 0), (batch - 1, channels - 1)}:
        expected = naive(
            w[h], int(d[h]), multiplier[h].tolist(), shift[h].tolist(), ahead, u[b, order, h]
        )
        assert y[b, order, h].tolist() == expected


def naive_delta(w, d, multiplier, shift, by, state_limit, u):
    """One channel of increments in Python's integers; also states that were clipped."""

    def requantised(acc, m, s):
        return (acc * m + (1 << (s - 1))) >> s

    def within(value, limit):
        return max(-limit, min(limit, value))

    half = (1 << by.shift) // 2
    modes = w.shape[1]
    a_re, a_im, b_re, b_im, c_re, c_im, r_re, r_im = ([int(v) for v in row] for row in w)
    x, rest, y, clipped = [0] * (2 * modes), [0] * (2 * modes), [], 0
    for drive in (int(v) for v in u):
        whole = [x_j + r_j * by.feedback for x_j, r_j in zip(x, rest, strict=True)]
        v = [within((w_j + half) >> by.shift, by.drive_limit) for w_j in whole]
        rest = [within(w_j - (v_j << by.shift), half) for w_j, v_j in zip(whole, v, strict=True)]
        y.append(d * drive + sum(c_re[n] * v[2 * n] + c_im[n] * v[2 * n + 1] for n in range(modes)))
        for n in range(modes):
            p, q = v[2 * n], v[2 * n + 1]
            sums = (
                a_re[n] * p - a_im[n] * q + b_re[n] * drive,
                a_im[n] * p + a_re[n] * q + b_im[n] * drive,
            )
            turn = complex(r_re[n], r_im[n]) * complex(x[2 * n], x[2 * n + 1])
            for part, total in enumerate(sums):
                before = int((turn.real, turn.imag)[part])
                state = before + requantised(total, multiplier[n], shift[n])
                clipped += abs(state) > state_limit
                x[2 * n + part] = within(state, state_limit)
    out = [within(requantised(total, multiplier[modes], shift[modes]), LIMIT) for total in y]
    return out, clipped


@pytest.mark.parametrize("word", [np.float32, np.float64])
@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    batch=st.sampled_from([1, ABREAST + 3]),
    steps=st.sampled_from([1, 65, 130]),
    channels=st.sampled_from([1, 33]),
    modes=st.integers(1, 4),
    by=st.sampled_from(
        [Accumulator(0, LIMIT), Accumulator(5, 63), Accumulator(8, LIMIT, feedback=True)]
    ),
    reverse=st.booleans(),
)
def test_increments_are_exact_and_those_of_a_lossless_read(
    word, seed, batch, steps, channels, modes, by, reverse
):
    rng = np.random.default_rng(seed)
    turns = rng.integers(0, 4, (channels, modes))
    turn = np.array([1, 1j, -1, -1j])[turns]
    w = rng.integers(-31, 32, (channels, 6, modes))
    w = np.concatenate([w, turn.real[:, None], turn.imag[:, None]], axis=1)
    d = rng.integers(-31, 32, channels)
    multiplier = rng.integers(2**23, 2**24, (channels, modes + 1))
    shift = rng.integers(22, 28, (channels, modes + 1))
    state_limit = 2 ** (8 + by.shift) - 1 if by.shift else LIMIT
    u = rng.integers(-LIMIT, LIMIT + 1, (batch, steps, channels)).astype(np.int16)
    gain = np.ldexp(multiplier.astype(float), -shift)
    y, clipped = np.empty_like(u), np.zeros(2, np.int64)
    size = 2**by.shift
    constants = np.array(
        [state_limit, LIMIT, 0, 0.5, 1, by.drive_limit, 1 / size, size, size // 2], word
    )
    scale = np.repeat(gain[:, modes:], 2, axis=1)
    flat = [v.astype(word).ravel() for v in (w, d, gain[:, :modes], scale)]
    for first in range(0, batch, ABREAST):
        run_delta_block(*flat, constants, by.feedback, reverse, u, y, first, clipped, *UNKEPT)
    order = slice(None, None, -1) if reverse else slice(None)
    for b, h in {(0, 0), (batch - 1, channels - 1)}:
        expected, beyond = naive_delta(
            w[h], int(d[h]), multiplier[h].tolist(), shift[h].tolist(), by, state_limit,
            u[b, order, h],
        )  # fmt: skip
        assert y[b, order, h].tolist() == expected
        if batch == channels == 1:
            assert clipped[0] == beyond
    # the same matrices on tiles: rows and columns are real and imaginary parts in turn
    size = 2 * modes + 1
    cells = np.zeros((channels, size, size))
    re, im = np.arange(0, 2 * modes, 2), np.arange(1, 2 * modes, 2)
    cells[:, re, re] = cells[:, im, im] = w[:, 0]
    cells[:, im, re], cells[:, re, im] = -w[:, 1], w[:, 1]
    cells[:, -1, re], cells[:, -1, im] = w[:, 2], w[:, 3]
    cells[:, re, -1], cells[:, im, -1], cells[:, -1, -1] = w[:, 4], w[:, 5], d
    all_of = np.full(channels, size)
    circuit = ReadCircuit(
        weights=cells, rows_used=all_of, columns_used=all_of, limit=LIMIT, adc_scale=1.0,
        adc_offset=0.0, adc_low=-(2**20), adc_high=2**20,
    )  # fmt: skip
    source = np.tile(np.arange(size - 1), (channels, 1))
    source[:, re] += turns % 2
    source[:, im] -= turns % 2
    sign = np.repeat(np.where(turns >= 2, -1, 1), 2, axis=1)
    sign[:, re] *= np.where(turns % 2 == 1, -1, 1)
    exchange = Exchange(source, sign)
    channel = np.arange(channels)[:, None]
    wiring = RecurrentWiring(
        n_states=all_of - 1, input_channel=channel,
        state_gain=np.repeat(gain[:, :modes], 2, axis=1), state_limit=state_limit,
        accumulator=replace(by, exchange=exchange),
        output=FusedOutput(channel, gain[:, modes:], LIMIT, channels),
    )  # fmt: skip
    codes = np.ascontiguousarray(u[:, order])
    read = run_recurrent(
        pack_tiles(circuit, wiring, dtype=word), codes, sample_ids=np.arange(batch), seed=0, chip=0,
        site=0,
    )  # fmt: skip
    np.testing.assert_array_equal(read.outputs[:, order], y)
    assert read.saturated_states.sum() == clipped[0]
