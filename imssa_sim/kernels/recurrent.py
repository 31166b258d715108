"""Crossbar tiles that feed their states back, step after step.

Each tile runs alone over all steps, its weights staying in the cache. Per step::

    v     = DAC(state codes, input codes)
    acc_j = sum_i W_ij v_i + sqrt(var_j) z_j
    adc_j = clip(floor(acc_j * adc_scale_j + adc_offset_j), adc_low, adc_high)
    state'_j = clip(floor(adc_j * gain_j + 1/2), -limit, limit)

or, with accumulators (the delta operator), of which the top bits drive the state rows::

    state'_j = clip(sign_j * state_(source_j) + floor(adc_j * gain_j + 1/2), -limit, limit)

Sums run over the rows in their order by fused multiply-adds, so no result depends on which other
samples are in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels._blocks import Plan, from_blocks, make_plan, to_blocks
from imssa_sim.kernels._lanes import HALF, WIDTH
from imssa_sim.kernels._recurrent_items import (
    Items,
    run_blocks,
    run_halves,
    run_singles,
    work_space,
)
from imssa_sim.kernels._threads import run_threads
from imssa_sim.kernels._tile import Counters, Flow, Job
from imssa_sim.kernels.read_noise.threefry import sample_keys
from imssa_sim.kernels.tiles import RecurrentTiles


@dataclass(frozen=True)
class RecurrentResult:
    """What a run of recurrent tiles gave.

    With ``n_drives`` drives of each row: steps, or twice the steps with ``two_pass``.
    """

    outputs: NDArray[Any]  # int16 (B, L, channels) fused, else int32 ADC codes (B, L, T, O)
    state: NDArray[np.int32]  # (B, T, S) codes after the last step
    rest: NDArray[np.int32]  # (B, T, S) cut off the last states that drove, where that is fed back
    saturated_low: NDArray[np.int64]  # (T, C) conversions clipped at the lower end
    saturated_high: NDArray[np.int64]  # (T, C)
    saturated_states: NDArray[np.int64]  # (T, S) sums that an accumulator could not hold
    sum_squares: NDArray[np.int64]  # (T, R) sum of squared codes over samples and drives
    sum_magnitudes: NDArray[np.int64]  # (T, R)
    non_zeros: NDArray[np.int64]  # (T, R) drives with a code other than 0
    drives: int  # drives of each row, over samples and steps


def run_recurrent(
    tiles: RecurrentTiles,
    codes: NDArray[np.int16],
    *,
    sample_ids: ArrayLike,
    seed: int,
    chip: int,
    site: int,
    first_step: int = 0,
    first_tile: int = 0,
    state: NDArray[np.int32] | None = None,
    rest: NDArray[np.int32] | None = None,
    two_pass: bool = False,
    noise: bool = True,
    threads: int = 1,
) -> RecurrentResult:
    """Run a set of tiles over a batch of sequences.

    Parameters
    ----------
    tiles : RecurrentTiles
        From :func:`imssa_sim.kernels.tiles.pack_tiles`.
    codes : numpy.ndarray
        Input codes, int16 (B, L, channels).
    sample_ids : array_like
        Number of each sample, (B,): a noise coordinate, not the place in the batch.
    seed, chip, site : int
        The other noise coordinates; the tile's own is ``first_tile`` + its index.
    first_step : int
        Number of the first step, where a sequence is run in pieces.
    state : numpy.ndarray, optional
        State codes before the first step, (B, T, S); zeros if not given. Not changed.
    rest : numpy.ndarray, optional
        What the step before cut off the states, with error feedback; as ``state``.
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
    samples, steps, channels = codes.shape
    ids = np.asarray(sample_ids, dtype=np.int64)
    if not samples:
        raise ValueError("codes hold no sample")
    if ids.shape != (samples,):
        raise ValueError(f"sample_ids must be ({samples},), not {ids.shape}")
    if a.input_channel.max(initial=-1) >= channels:
        raise ValueError(f"input_channel names channels beyond the {channels} of codes")
    shape = (samples, tiles.tiles, tiles.states)
    for name, given in (("state", state), ("rest", rest)):
        if given is not None and given.shape != shape:
            raise ValueError(f"{name} must be {shape}, not {given.shape}")
    if two_pass and a.accumulates:
        raise ValueError("states in accumulators are read with the outputs: not in two passes")
    plan = make_plan(samples, steps * tiles.tiles)
    blocks, places = len(plan.place), int(plan.width.sum())
    lines = tiles.channels if a.fused else tiles.tiles * tiles.outputs
    flow = Flow(
        channels=channels,
        lines=lines,
        codes=np.zeros(places * channels * steps, np.int16),
        state=np.zeros(places * tiles.tiles * tiles.states, np.int32),
        rest=np.zeros(places * tiles.tiles * tiles.states * a.feeds_back, np.int32),
        out=np.zeros(places * lines * steps, np.int32),
    )
    counters = Counters(
        *(np.zeros(blocks * tiles.tiles * a.pitch, np.int64) for _ in range(3)),
        *(np.zeros(blocks * tiles.tiles * a.rows, np.int64) for _ in range(3)),
    )
    job = Job(
        keys=sample_keys(seed, chip, ids, site).ravel(),
        steps=steps,
        states=tiles.states,
        first_step=first_step,
        first_tile=first_tile,
        noise=noise,
        two_pass=two_pass,
    )
    new_state, new_rest = (
        np.zeros(shape, np.int32) if given is None else np.array(given, np.int32)
        for given in (state, rest)
    )
    held = [(new_state, flow.state), (new_rest, flow.rest)][: 1 + a.feeds_back]
    outputs = np.empty((samples, steps, lines), np.int16 if a.fused else np.int32)
    items = blocks * tiles.tiles
    for codes_of, flat in held:
        _exchange(plan, codes_of, flat, to_blocks=True)
    entering, leaving = (np.zeros(1, np.int64) for _ in range(2))
    run_threads(threads, lambda: to_blocks(codes, plan, flow.codes, entering))
    for width, run in ((WIDTH, run_blocks), (HALF, run_halves), (1, run_singles)):
        if np.any(plan.width == width):
            counter = np.zeros(1, np.int64)
            run_threads(
                min(threads, items),
                partial(_run, run, tiles, counters, plan, job, flow, counter),
            )
    run_threads(threads, lambda: from_blocks(flow.out, plan, outputs, leaving))
    for codes_of, flat in held:
        _exchange(plan, codes_of, flat, to_blocks=False)
    total = [counter.reshape(blocks, -1).sum(axis=0) for counter in counters]
    low, high, clipped = (n.reshape(tiles.tiles, a.pitch) for n in total[:3])
    squares, magnitudes, non_zeros = (n.reshape(tiles.tiles, a.rows) for n in total[3:])
    return RecurrentResult(
        outputs=outputs if a.fused else outputs.reshape(samples, steps, tiles.tiles, tiles.outputs),
        state=new_state,
        rest=new_rest,
        saturated_low=low[:, : tiles.columns],
        saturated_high=high[:, : tiles.columns],
        saturated_states=clipped[:, : tiles.states],
        sum_squares=squares,
        sum_magnitudes=magnitudes,
        non_zeros=non_zeros,
        drives=samples * steps * (2 if two_pass else 1),
    )


def _run(
    run: Items,
    tiles: RecurrentTiles,
    counters: Counters,
    plan: Plan,
    job: Job,
    flow: Flow,
    counter: NDArray[np.int64],
) -> None:
    """What one thread does."""
    run(tiles.arrays, work_space(tiles), counters, plan, job, flow, counter)


def _exchange(
    plan: Plan, codes: NDArray[np.int32], flat: NDArray[np.int32], to_blocks: bool
) -> None:
    """Copy codes (B, T, S) of states to the blocks of samples, (T, S, width) each, or back."""
    rows = codes.reshape(len(codes), -1)
    cells = rows.shape[1]
    for place, width, first, valid in zip(*(part.tolist() for part in plan), strict=True):
        block = flat[place * cells : (place + width) * cells].reshape(cells, width)[:, :valid]
        if to_blocks:
            block[:] = rows[first : first + valid].T
        else:
            rows[first : first + valid] = block.T
