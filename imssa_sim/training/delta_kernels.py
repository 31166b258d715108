"""The compiled adjoint of the delta operator: states that add up increments.

The golden recurrence (`imssa_sim.kernels.digital_recurrence.run_delta_block`) keeps every state;
`find_drives` repeats which codes they drove with, and `backward` runs from the last step to the
first with straight-through derivatives. All values are in code units: an accumulator x, its drive
v, an input u, and weights as gains from code to code::

    v  = clip(round((x + e) / 2**k))                  derivative 2**-k by x, none by e
    x' = clip(x + round(a v + b u))

With rounding passed over, nothing is ever cut off: what error feedback keeps, e, has no derivative.
Layout and lanes are those of `imssa_sim.training.adjoint_kernels`.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.training.adjoint_kernels import (
    A_IM,
    A_RE,
    ADJOINT_IM,
    ADJOINT_RE,
    B_IM,
    B_RE,
    C_IM,
    C_RE,
    CHANNELS,
    EARLY,
    FOUND,
    HALF,
    INPUT,
    LANES,
    NOTHING,
    P_IM,
    P_RE,
    PAIR,
    STEPS,
    SUM,
    UPSTREAM,
    WIDE,
    X_IM,
    X_RE,
    from_lanes,
    gather_gradients,
    into_lanes,
    through_output,
)


@compiled_loop(parallel=True, error_model="numpy")
def find_drives(states, below, limit, feedback, drives):  # type: ignore[no-untyped-def]
    """Round states to the codes that they drive the next step with, before those are clipped.

    states (B / LANES, H, L, M, 2, LANES): codes after each step, integers; drives, likewise, int8
    or int16: of each step, ``round((x + e) / 2**below)`` of the state x before it; limit: largest
    code that drives; feedback: e is what the step before cut off, else zero.
    """
    groups, channels, steps, modes = states.shape[:4]
    width = modes * PAIR
    half = (np.int32(1) << below) >> 1
    for task in prange(groups * channels):
        before = states[task // channels, task % channels].reshape(steps, width)
        out = drives[task // channels, task % channels].reshape(steps, width)
        rest = np.zeros(width, np.int32)
        for i in range(width):
            out[0, i] = 0
        for k in range(1, steps):
            for i in range(width):
                whole = np.int32(before[k - 1, i]) + rest[i]
                code = (whole + half) >> below
                out[k, i] = code
                if feedback:
                    cut = whole - (min(max(code, -limit), limit) << below)
                    rest[i] = min(max(cut, -half), half)


@compiled_loop(parallel=True, error_model="numpy")
def largest_increments(turn, states, largest):  # type: ignore[no-untyped-def]
    """Find the largest magnitude of a step from the turned state to the next.

    turn (H, 2, M): quarter turns; states (B / LANES, H, L, M, 2, LANES): codes after each step;
    largest (H, 2, M) float32.
    """
    groups, channels, steps, modes = states.shape[:4]
    for h in prange(channels):
        found = np.zeros((modes, 2), np.int32)
        for group in range(groups):
            for k in range(steps):
                for n in range(modes):
                    r_re, r_im = np.int32(turn[h, 0, n]), np.int32(turn[h, 1, n])
                    for i in range(LANES):
                        re = np.int32(states[group, h, k, n, 0, i])
                        im = np.int32(states[group, h, k, n, 1, i])
                        if k > 0:
                            p = np.int32(states[group, h, k - 1, n, 0, i])
                            q = np.int32(states[group, h, k - 1, n, 1, i])
                            re -= r_re * p - r_im * q
                            im -= r_im * p + r_re * q
                        found[n, 0] = max(found[n, 0], abs(re))
                        found[n, 1] = max(found[n, 1], abs(im))
        for n in range(modes):
            largest[h, 0, n], largest[h, 1, n] = found[n, 0], found[n, 1]


@compiled_loop(error_model="numpy", fastmath={"contract"})
def load(w, limit, before, drives, work):  # type: ignore[no-untyped-def]
    """Move to a step: its states, their drives, and the sum over modes that was its output."""
    modes = w.shape[1]
    for i in range(LANES):
        work[SUM * LANES + i] = NOTHING
    for n in range(modes):
        c_re, c_im = w[4, n], w[5, n]
        at, source = n * WIDE, n * PAIR
        for i in range(LANES):
            work[at + X_RE * LANES + i] = np.float32(before[source + i])
            work[at + X_IM * LANES + i] = np.float32(before[source + LANES + i])
            p, q = np.float32(drives[source + i]), np.float32(drives[source + LANES + i])
            work[at + P_RE * LANES + i] = p
            work[at + P_IM * LANES + i] = q
            part = c_re * min(max(p, -limit), limit) + c_im * min(max(q, -limit), limit)
            work[at + WIDE + SUM * LANES + i] = work[at + SUM * LANES + i] + part
    at = modes * WIDE
    for i in range(LANES):
        work[SUM * LANES + i] = work[at + SUM * LANES + i]


@compiled_loop(error_model="numpy", fastmath={"contract"})
def through_increments(w, turn, edge, limit, share, work):  # type: ignore[no-untyped-def]
    """Take derivatives through accumulators and increments of one step; ``share`` is 2**-k."""
    modes = w.shape[1]
    for n in range(modes):
        a_re, a_im, b_re, b_im = w[0, n], w[1, n], w[2, n], w[3, n]
        c_re, c_im = w[4, n], w[5, n]
        r_re, r_im = turn[0, n], turn[1, n]
        at = n * WIDE
        for i in range(LANES):
            wide_p, wide_q = work[at + P_RE * LANES + i], work[at + P_IM * LANES + i]
            p, q = min(max(wide_p, -limit), limit), min(max(wide_q, -limit), limit)
            drive = work[at + INPUT * LANES + i]
            early = work[at + EARLY * LANES + i]
            work[at + C_RE * LANES + i] += early * p
            work[at + C_IM * LANES + i] += early * q
            x_re, x_im = work[at + X_RE * LANES + i], work[at + X_IM * LANES + i]
            re = a_re * p - a_im * q + b_re * drive + (r_re * x_re - r_im * x_im)
            im = a_im * p + a_re * q + b_im * drive + (r_im * x_re + r_re * x_im)
            by_re = work[at + ADJOINT_RE * LANES + i]
            by_im = work[at + ADJOINT_IM * LANES + i]
            by_re = by_re if abs(re) <= edge else NOTHING
            by_im = by_im if abs(im) <= edge else NOTHING
            work[at + A_RE * LANES + i] += by_re * p + by_im * q
            work[at + A_IM * LANES + i] += by_im * p - by_re * q
            work[at + B_RE * LANES + i] += by_re * drive
            work[at + B_IM * LANES + i] += by_im * drive
            found = work[at + FOUND * LANES + i] + (by_re * b_re + by_im * b_im)
            work[at + WIDE + INPUT * LANES + i] = drive
            work[at + WIDE + FOUND * LANES + i] = found
            work[at + WIDE + EARLY * LANES + i] = early
            by_p = a_re * by_re + a_im * by_im + early * c_re
            by_q = a_re * by_im - a_im * by_re + early * c_im
            by_p = share * by_p if wide_p == p else NOTHING
            by_q = share * by_q if wide_q == q else NOTHING
            work[at + ADJOINT_RE * LANES + i] = r_re * by_re + r_im * by_im + by_p
            work[at + ADJOINT_IM * LANES + i] = r_re * by_im - r_im * by_re + by_q


@compiled_loop(parallel=True, error_model="numpy")
def backward(  # type: ignore[no-untyped-def]
    weights, feedthrough, turn, limits, below, u, states, drives, upstream, to_u, gradients
):
    """Adjoint of the recurrence; straight-through where a value rounds, zero where it is clipped.

    turn (H, 2, M) float32: real and imaginary parts of the states' quarter turns; limits (3,):
    state, output and drive codes; below: bits of a state under those that drive; drives: what
    `find_drives` gave; the rest as in `imssa_sim.training.adjoint_kernels.backward`.
    """
    samples, steps, channels = u.shape
    modes = weights.shape[2]
    groups = states.shape[0]
    blocks = (channels + CHANNELS - 1) // CHANNELS
    edge, output_edge = np.float32(limits[0]) + HALF, np.float32(limits[1]) + HALF
    largest, share = np.float32(limits[2]), np.float32(0.5**below)
    nothing = np.zeros(modes * PAIR, states.dtype)
    for task in prange(groups * blocks):
        group, channel = task // blocks, task % blocks * CHANNELS
        count = min(CHANNELS, channels - channel)
        first = group * LANES
        live = min(LANES, samples - first)
        works = np.zeros((count, (modes + 1) * WIDE), np.float32)
        drive = np.zeros((STEPS, CHANNELS, LANES), np.float32)
        tile = np.zeros((STEPS, CHANNELS, LANES), np.float32)
        for start in range((steps - 1) // STEPS * STEPS, -1, -STEPS):
            length = min(STEPS, steps - start)
            into_lanes(u, first, start, channel, live, length, count, drive)
            into_lanes(upstream, first, start, channel, live, length, count, tile)
            for c in range(count):
                h = channel + c
                w, d, work = weights[h], feedthrough[h], works[c]
                kept, driven = states[group, h], drives[group, h]
                for k in range(length - 1, -1, -1):
                    for i in range(LANES):
                        work[INPUT * LANES + i] = drive[k, c, i]
                    for i in range(LANES):
                        work[UPSTREAM * LANES + i] = tile[k, c, i]
                    step = start + k
                    before = kept[step - 1].reshape(-1) if step > 0 else nothing
                    load(w, largest, before, driven[step].reshape(-1), work)
                    through_output(d, output_edge, True, work)
                    through_increments(w, turn[h], edge, largest, share, work)
                    for i in range(LANES):
                        tile[k, c, i] = work[modes * WIDE + FOUND * LANES + i]
            from_lanes(tile, first, start, channel, live, length, count, to_u)
        gather_gradients(works, modes, gradients[group, channel : channel + count])
