"""Crossbar tiles that feed their states back, step after step.

Each tile runs alone over all steps, its weights staying in the cache. Per step::

    v     = DAC(state codes, input codes)
    acc_j = sum_i W_ij v_i + sqrt(var_j) z_j
    adc_j = clip(floor(acc_j * adc_scale_j + adc_offset_j), adc_low, adc_high)
    state'_j = clip(floor(adc_j * multiplier_j / 2**shift_j + 1/2), -limit, limit)

Sums run over the rows in their order by fused multiply-adds, so no result depends on which other
samples are in the batch.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels.normal import normal_pair
from imssa_sim.kernels.ops import floor_affine, fma
from imssa_sim.kernels.threefry import derive_key
from imssa_sim.kernels.tiles import RecurrentTiles


@dataclass(frozen=True)
class RecurrentResult:
    """What a run of recurrent tiles gave.

    With ``n_drives`` drives of each row: steps, or twice the steps with ``two_pass``.
    """

    outputs: NDArray[Any]  # int16 (B, L, channels) fused, else int32 ADC codes (B, L, T, O)
    state: NDArray[np.int32]  # (B, T, S) codes after the last step
    saturated_low: NDArray[np.int64]  # (T, C) conversions clipped at the lower end
    saturated_high: NDArray[np.int64]  # (T, C)
    sum_squares: NDArray[np.int64]  # (T, R) sum of squared codes over samples and drives
    sum_magnitudes: NDArray[np.int64]  # (T, R)
    non_zeros: NDArray[np.int64]  # (T, R) drives with a code other than 0
    drives: int  # drives of each row, over samples and steps


@njit
def _convert(a, t, j, acc, one, low, high):  # type: ignore[no-untyped-def]
    """ADC code of column j, with counts of clipped conversions."""
    code = floor_affine(acc, a.adc_scale[t, j], a.adc_offset[t, j], one)
    if code < a.adc_low:
        code = one * a.adc_low
        low[t, j] += 1
    elif code > a.adc_high:
        code = one * a.adc_high
        high[t, j] += 1
    if a.adc_table.size:
        code = a.adc_table[t, j, int(code - a.adc_low)]
    return code


@njit
def _read(a, t, first, last, v, one, key0, key1, step, noisy, low, high, adc):  # type: ignore[no-untyped-def]
    """One array read of the columns first … last - 1: ADC codes into ``adc``."""
    rows = a.n_states[t] + a.n_inputs[t]
    squares = one - one
    for i in range(rows):
        squares = squares + v[i] * v[i]
    for j in range(first, last):
        acc = one - one
        for i in range(rows):
            acc = fma(a.weights[t, i, j], v[i], acc)
        if noisy:
            var = one - one
            for i in range(rows):
                var = fma(a.variance[t, i, j], v[i] * v[i], var)
            var = fma(a.flat_variance[t, j], squares, var) + a.extra_variance[t, j]
            pair = normal_pair(key0, key1, np.uint32(step), np.uint32(j >> 1))
            z = pair[1] if j & 1 else pair[0]
            acc = fma(np.sqrt(var), one * z, acc)
        adc[j] = _convert(a, t, j, acc, one, low, high)


@njit
def _drive(a, t, row, code, limit, v, squares, magnitudes, non_zeros):  # type: ignore[no-untyped-def]
    """Put a code on a word line: analog value and statistics."""
    integer = np.int64(code)
    v[row] = a.dac_levels[integer + limit] if a.dac_levels.size else code
    squares[t, row] += integer * integer
    magnitudes[t, row] += abs(integer)
    non_zeros[t, row] += integer != 0


@njit
def _requantise(a, t, j, adc, limit, one, half):  # type: ignore[no-untyped-def]
    code = floor_affine(adc, a.gain[t, j], half, one)
    return min(max(code, -one * limit), one * limit)


@njit(nogil=True, cache=True)
def _run_tile(a, t, limit, keys, codes, first_step, two_pass, noisy, fused, state, out,
              low, high, squares, magnitudes, non_zeros):  # type: ignore[no-untyped-def]  # fmt: skip
    """All samples and steps of one tile."""
    states, inputs, outputs = a.n_states[t], a.n_inputs[t], a.n_outputs[t]
    columns = states + outputs
    rows, width = a.weights.shape[1:]
    scratch = np.ones((4, max(rows, width)), a.weights.dtype)
    v, adc, code, one = scratch[0], scratch[1], scratch[2], scratch[3, 0]
    half = one / (one + one)
    for b in range(codes.shape[0]):
        for i in range(states):
            code[i] = state[b, t, i]
        for step in range(codes.shape[1]):
            now = first_step + step
            for i in range(inputs):
                channel = a.input_channel[t, i]
                code[states + i] = codes[b, step, channel] if channel >= 0 else 0
            for i in range(states + inputs):
                _drive(a, t, i, code[i], limit, v, squares, magnitudes, non_zeros)
            last = states if two_pass else columns
            _read(a, t, 0, last, v, one, keys[b, 0], keys[b, 1], now, noisy, low, high, adc)
            for j in range(states):
                code[j] = _requantise(a, t, j, adc[j], a.state_limit, one, half)
            if two_pass:
                for i in range(states + inputs):
                    _drive(a, t, i, code[i], limit, v, squares, magnitudes, non_zeros)
                _read(a, t, states, columns, v, one, keys[b, 0], keys[b, 1], now, noisy,
                      low, high, adc)  # fmt: skip
            for k in range(outputs):
                if not fused:
                    out[b, step, t, k] = np.int32(adc[states + k])
                elif a.output_channel[t, k] >= 0:
                    y = _requantise(a, t, states + k, adc[states + k], a.output_limit, one, half)
                    out[b, step, 0, a.output_channel[t, k]] = np.int32(y)
        for i in range(states):
            state[b, t, i] = np.int32(code[i])


def run_recurrent(
    tiles: RecurrentTiles,
    codes: NDArray[np.int16],
    *,
    sample_ids: ArrayLike,
    seed: int,
    chip: int,
    stage: int,
    first_step: int = 0,
    first_tile: int = 0,
    state: NDArray[np.int32] | None = None,
    two_pass: bool = False,
    noise: bool = True,
    threads: int = 1,
) -> RecurrentResult:
    """Run the tiles of one stage over a batch of sequences.

    Parameters
    ----------
    tiles : RecurrentTiles
        From :func:`imssa_sim.kernels.tiles.pack_tiles`.
    codes : numpy.ndarray
        Input codes, int16 (B, L, channels).
    sample_ids : array_like
        Number of each sample, (B,): a noise coordinate, not the place in the batch.
    seed, chip, stage : int
        The other noise coordinates; the tile's own is ``first_tile`` + its index.
    first_step : int
        Number of the first step, where a sequence is run in pieces.
    state : numpy.ndarray, optional
        State codes before the first step, (B, T, S); zeros if not given. Not changed.
    two_pass : bool
        The output columns are read in a second drive, with the new state.
    noise : bool
        False leaves the noise out.
    threads : int
        Threads to use; the result does not depend on it.

    Returns
    -------
    RecurrentResult
    """
    a = tiles.arrays
    samples, steps, _ = codes.shape
    ids = np.asarray(sample_ids, dtype=np.int64)
    if ids.shape != (samples,):
        raise ValueError(f"sample_ids must be ({samples},), not {ids.shape}")
    s_max, o_max = int(a.n_states.max()), int(a.n_outputs.max())
    shape = (samples, tiles.tiles, s_max)
    new_state = np.zeros(shape, np.int32) if state is None else np.array(state, np.int32)
    if new_state.shape != shape:
        raise ValueError(f"state must be {shape}, not {new_state.shape}")
    if tiles.fused_output:
        out: NDArray[Any] = np.zeros((samples, steps, 1, tiles.channels), np.int16)
    else:
        out = np.zeros((samples, steps, tiles.tiles, o_max), np.int32)
    per_column = np.zeros((2, tiles.tiles, a.weights.shape[2]), np.int64)
    per_row = np.zeros((3, tiles.tiles, tiles.rows), np.int64)
    limit = (a.dac_levels.size - 1) // 2

    def work(t: int) -> None:
        keys = np.empty((samples, 2), np.uint32)
        for b in range(samples):
            keys[b] = derive_key(seed, chip, int(ids[b]), stage, first_tile + t)
        _run_tile(a, t, limit, keys, codes, first_step, two_pass, noise and tiles.noisy,
                  tiles.fused_output, new_state, out, *per_column, *per_row)  # fmt: skip

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, range(tiles.tiles)))
    return RecurrentResult(
        outputs=out[:, :, 0] if tiles.fused_output else out,
        state=new_state,
        saturated_low=per_column[0, :, : tiles.columns],
        saturated_high=per_column[1, :, : tiles.columns],
        sum_squares=per_row[0],
        sum_magnitudes=per_row[1],
        non_zeros=per_row[2],
        drives=samples * steps * (2 if two_pass else 1),
    )
