"""The compiled loop of the recurrence with noise, for training."""

from __future__ import annotations

import numpy as np
from numba import prange

from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.kernels.digital_recurrence import ABREAST
from imssa_sim.kernels.read_noise.normal import fill_normals
from imssa_sim.kernels.read_noise.threefry import derive_key

LANES = ABREAST


@compiled_loop(parallel=True, error_model="numpy")
def forward_noisy(weights, feedthrough, limits, sigma, seed, lookahead, u, y, states):  # type: ignore[no-untyped-def]
    """Run kernels of real gains, with Gaussian noise on states and outputs before they round.

    weights (H, 6, M), feedthrough (H,) float32 gains between codes; limits, sigma (2,): codes and
    standard deviations of states and outputs [codes]; u, y (B, L, H) float32; states
    (B / LANES, H, L, M, 2, LANES), int8 or int16, take the codes after each step. Noise is a
    function of (seed, sample, channel, step, place).
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


@compiled_loop(parallel=True, error_model="numpy")
def forward_delta_noisy(  # type: ignore[no-untyped-def]
    weights, feedthrough, turn, limits, below, feedback, sigma, output_sigma, seed, u, y, states
):
    """Run the delta operator at real gains, with noise on increments and outputs before they round.

    turn (H, 2, M) float32: real and imaginary parts of the states' quarter turns;
    limits (3,): codes of states, outputs and drives; below: bits of a state under those that drive;
    sigma (H, 2, M) float32: standard deviations of the increments of real and imaginary parts
    [state codes], output_sigma that of outputs [codes]. The rest as in `forward_noisy`.
    """
    samples, steps, channels = u.shape
    modes = weights.shape[2]
    half, share, step = np.float32(0.5), np.float32(0.5**below), np.float32(2.0**below)
    state_limit, output_limit = np.float32(limits[0]), np.float32(limits[1])
    drive_limit = np.float32(limits[2])
    most = np.floor(half * step)
    for i in prange(samples * channels):
        b, h = i // channels, i % channels
        w, d = weights[h], feedthrough[h]
        key0, key1 = derive_key(seed, 0, b, 0, h)
        normals = np.empty(2 * modes + 1, np.float32)
        x = np.zeros((2, modes), np.float32)
        rest = np.zeros((2, modes), np.float32)
        v = np.zeros(2, np.float32)
        kept = states[b // LANES, h]
        lane = b % LANES
        for k in range(steps):
            fill_normals(key0, key1, np.uint32(k), normals)
            drive = u[b, k, h]
            output = np.float32(0)
            for n in range(modes):
                for part in range(2):
                    whole = x[part, n] + rest[part, n]
                    code = np.floor(whole * share + half)
                    v[part] = min(max(code, -drive_limit), drive_limit)
                    if feedback:
                        rest[part, n] = min(max(whole - step * v[part], -most), most)
                p, q = v[0], v[1]
                output += w[4, n] * p + w[5, n] * q
                re = w[0, n] * p - w[1, n] * q + w[2, n] * drive + sigma[h, 0, n] * normals[n]
                im = w[1, n] * p + w[0, n] * q + w[3, n] * drive
                im += sigma[h, 1, n] * normals[modes + n]
                r_re, r_im = turn[h, 0, n], turn[h, 1, n]
                p = r_re * x[0, n] - r_im * x[1, n] + np.floor(re + half)
                q = r_im * x[0, n] + r_re * x[1, n] + np.floor(im + half)
                x[0, n] = min(max(p, -state_limit), state_limit)
                x[1, n] = min(max(q, -state_limit), state_limit)
                kept[k, n, 0, lane], kept[k, n, 1, lane] = x[0, n], x[1, n]
            code = np.floor(output + output_sigma * normals[2 * modes] + d * drive + half)
            y[b, k, h] = min(max(code, -output_limit), output_limit)
