"""The compiled adjoint of the quantised recurrence.

The golden recurrence (`imssa_sim.program.operations.recurrence`) keeps every state; this loop runs
from the last step to the first with straight-through derivatives. All values are in code units: a
state code x, an input code u, and weights as gains from code to code,
``x' = clip(round(a x + b u))``.

A kernel has few modes, so the vector lanes run over `LANES` sequences instead. What a channel needs
per mode lies in one flat array, mode after mode, `LANES` numbers a row: with distances that are
constants the compiler sees that rows do not overlap and makes each inner loop one vector operation.
A sum over modes is handed on from each mode's row to the next mode's.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.kernels.digital_recurrence import ABREAST

LANES = ABREAST
PAIR = 2 * LANES
CHANNELS, STEPS = 16, 64
"""Inputs and outputs of so many channels and steps are brought into lanes at a time."""
(X_RE, X_IM, P_RE, P_IM, ADJOINT_RE, ADJOINT_IM, A_RE, A_IM, B_RE, B_IM, C_RE, C_IM,
 INPUT, SUM, FOUND, LATE, EARLY, UPSTREAM, D, ROWS) = range(20)  # fmt: skip
"""Rows of a mode: states after and before the step, their adjoint, the derivatives by the weights,
and what is handed on from mode to mode: the input, the output's sum, the derivative by the input,
those by the output of new and of old states. In the first mode's rows only: the derivative by the
output, and that by the feed-through.
"""
WIDE = ROWS * LANES
NOTHING = np.float32(0)
HALF = np.float32(0.5)


@compiled_loop(error_model="numpy")
def into_lanes(values, first, start, channel, live, length, count, tile):  # type: ignore[no-untyped-def]
    """Copy values (B, L, H) to a tile (STEPS, CHANNELS, LANES)."""
    for lane in range(live):
        for k in range(length):
            if count == CHANNELS:  # unrolled
                for c in range(CHANNELS):
                    tile[k, c, lane] = values[first + lane, start + k, channel + c]
            else:
                for c in range(count):
                    tile[k, c, lane] = values[first + lane, start + k, channel + c]


@compiled_loop(error_model="numpy")
def from_lanes(tile, first, start, channel, live, length, count, values):  # type: ignore[no-untyped-def]
    """Copy a tile (STEPS, CHANNELS, LANES) to values (B, L, H)."""
    for lane in range(live):
        for k in range(length):
            if count == CHANNELS:  # unrolled
                for c in range(CHANNELS):
                    values[first + lane, start + k, channel + c] = tile[k, c, lane]
            else:
                for c in range(count):
                    values[first + lane, start + k, channel + c] = tile[k, c, lane]


# Products and sums may fuse; NaN and infinities keep their meaning.
@compiled_loop(error_model="numpy", fastmath={"contract"})
def load(w, lookahead, before, work):  # type: ignore[no-untyped-def]
    """Move to the step before, and form the sum over modes that was the step's output."""
    modes = w.shape[1]
    for i in range(LANES):
        work[SUM * LANES + i] = NOTHING
    for n in range(modes):
        c_re, c_im = w[4, n], w[5, n]
        at, source = n * WIDE, n * PAIR
        for i in range(LANES):
            x, z = work[at + P_RE * LANES + i], work[at + P_IM * LANES + i]
            p, q = np.float32(before[source + i]), np.float32(before[source + LANES + i])
            work[at + X_RE * LANES + i] = x
            work[at + X_IM * LANES + i] = z
            work[at + P_RE * LANES + i] = p
            work[at + P_IM * LANES + i] = q
            if lookahead:
                x, z = p, q
            part = c_re * x + c_im * z
            work[at + WIDE + SUM * LANES + i] = work[at + SUM * LANES + i] + part
    at = modes * WIDE
    for i in range(LANES):
        work[SUM * LANES + i] = work[at + SUM * LANES + i]


@compiled_loop(error_model="numpy", fastmath={"contract"})
def through_output(d, edge, lookahead, work):  # type: ignore[no-untyped-def]
    """Take derivatives through the output of one step, in the first mode's rows."""
    limit = edge - HALF
    for i in range(LANES):
        drive, output = work[INPUT * LANES + i], work[SUM * LANES + i]
        by, fed = work[UPSTREAM * LANES + i], d * drive
        total = output + fed
        if not lookahead:  # both parts are codes before they are added
            total = min(max(np.floor(output + HALF), -limit), limit)
            total += min(max(np.floor(fed + HALF), -limit), limit)
        by = by if abs(total) <= edge else NOTHING
        by_state, by_input = by, by
        if not lookahead:
            by_state = by if abs(output) <= edge else NOTHING
            by_input = by if abs(fed) <= edge else NOTHING
        work[D * LANES + i] += by_input * drive
        work[FOUND * LANES + i] = by_input * d
        work[LATE * LANES + i] = NOTHING if lookahead else by_state
        work[EARLY * LANES + i] = by_state if lookahead else NOTHING


@compiled_loop(error_model="numpy", fastmath={"contract"})
def through_states(w, edge, work):  # type: ignore[no-untyped-def]
    """Take derivatives through the state update of one step."""
    modes = w.shape[1]
    for n in range(modes):
        a_re, a_im, b_re, b_im = w[0, n], w[1, n], w[2, n], w[3, n]
        c_re, c_im = w[4, n], w[5, n]
        at = n * WIDE
        for i in range(LANES):
            p, q = work[at + P_RE * LANES + i], work[at + P_IM * LANES + i]
            drive = work[at + INPUT * LANES + i]
            late, early = work[at + LATE * LANES + i], work[at + EARLY * LANES + i]
            x, z = work[at + X_RE * LANES + i], work[at + X_IM * LANES + i]
            work[at + C_RE * LANES + i] += early * p + late * x
            work[at + C_IM * LANES + i] += early * q + late * z
            re = a_re * p - a_im * q + b_re * drive
            im = a_im * p + a_re * q + b_im * drive
            by_re = work[at + ADJOINT_RE * LANES + i] + late * c_re
            by_im = work[at + ADJOINT_IM * LANES + i] + late * c_im
            by_re = by_re if abs(re) <= edge else NOTHING
            by_im = by_im if abs(im) <= edge else NOTHING
            work[at + A_RE * LANES + i] += by_re * p + by_im * q
            work[at + A_IM * LANES + i] += by_im * p - by_re * q
            work[at + B_RE * LANES + i] += by_re * drive
            work[at + B_IM * LANES + i] += by_im * drive
            found = work[at + FOUND * LANES + i] + (by_re * b_re + by_im * b_im)
            work[at + WIDE + INPUT * LANES + i] = drive
            work[at + WIDE + FOUND * LANES + i] = found
            work[at + WIDE + LATE * LANES + i] = late
            work[at + WIDE + EARLY * LANES + i] = early
            work[at + ADJOINT_RE * LANES + i] = a_re * by_re + a_im * by_im + early * c_re
            work[at + ADJOINT_IM * LANES + i] = a_re * by_im - a_im * by_re + early * c_im


@compiled_loop(error_model="numpy")
def gather_gradients(works, modes, gradients):  # type: ignore[no-untyped-def]
    """Sum derivatives by weights and feed-through (channels, 6 * modes + 1) over the lanes."""
    for c in range(len(works)):
        for n in range(modes):
            for row in range(6):
                at = n * WIDE + (A_RE + row) * LANES
                total = 0.0
                for i in range(LANES):
                    total += works[c, at + i]
                gradients[c, row * modes + n] = total
        total = 0.0
        for i in range(LANES):
            total += works[c, D * LANES + i]
        gradients[c, 6 * modes] = total


@compiled_loop(parallel=True, error_model="numpy")
def backward(weights, feedthrough, limits, lookahead, u, states, upstream, to_u, gradients):  # type: ignore[no-untyped-def]
    """Adjoint of the recurrence; straight-through where a value rounds, zero where it is clipped.

    weights (H, 6, M) float32: rows a_re … c_im as gains between codes; feedthrough (H,) float32;
    limits (2,): state and output codes; u, upstream, to_u (B, L, H) float32: inputs, derivatives
    by the outputs, derivatives by the inputs; states (B / LANES, H, L, M, 2, LANES), int8 or int16:
    the codes after each step of `LANES` sequences side by side; gradients
    (B / LANES, H, 6 * M + 1) float64: by the weights, row after row, then by the feed-through.
    """
    samples, steps, channels = u.shape
    modes = weights.shape[2]
    groups = states.shape[0]
    blocks = (channels + CHANNELS - 1) // CHANNELS
    edge, output_edge = np.float32(limits[0]) + HALF, np.float32(limits[1]) + HALF
    nothing = np.zeros(modes * PAIR, states.dtype)
    for task in prange(groups * blocks):
        group, channel = task // blocks, task % blocks * CHANNELS
        count = min(CHANNELS, channels - channel)
        first = group * LANES
        live = min(LANES, samples - first)
        works = np.zeros((count, (modes + 1) * WIDE), np.float32)
        drive = np.zeros((STEPS, CHANNELS, LANES), np.float32)
        tile = np.zeros((STEPS, CHANNELS, LANES), np.float32)
        for c in range(count):
            last = states[group, channel + c, steps - 1]
            for n in range(modes):
                for part in range(2):
                    for i in range(LANES):
                        works[c, n * WIDE + (P_RE + part) * LANES + i] = last[n, part, i]
        for start in range((steps - 1) // STEPS * STEPS, -1, -STEPS):
            length = min(STEPS, steps - start)
            into_lanes(u, first, start, channel, live, length, count, drive)
            into_lanes(upstream, first, start, channel, live, length, count, tile)
            for c in range(count):
                h = channel + c
                w, d, work = weights[h], feedthrough[h], works[c]
                kept = states[group, h]
                for k in range(length - 1, -1, -1):
                    for i in range(LANES):
                        work[INPUT * LANES + i] = drive[k, c, i]
                    for i in range(LANES):
                        work[UPSTREAM * LANES + i] = tile[k, c, i]
                    step = start + k
                    before = kept[step - 1].reshape(-1) if step > 0 else nothing
                    load(w, lookahead, before, work)
                    through_output(d, output_edge, lookahead, work)
                    through_states(w, edge, work)
                    for i in range(LANES):
                        tile[k, c, i] = work[modes * WIDE + FOUND * LANES + i]
            from_lanes(tile, first, start, channel, live, length, count, to_u)
        gather_gradients(works, modes, gradients[group, channel : channel + count])
