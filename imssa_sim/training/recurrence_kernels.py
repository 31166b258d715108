"""Compiled step loops of quantisation-aware training: the chip's recurrence, and its adjoint.

The forward loop is the golden model's (`imssa_sim.kernels.digital`), which keeps every state; the
backward loop runs from the last step to the first with straight-through derivatives. All values
are in code units: a state code x, an input code u, and weights as gains from code to code,
``x' = clip(round(a x + b u))``.

A kernel has few modes, so the vector lanes run over `LANES` sequences instead. What a channel needs
per mode lies in one flat array, mode after mode, `LANES` numbers a row: with distances that are
constants the compiler sees that rows do not overlap and makes each inner loop one vector operation.
A sum over modes is handed on from each mode's row to the next mode's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.kernels.normal import fill_normals
from imssa_sim.kernels.threefry import derive_key

LANES = 16
"""Sequences side by side; 16 float32 fill the widest vector registers in use."""
PAIR = 2 * LANES
CHANNELS, STEPS = 16, 64
"""Inputs and outputs of so many channels and steps are brought into lanes at a time."""


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


X_RE, X_IM, INPUT, SUM, ROWS = range(5)
WIDE = ROWS * LANES


def _forward(word: type[np.signedinteger[Any]], lookahead: bool) -> Callable[..., None]:
    """Compile the recurrence for accumulators of type ``word`` and one of the output forms."""

    @compiled_loop(error_model="numpy")
    def run(w, d, scale, out_scale, limits, c, tile, length, work, kept):  # type: ignore[no-untyped-def]
        """Run one channel; column c of tile has ``length`` inputs before, outputs after."""
        modes = w.shape[1]
        limit, output_limit = np.float64(limits[0]), np.float64(limits[1])
        for k in range(length):
            for i in range(LANES):
                work[INPUT * LANES + i] = word(tile[k, c, i])
                work[SUM * LANES + i] = word(0)
            for n in range(modes):
                a_re, a_im, b_re, b_im = w[0, n], w[1, n], w[2, n], w[3, n]
                c_re, c_im, s = w[4, n], w[5, n], scale[n]
                at = n * WIDE
                for i in range(LANES):
                    p, q = work[at + X_RE * LANES + i], work[at + X_IM * LANES + i]
                    drive = work[at + INPUT * LANES + i]
                    total = work[at + SUM * LANES + i]
                    re = word(word(a_re * p) - word(a_im * q))
                    im = word(word(a_im * p) + word(a_re * q))
                    re = word(re + word(b_re * drive))
                    im = word(im + word(b_im * drive))
                    if lookahead:
                        total = word(total + word(word(c_re * p) + word(c_im * q)))
                    p = word(min(max(np.floor(re * s + 0.5), -limit), limit))
                    q = word(min(max(np.floor(im * s + 0.5), -limit), limit))
                    if not lookahead:
                        total = word(total + word(word(c_re * p) + word(c_im * q)))
                    work[at + X_RE * LANES + i] = p
                    work[at + X_IM * LANES + i] = q
                    work[at + WIDE + INPUT * LANES + i] = drive
                    work[at + WIDE + SUM * LANES + i] = total
            for n in range(modes):
                at, to = n * WIDE, (k * modes + n) * PAIR
                for i in range(PAIR):
                    kept[to + i] = work[at + X_RE * LANES + i]
            at = modes * WIDE
            for i in range(LANES):
                output = work[at + SUM * LANES + i]
                through = word(d * work[at + INPUT * LANES + i])
                if lookahead:
                    code = np.floor(word(output + through) * out_scale[0] + 0.5)
                else:
                    code = np.floor(output * out_scale[0] + 0.5)
                    part = np.floor(through * out_scale[1] + 0.5)
                    code = min(max(code, -output_limit), output_limit)
                    code += min(max(part, -output_limit), output_limit)
                tile[k, c, i] = min(max(code, -output_limit), output_limit)

    @compiled_loop(parallel=True, error_model="numpy")
    def forward(weights, feedthrough, state_scale, output_scale, limits, u, y, states):  # type: ignore[no-untyped-def]
        samples, steps, channels = u.shape
        modes = weights.shape[2]
        groups = states.shape[0]
        blocks = (channels + CHANNELS - 1) // CHANNELS
        for task in prange(groups * blocks):
            group, channel = task // blocks, task % blocks * CHANNELS
            count = min(CHANNELS, channels - channel)
            first = group * LANES
            live = min(LANES, samples - first)
            work = np.zeros((count, (modes + 1) * WIDE), word)
            tile = np.zeros((STEPS, CHANNELS, LANES), np.float32)
            for start in range(0, steps, STEPS):
                length = min(STEPS, steps - start)
                into_lanes(u, first, start, channel, live, length, count, tile)
                for c in range(count):
                    h = channel + c
                    kept = states[group, h, start : start + length].reshape(-1)
                    run(
                        weights[h], word(feedthrough[h]), state_scale[h], output_scale[h], limits,
                        c, tile, length, work[c], kept,
                    )  # fmt: skip
                from_lanes(tile, first, start, channel, live, length, count, y)

    return forward


FORWARD = {
    (word, lookahead): _forward(word, lookahead)
    for word in (np.int32, np.int64)
    for lookahead in (False, True)
}
"""Run kernels over whole sequences from the first step to the last and keep the states.

Arguments as in `imssa_sim.kernels.digital.RECURRENCES`, but with u, y (B, L, H) float32 that hold
integers, and states (B / LANES, H, L, M, 2, LANES), int8 or int16: the codes after each step of
`LANES` sequences side by side.
"""


@compiled_loop(parallel=True, error_model="numpy")
def forward_noisy(weights, feedthrough, limits, sigma, seed, lookahead, u, y, states):  # type: ignore[no-untyped-def]
    """Run kernels of real gains, with Gaussian noise on states and outputs before they round.

    weights (H, 6, M), feedthrough (H,) float32 gains between codes; limits, sigma (2,): codes and
    standard deviations of states and outputs [codes]; u, y (B, L, H) float32; states as in
    `FORWARD`. Noise is a function of (seed, sample, channel, step, place).
    """
    samples, steps, channels = u.shape
    modes = weights.shape[2]
    half = np.float32(0.5)
    state_limit, output_limit = np.float32(limits[0]), np.float32(limits[1])
    for i in prange(samples * channels):
        b, h = i // channels, i % channels
        w, d = weights[h], feedthrough[h]
        key0, key1 = derive_key(seed, 0, b, 0, h)
        normals = np.empty(2 * modes + 1, np.float32)
        x_re = np.zeros(modes, np.float32)
        x_im = np.zeros(modes, np.float32)
        kept = states[b // LANES, h]
        lane = b % LANES
        for k in range(steps):
            fill_normals(key0, key1, np.uint32(k), normals)
            drive = u[b, k, h]
            output = np.float32(0)
            for n in range(modes):
                p, q = x_re[n], x_im[n]
                if lookahead:
                    output += w[4, n] * p + w[5, n] * q
                re = w[0, n] * p - w[1, n] * q + w[2, n] * drive + sigma[0] * normals[n]
                im = w[1, n] * p + w[0, n] * q + w[3, n] * drive + sigma[0] * normals[modes + n]
                p = min(max(np.floor(re + half), -state_limit), state_limit)
                q = min(max(np.floor(im + half), -state_limit), state_limit)
                if not lookahead:
                    output += w[4, n] * p + w[5, n] * q
                x_re[n], x_im[n] = p, q
                kept[k, n, 0, lane], kept[k, n, 1, lane] = p, q
            output += sigma[1] * normals[2 * modes]
            fed = d * drive
            if lookahead:
                code = np.floor(output + fed + half)
            else:
                code = min(max(np.floor(output + half), -output_limit), output_limit)
                code += min(max(np.floor(fed + half), -output_limit), output_limit)
            y[b, k, h] = min(max(code, -output_limit), output_limit)
