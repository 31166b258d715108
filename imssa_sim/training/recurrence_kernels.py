"""Compiled step loops of quantisation-aware training: the chip's recurrence, and its adjoint.

The forward loop is the golden model's (`imssa_sim.kernels.digital`), which keeps every state; the
backward loop runs from the last step to the first with straight-through derivatives. All values
are in code units: a state code x, an input code u, and weights as gains from code to code,
``x' = clip(round(a x + b u))``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

from imssa_sim.kernels.normal import fill_normals
from imssa_sim.kernels.threefry import derive_key


def _forward(word: type[np.signedinteger[Any]], lookahead: bool) -> Callable[..., None]:
    """Compile the recurrence for accumulators of type ``word`` and one of the output forms."""

    @njit(parallel=True, cache=True, error_model="numpy")
    def forward(weights, feedthrough, state_scale, output_scale, limits, u, y, states):  # type: ignore[no-untyped-def]
        samples, steps, channels = u.shape
        modes = weights.shape[2]
        state_limit, output_limit = np.float64(limits[0]), np.float64(limits[1])
        for i in prange(samples * channels):
            b, h = i // channels, i % channels
            a_re, a_im = weights[h, 0], weights[h, 1]
            b_re, b_im = weights[h, 2], weights[h, 3]
            c_re, c_im = weights[h, 4], weights[h, 5]
            d = word(feedthrough[h])
            scale = state_scale[h]
            x_re = np.zeros(modes, dtype=word)
            x_im = np.zeros(modes, dtype=word)
            kept = states[b, h]
            for k in range(steps):
                drive = word(u[b, k, h])
                output = word(0)
                for n in range(modes):
                    p, q = x_re[n], x_im[n]
                    re = word(word(a_re[n] * p) - word(a_im[n] * q))
                    im = word(word(a_im[n] * p) + word(a_re[n] * q))
                    re = word(re + word(b_re[n] * drive))
                    im = word(im + word(b_im[n] * drive))
                    if lookahead:
                        output = word(output + word(word(c_re[n] * p) + word(c_im[n] * q)))
                    re_code = np.floor(re * scale[n] + 0.5)
                    im_code = np.floor(im * scale[n] + 0.5)
                    p = word(min(max(re_code, -state_limit), state_limit))
                    q = word(min(max(im_code, -state_limit), state_limit))
                    if not lookahead:
                        output = word(output + word(word(c_re[n] * p) + word(c_im[n] * q)))
                    x_re[n], x_im[n] = p, q
                for n in range(modes):
                    kept[k, 0, n] = x_re[n]
                    kept[k, 1, n] = x_im[n]
                through = word(d * drive)
                if lookahead:
                    code = np.floor(word(output + through) * output_scale[h, 0] + 0.5)
                else:
                    code = np.floor(output * output_scale[h, 0] + 0.5)
                    part = np.floor(through * output_scale[h, 1] + 0.5)
                    code = min(max(code, -output_limit), output_limit)
                    code += min(max(part, -output_limit), output_limit)
                y[b, k, h] = np.int16(min(max(code, -output_limit), output_limit))

    return forward


FORWARD = {
    (word, lookahead): _forward(word, lookahead)
    for word in (np.int32, np.int64)
    for lookahead in (False, True)
}
"""Run kernels over whole sequences from the first step to the last and keep the states.

Arguments as in `imssa_sim.kernels.digital.RECURRENCES`, but with ``states`` (B, H, L, 2, M), int8
or int16: the codes after each step.
"""


@njit(parallel=True, cache=True, error_model="numpy")
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
        kept = states[b, h]
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
                kept[k, 0, n], kept[k, 1, n] = p, q
            output += sigma[1] * normals[2 * modes]
            fed = d * drive
            if lookahead:
                code = np.floor(output + fed + half)
            else:
                code = min(max(np.floor(output + half), -output_limit), output_limit)
                code += min(max(np.floor(fed + half), -output_limit), output_limit)
            y[b, k, h] = min(max(code, -output_limit), output_limit)


# Sums over modes may be reordered (vectorised); NaN and infinities keep their meaning.
@njit(parallel=True, cache=True, error_model="numpy", fastmath={"reassoc", "contract"})
def backward(weights, feedthrough, limits, lookahead, u, states, upstream, to_u, gradients):  # type: ignore[no-untyped-def]
    """Adjoint of `FORWARD`; straight-through where a value rounds, zero where it is clipped.

    weights (H, 6, M) float32: rows a_re … c_im as gains between codes; feedthrough (H,) float32;
    limits (2,): state and output codes; u, upstream, to_u (B, L, H) float32: inputs, derivatives
    by the outputs, derivatives by the inputs; states (B, H, L, 2, M); gradients (H, 6 * M + 1)
    float64: by the weights, row after row, then by the feed-through.
    """
    samples, steps, channels = u.shape
    modes = weights.shape[2]
    half = np.float32(0.5)
    output_limit = np.float32(limits[1])
    state_edge, output_edge = np.float32(limits[0]) + half, output_limit + half
    for h in prange(channels):
        w = weights[h]
        d = feedthrough[h]
        nothing = np.zeros(modes, np.float32)
        for b in range(samples):
            local = np.zeros((6, modes), np.float32)
            adjoint_re = np.zeros(modes, np.float32)
            adjoint_im = np.zeros(modes, np.float32)
            x_re = np.zeros(modes, np.float32)
            x_im = np.zeros(modes, np.float32)
            p_re = np.zeros(modes, np.float32)
            p_im = np.zeros(modes, np.float32)
            through = np.float32(0)
            for n in range(modes):
                p_re[n] = states[b, h, steps - 1, 0, n]
                p_im[n] = states[b, h, steps - 1, 1, n]
            for k in range(steps - 1, -1, -1):
                # x: after this step, p: before it.
                x_re, p_re = p_re, x_re
                x_im, p_im = p_im, x_im
                if k > 0:
                    for n in range(modes):
                        p_re[n] = states[b, h, k - 1, 0, n]
                        p_im[n] = states[b, h, k - 1, 1, n]
                else:
                    p_re[:] = nothing
                    p_im[:] = nothing
                drive = u[b, k, h]
                o_re, o_im = (p_re, p_im) if lookahead else (x_re, x_im)
                output = np.float32(0)
                for n in range(modes):
                    output += w[4, n] * o_re[n] + w[5, n] * o_im[n]
                fed = d * drive
                g = upstream[b, k, h]
                total = output + fed
                if not lookahead:  # both parts are codes before they are added
                    total = min(max(np.floor(output + half), -output_limit), output_limit)
                    total += min(max(np.floor(fed + half), -output_limit), output_limit)
                if abs(total) > output_edge:
                    g = np.float32(0)
                by_state, by_input = g, g
                if not lookahead:
                    if abs(output) > output_edge:
                        by_state = np.float32(0)
                    if abs(fed) > output_edge:
                        by_input = np.float32(0)
                through += by_input * drive
                found = by_input * d
                late = np.float32(0) if lookahead else by_state
                early = by_state if lookahead else np.float32(0)
                for n in range(modes):
                    p, q = p_re[n], p_im[n]
                    local[4, n] += by_state * o_re[n]
                    local[5, n] += by_state * o_im[n]
                    re = w[0, n] * p - w[1, n] * q + w[2, n] * drive
                    im = w[1, n] * p + w[0, n] * q + w[3, n] * drive
                    by_re = adjoint_re[n] + late * w[4, n]
                    by_im = adjoint_im[n] + late * w[5, n]
                    by_re = by_re if abs(re) <= state_edge else np.float32(0)
                    by_im = by_im if abs(im) <= state_edge else np.float32(0)
                    local[0, n] += by_re * p + by_im * q
                    local[1, n] += by_im * p - by_re * q
                    local[2, n] += by_re * drive
                    local[3, n] += by_im * drive
                    found += by_re * w[2, n] + by_im * w[3, n]
                    adjoint_re[n] = w[0, n] * by_re + w[1, n] * by_im + early * w[4, n]
                    adjoint_im[n] = w[0, n] * by_im - w[1, n] * by_re + early * w[5, n]
                to_u[b, k, h] = found
            for row in range(6):
                for n in range(modes):
                    gradients[h, row * modes + n] += local[row, n]
            gradients[h, 6 * modes] += through
