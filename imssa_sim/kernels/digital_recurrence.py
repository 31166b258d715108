"""The recurrence of quantised S4D kernels in exact arithmetic, 16 samples abreast.

Integers are held in floating point, where sums and products below 2^24 (float32) or 2^53 (float64)
are exact, and so is the requantiser (`imssa_sim.kernels.ops.floor_affine`): the results are those
of 64-bit integers, in twice the lanes and without conversions.

`run_block` is x' = clip(requantised(A x + B u)). `run_delta_block` is the delta operator: the codes
that the state rows get are the top bits of the states, ``v = clip(floor(x / 2**k + 1/2))``, and the
states add up what comes of them, ``x' = clip(R x + requantised((A - R) v + B u))``, R a quarter
turn of each mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._tile import Counts, Float, Floats, Lanes
from imssa_sim.kernels.ops import (
    LANES,
    add,
    align_stack,
    convert,
    count,
    entry,
    floor_affine,
    fma,
    inner,
    less,
    load,
    mul,
    pointer,
    select,
    splat,
    store,
    sub,
)

STATE, OUTPUT = np.int64(0), np.int64(1)  # places of the counters of clipped values
ABREAST = LANES
"""Samples that a block runs side by side."""
GROUP, STEPS = 32, 64
"""Channels and steps whose codes are brought together, sample by sample, in the first caches."""


@inner
def _clipped(code: Lanes, limit: Float, zero: Float, clipped: Counts, at: np.int64) -> Lanes:
    """Clip codes to ±limit, and count those beyond."""
    bottom = sub(zero, limit)
    below, above = less(code, bottom), less(limit, code)
    beyond = count(below, LANES) + count(above, LANES)
    if beyond:
        clipped[at] += beyond
        code = select(below, bottom, select(above, limit, code))
    return code


@inner
def within(code: Lanes, limit: Float, zero: Float) -> Lanes:
    """Clip codes to ±limit."""
    bottom = sub(zero, limit)
    clipped: Lanes = select(less(code, bottom), bottom, select(less(limit, code), limit, code))
    return clipped


@inner
def _output(
    total: Lanes, through: Lanes, scale: Floats, ahead: bool, c: Floats, clipped: Counts
) -> Lanes:
    """Output codes of one step from the sum over the states and the feed-through."""
    limit, zero, half, one = c[1], c[2], c[3], c[4]
    if ahead:
        code = floor_affine(fma(through, one, total), scale[0], half)
        return _clipped(code, limit, zero, clipped, OUTPUT)
    bottom = sub(zero, limit)
    code = floor_affine(total, scale[0], half)
    part = floor_affine(through, scale[1], half)
    held, kept = within(code, limit, zero), within(part, limit, zero)
    both = fma(held, one, kept)
    # A value counts once, whichever of its three roundings clipped it.
    beyond = fma(mul(sub(code, held), sub(code, held)), one, mul(sub(part, kept), sub(part, kept)))
    over = select(less(limit, both), one, select(less(both, bottom), one, splat(zero)))
    clipped[OUTPUT] += count(less(zero, fma(beyond, one, over)), LANES)
    return within(both, limit, zero)


@inner
def _record(kept: NDArray[Any], at: int, kind: np.integer[Any], re: Lanes, im: Lanes) -> None:
    """Keep the codes of one mode after one step."""
    store(kept, 2 * at * LANES, convert(re, kind))
    store(kept, (2 * at + 1) * LANES, convert(im, kind))


@inner
def _run_channel(
    modes: int, steps: int, w: Floats, d: Floats, state_scale: Floats, scale: Floats, c: Floats,
    ahead: bool, x: Floats, tile: NDArray[np.int16], clipped: Counts, record: bool,
    kept: NDArray[Any], kind: np.integer[Any],
) -> None:  # fmt: skip
    """Run one channel over ``steps`` steps: the codes in ``tile`` become outputs.

    ``kept`` takes the state codes of each step if ``record``, in the type of ``kind``.
    All arrays are bare pointers: to pass arrays would count references, step after step.
    """
    limit, zero, half, one = c[0], c[2], c[3], c[4]
    for k in range(steps):
        drive = convert(load(tile, k * LANES), one)
        total = splat(zero)
        for n in range(modes):
            a_re, a_im = splat(w[n]), splat(w[modes + n])
            c_re, c_im = splat(w[4 * modes + n]), splat(w[5 * modes + n])
            p, q = load(x, 2 * n * LANES), load(x, (2 * n + 1) * LANES)
            re = fma(a_re, p, mul(splat(w[2 * modes + n]), drive))
            im = fma(a_im, p, mul(splat(w[3 * modes + n]), drive))
            re = fma(sub(zero, a_im), q, re)
            im = fma(a_re, q, im)
            if ahead:
                total = fma(c_re, p, fma(c_im, q, total))
            p = floor_affine(re, state_scale[n], half)
            q = floor_affine(im, state_scale[n], half)
            p = _clipped(p, limit, zero, clipped, STATE)
            q = _clipped(q, limit, zero, clipped, STATE)
            if not ahead:
                total = fma(c_re, p, fma(c_im, q, total))
            store(x, 2 * n * LANES, p)
            store(x, (2 * n + 1) * LANES, q)
            if record:
                _record(kept, k * modes + n, kind, p, q)
        code = _output(total, mul(splat(d[0]), drive), scale, ahead, c, clipped)
        store(tile, k * LANES, convert(code, np.int16(0)))


@inner
def _drive(x: Floats, n: int, modes: int, feedback: bool, c: Floats) -> Lanes:
    """Top bits of number n of the states of a channel; what is cut off is kept behind them."""
    whole, rest = load(x, n * LANES), (2 * modes + n) * LANES
    if feedback:
        whole = add(whole, load(x, rest))
    code = within(floor_affine(whole, c[6], c[3]), c[5], c[2])
    if feedback:
        store(x, rest, within(fma(sub(c[2], c[7]), code, whole), c[8], c[2]))
    return code


@inner
def _run_delta_channel(
    modes: int, steps: int, w: Floats, d: Floats, state_scale: Floats, scale: Floats, c: Floats,
    feedback: bool, x: Floats, tile: NDArray[np.int16], clipped: Counts, record: bool,
    kept: NDArray[Any], kind: np.integer[Any],
) -> None:  # fmt: skip
    """Like `_run_channel`, for states that add up increments; their rests lie behind them."""
    limit, zero, half, one = c[0], c[2], c[3], c[4]
    for k in range(steps):
        drive = convert(load(tile, k * LANES), one)
        total = splat(zero)
        for n in range(modes):
            a_re, a_im = splat(w[n]), splat(w[modes + n])
            p = _drive(x, 2 * n, modes, feedback, c)
            q = _drive(x, 2 * n + 1, modes, feedback, c)
            re = fma(a_re, p, mul(splat(w[2 * modes + n]), drive))
            im = fma(a_im, p, mul(splat(w[3 * modes + n]), drive))
            re = fma(sub(zero, a_im), q, re)
            im = fma(a_re, q, im)
            total = fma(splat(w[4 * modes + n]), p, fma(splat(w[5 * modes + n]), q, total))
            re = floor_affine(re, state_scale[n], half)
            im = floor_affine(im, state_scale[n], half)
            r_re, r_im = splat(w[6 * modes + n]), splat(w[7 * modes + n])
            p, q = load(x, 2 * n * LANES), load(x, (2 * n + 1) * LANES)
            re = fma(r_re, p, fma(sub(zero, r_im), q, re))
            im = fma(r_im, p, fma(r_re, q, im))
            re = _clipped(re, limit, zero, clipped, STATE)
            im = _clipped(im, limit, zero, clipped, STATE)
            store(x, 2 * n * LANES, re)
            store(x, (2 * n + 1) * LANES, im)
            if record:
                _record(kept, k * modes + n, kind, re, im)
        code = _output(total, mul(splat(d[0]), drive), scale, True, c, clipped)
        store(tile, k * LANES, convert(code, np.int16(0)))


Block = Callable[..., None]


def _make_block(run_channel: Callable[..., None], words: int, rows: int) -> Block:
    """The loop over the channels and steps of 16 samples.

    ``words`` are kept for each mode, which has ``rows`` constants.
    """

    @entry
    def run(
        w: Floats, d: Floats, state_scale: Floats, scale: Floats, constants: Floats, form: bool,
        reverse: bool, u: NDArray[Any], y: NDArray[Any], first: int, clipped: Counts,
        record: bool, kept: NDArray[Any], kind: np.integer[Any],
    ) -> None:  # fmt: skip
        align_stack()
        batch, steps, channels = u.shape
        modes = state_scale.size // channels
        valid = min(LANES, batch - first)
        x = np.empty(GROUP * words * modes * LANES, w.dtype)
        tile = np.zeros(GROUP * STEPS * LANES, np.int16)
        for h0 in range(0, channels, GROUP):
            width = min(GROUP, channels - h0)
            x[:] = constants[2]
            for k0 in range(0, steps, STEPS):
                stop = min(STEPS, steps - k0)
                for b in range(valid):
                    for k in range(stop):
                        step = steps - 1 - k0 - k if reverse else k0 + k
                        for h in range(width):
                            tile[(h * STEPS + k) * LANES + b] = u[first + b, step, h0 + h]
                for h in range(width):
                    row = (first // LANES * channels + h0 + h) * steps + k0
                    place = 2 * row * modes * LANES if record else 0
                    run_channel(
                        modes, stop, pointer(w, (h0 + h) * rows * modes), pointer(d, h0 + h),
                        pointer(state_scale, (h0 + h) * modes), pointer(scale, 2 * (h0 + h)),
                        pointer(constants, 0), form, pointer(x, h * words * modes * LANES),
                        pointer(tile, h * STEPS * LANES), pointer(clipped, 0), record,
                        pointer(kept, place), kind,
                    )  # fmt: skip
                for b in range(valid):
                    for k in range(stop):
                        step = steps - 1 - k0 - k if reverse else k0 + k
                        for h in range(width):
                            y[first + b, step, h0 + h] = tile[(h * STEPS + k) * LANES + b]

    return run


run_block = _make_block(_run_channel, 2, 6)
"""Run the samples ``first`` … ``first`` + 15, as far as there are.

w (H*6*M,): rows a_re, a_im, b_re, b_im, c_re, c_im of each channel, already shifted to their
column's unit. d (H,): feed-through, shifted likewise. state_scale (H*M,), scale (H*2,):
requantisers, in the second column the feed-through's own. constants: state limit, output
limit, 0, 1/2, 1. These are of one floating-point type.
form: the output takes the old state and one sum, otherwise the new state and a feed-through
requantised apart. reverse: last step first. u, y (B, L, H): integers, in any numeric type.
clipped (2,) int64: clipped state parts and outputs. kept: takes, if record, the state codes
after each step, flat (B / 16, H, L, M, 2, 16), real parts first, 16 samples side by side; kind
is a scalar of its type.
"""
run_delta_block = _make_block(_run_delta_channel, 4, 8)
"""The same for the delta operator: the matrix of a channel is A - R, and two more rows of w hold
real and imaginary part of R, a quarter turn.

constants: state limit, output limit, 0, 1/2, 1, largest code that drives, 2**-k, 2**k, and half of
it in whole numbers. form: what is cut off the states, clipped to half a drive step, is added to
them before they drive again. The output takes the codes that drive and one sum. clipped: states
that could not hold the sum, outputs.
"""
