"""Work items of the recurrent kernel: one tile with one block of samples each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._columns import ABREAST, run_columns, stretch_order
from imssa_sim.kernels._lanes import WIDTH, run_lanes
from imssa_sim.kernels._packing import aligned_zeros
from imssa_sim.kernels.normal import GROUP
from imssa_sim.kernels.ops import LANES, align_stack, entry, inner, pointer, take_next
from imssa_sim.kernels.tiles import RecurrentTiles


class Job(NamedTuple):
    """What a run is asked to do."""

    keys: NDArray[np.uint32]  # (2 * B,) keys of the samples, short of the tile
    steps: int  # L
    states: int  # S
    first_step: int
    first_tile: int
    noise: bool
    two_pass: bool


class Flow(NamedTuple):
    """What goes through the tiles, flat, block after block of samples."""

    channels: int
    lines: int
    codes: NDArray[np.int16]  # (channels, L, width) per block
    state: NDArray[np.int32]  # (T, S, width) per block
    out: NDArray[np.int32]  # (lines, L, width) per block


class Counters(NamedTuple):
    """Statistics of all blocks, flat."""

    low: NDArray[np.int64]  # (blocks * T * P,)
    high: NDArray[np.int64]
    squares: NDArray[np.int64]  # (blocks * T * R,)
    magnitudes: NDArray[np.int64]
    non_zeros: NDArray[np.int64]


class Array(NamedTuple):
    """Cells of one tile."""

    pitch: int
    slices: int
    rows: int  # driven rows
    shot_row: int  # first row of the shot noise in the variance
    noise_rows: int  # rows of the variance to sum over
    states: int
    inputs: int
    outputs: int  # logical, as the states
    weights: Any
    weight_start: Any
    weight_row: Any
    weight_value: Any
    variance: Any
    variance_start: Any
    variance_row: Any
    variance_value: Any
    pairs: Any
    pair_start: Any
    pair_row: Any
    pair_value: Any
    pair_unit: Any
    pair_offset: Any
    flat_variance: Any
    extra_variance: Any
    paired: bool
    sparse_weights: bool
    sparse_variance: bool
    flat_noise: bool
    noisy: bool


class Chain(NamedTuple):
    """Converters, requantisers and wiring of one tile."""

    adc_scale: Any
    adc_offset: Any
    adc_table: Any
    slice_gain: Any
    gain: Any
    dac_levels: Any
    pulse_power: Any
    input_channel: Any
    output_line: Any
    adc_low: Any
    adc_high: Any
    state_limit: Any
    output_limit: Any
    zero: Any
    half: Any
    one: Any
    dac_zero: int
    has_dac: bool
    has_shot: bool
    has_table: bool
    fused: bool


class Slot(NamedTuple):
    """One block of samples on one tile: what to run and where the results go."""

    two_pass: bool
    flush: int
    steps: int
    first_step: int
    valid: int
    number: int  # noise coordinate
    keys: Any
    codes: Any
    state: Any
    out: Any
    low: Any
    high: Any
    squares: Any
    magnitudes: Any
    non_zeros: Any


class Tile(NamedTuple):
    """One tile with one block of samples.

    Memory is bare pointers: to pass arrays would count references, millions of times per second.
    """

    array: Array
    chain: Chain
    job: Slot


class Work(NamedTuple):
    """Work space of one thread: pointers into one stretch of memory that fits the first cache."""

    code: Any
    sums: Any
    squared: Any
    squares: Any
    magnitudes: Any
    used: Any
    low: Any
    high: Any
    parts: Any
    variances: Any  # of 32 samples: at last the deviations
    v: Any
    pairs: Any  # squared codes, two rows to an int32
    halves: Any  # the same memory, row after row of int16
    totals: Any  # sums of the pairs of a single sample
    common: Any  # what the sums of 32 samples' pairs start from, see _lanes
    order: Any  # steps and pairs of columns of a stretch, see normal.fill_steps
    keys: Any
    normals: Any


class Space(NamedTuple):
    """The memory behind a :class:`Work`."""

    floats: NDArray[Any]
    pairs: NDArray[np.int32]
    halves: NDArray[np.int16]
    totals: NDArray[np.int32]
    order: NDArray[np.uint32]
    keys: NDArray[np.uint32]
    normals: NDArray[np.float32]


def work_space(tiles: RecurrentTiles) -> Space:
    """Allocate the work space of one thread."""
    rows, noisy = (-(-n // LANES) * LANES for n in (tiles.arrays.rows, tiles.arrays.noise_rows))
    pitch = tiles.arrays.pitch
    count = (2 * WIDTH + 2 * LANES + 1) * rows + (2 * WIDTH + 2) * pitch + (LANES + noisy) * WIDTH
    pairs = aligned_zeros((rows // 2 + 1) * WIDTH, np.int32)
    return Space(
        aligned_zeros(count, tiles.dtype),
        pairs,
        pairs.view(np.int16),
        aligned_zeros(pitch, np.int32),
        stretch_order(pitch),
        aligned_zeros(2 * WIDTH, np.uint32),
        aligned_zeros(max(ABREAST * pitch, GROUP), np.float32),
    )


@inner
def _open(a: Any, space: Any) -> Any:
    """Cut the work space."""
    rows = (a.rows + LANES - 1) // LANES * LANES
    wide, tall = rows * WIDTH, a.pitch * WIDTH
    code = pointer(space.floats, 0)
    sums = pointer(code, wide)
    squared = pointer(sums, tall)
    squares = pointer(squared, (a.noise_rows + LANES - 1) // LANES * LANES * WIDTH)
    magnitudes = pointer(squares, rows * LANES)
    used = pointer(magnitudes, rows * LANES)
    low = pointer(used, rows)
    high = pointer(low, a.pitch)
    parts = pointer(high, a.pitch)
    variances = pointer(parts, LANES * WIDTH)
    return Work(
        code, sums, squared, squares, magnitudes, used, low, high, parts, variances,
        pointer(variances, tall), pointer(space.pairs, 0), pointer(space.halves, 0),
        pointer(space.totals, 0), pointer(space.pairs, wide // 2), pointer(space.order, 0),
        pointer(space.keys, 0), pointer(space.normals, 0),
    )  # fmt: skip


@inner
def gather_tile(a: Any, plan: Any, job: Any, io: Any, c: Any, block: Any, t: int) -> Any:
    """Gather all that concerns tile t and one block."""
    tiles = a.n_states.shape[0]
    first, width = plan.place[block], plan.width[block]
    column, cell, row = t * a.pitch, t * a.rows * a.pitch, t * a.rows
    levels = a.adc_table.shape[0] // tiles
    driven, shot = a.n_states[t] + a.n_inputs[t], a.pulse_power.shape[0] > 0
    shot_row = (a.rows + LANES - 1) // LANES * LANES
    array = Array(
        a.pitch,
        a.slices,
        driven,
        shot_row,
        driven + (shot_row if shot else 0),
        a.n_states[t],
        a.n_inputs[t],
        a.n_outputs[t],
        pointer(a.weights, cell),
        pointer(a.weight_cells.start, column),
        pointer(a.weight_cells.row, 0),
        pointer(a.weight_cells.value, 0),
        pointer(a.variance, t * (a.variance.shape[0] // tiles)),
        pointer(a.variance_cells.start, column),
        pointer(a.variance_cells.row, 0),
        pointer(a.variance_cells.value, 0),
        pointer(a.pairs, t * (a.pairs.shape[0] // tiles)),
        pointer(a.pair_cells.start, column),
        pointer(a.pair_cells.row, 0),
        pointer(a.pair_cells.value, 0),
        pointer(a.pair_unit, t * (a.pair_unit.shape[0] // tiles)),
        pointer(a.pair_offset, t * (a.pair_offset.shape[0] // tiles)),
        pointer(a.flat_variance, column),
        pointer(a.extra_variance, column),
        a.pairs.shape[0] > 0 and a.noisy and job.noise,
        a.sparse_weights,
        a.sparse_variance,
        a.flat_noise,
        a.noisy and job.noise,
    )
    chain = Chain(
        pointer(a.adc_scale, column),
        pointer(a.adc_offset, column),
        pointer(a.adc_table, t * levels),
        pointer(a.slice_gain, column),
        pointer(a.gain, column),
        pointer(a.dac_levels, 0),
        pointer(a.pulse_power, 0),
        pointer(a.input_channel, t * (a.input_channel.shape[0] // tiles)),
        pointer(a.output_line, t * (a.output_line.shape[0] // tiles)),
        a.limits[0],
        a.limits[1],
        a.limits[2],
        a.limits[3],
        a.limits[4],
        a.limits[5],
        a.limits[6],
        a.dac_zero,
        a.dac_levels.shape[0] > 0,
        shot,
        levels > 0,
        a.fused,
    )
    slot = Slot(
        job.two_pass,
        a.flush,
        job.steps,
        job.first_step,
        plan.valid[block],
        job.first_tile + t,
        pointer(job.keys, 2 * plan.first[block]),
        pointer(io.codes, first * io.channels * job.steps),
        pointer(io.state, (first * tiles + width * t) * job.states),
        pointer(io.out, first * io.lines * job.steps),
        pointer(c.low, block * tiles * a.pitch + column),
        pointer(c.high, block * tiles * a.pitch + column),
        pointer(c.squares, block * tiles * a.rows + row),
        pointer(c.magnitudes, block * tiles * a.rows + row),
        pointer(c.non_zeros, block * tiles * a.rows + row),
    )
    return Tile(array, chain, slot)


@entry
def run_items(a: Any, space: Any, c: Any, plan: Any, job: Any, io: Any, counter: Any) -> None:
    """Run the items that ``counter`` gives out; item = block * tiles + tile."""
    align_stack()
    work = _open(a, space)
    tiles = a.n_states.shape[0]
    items = tiles * plan.width.shape[0]
    item = take_next(counter)
    while item < items:
        block = item // tiles
        tile = gather_tile(a, plan, job, io, c, block, item - block * tiles)
        if plan.width[block] == 1:
            run_columns(tile, work)
        else:
            run_lanes(tile, work)
        item = take_next(counter)
