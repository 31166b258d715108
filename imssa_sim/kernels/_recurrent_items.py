"""Work items of the recurrent kernel: one tile with one block of samples each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels import _columns
from imssa_sim.kernels._blocks import Plan
from imssa_sim.kernels._columns import ABREAST, stretch_order
from imssa_sim.kernels._lanes import HALF, WIDTH, make_layout
from imssa_sim.kernels._layout import Layout
from imssa_sim.kernels._packing import aligned_zeros
from imssa_sim.kernels._tile import Cells, Chain, Counters, Flow, Job, Slot, Space, Tile, Work
from imssa_sim.kernels.ops import LANES, align_stack, entry, inner, pointer, take_next
from imssa_sim.kernels.read_noise.normal import GROUP
from imssa_sim.kernels.tiles import RecurrentTiles, TileArrays


def work_space(tiles: RecurrentTiles) -> Space:
    """Allocate the work space of one thread."""
    rows, noisy = (-(-n // LANES) * LANES for n in (tiles.arrays.rows, tiles.arrays.noise_rows))
    pitch = tiles.arrays.pitch
    count = (4 * WIDTH + 2 * LANES + 1) * rows + (2 * WIDTH + 3) * pitch + (LANES + noisy) * WIDTH
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
def _open(a: TileArrays, space: Space) -> Work:
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
    clipped = pointer(high, a.pitch)
    parts = pointer(clipped, a.pitch)
    variances = pointer(parts, LANES * WIDTH)
    v = pointer(variances, tall)
    held = pointer(v, wide)
    return Work(
        code, sums, squared, squares, magnitudes, used, low, high, clipped, parts, variances, v,
        held, pointer(held, wide), pointer(space.pairs, 0), pointer(space.halves, 0),
        pointer(space.totals, 0), pointer(space.pairs, wide // 2), pointer(space.order, 0),
        pointer(space.keys, 0), pointer(space.normals, 0),
    )  # fmt: skip


@inner
def gather_tile(
    a: TileArrays, plan: Plan, job: Job, io: Flow, c: Counters, block: int, t: int
) -> Tile:
    """Gather all that concerns tile t and one block."""
    tiles = a.n_states.shape[0]
    first, width = plan.place[block], plan.width[block]
    column, cell, row = t * a.pitch, t * a.rows * a.pitch, t * a.rows
    levels = a.adc_table.shape[0] // tiles
    driven, shot = a.n_states[t] + a.n_inputs[t], a.pulse_power.shape[0] > 0
    driven = 2 * driven if a.signs_apart else driven
    shot_row = (a.rows + LANES - 1) // LANES * LANES
    array = Cells(
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
        pointer(a.source, column * a.exchanges),
        pointer(a.sign, column * a.exchanges),
        pointer(a.dac_levels, 0),
        pointer(a.dac_steps, 0),
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
        a.limits[7],
        a.limits[8],
        a.limits[9],
        a.limits[10],
        a.dac_zero,
        a.dac_grid[0],
        a.dac_grid[1],
        a.dac_grid[2],
        a.dac_levels.shape[0] > 0,
        a.dac_steps.shape[0] > 0,
        shot,
        levels > 0,
        a.dac_grid[0] > 0,
        a.fused,
        a.accumulates,
        a.feeds_back,
        a.exchanges,
        a.apart,
        a.signs_apart,
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
        pointer(io.rest, (first * tiles + width * t) * job.states * a.feeds_back),
        pointer(io.out, first * io.lines * job.steps),
        pointer(c.low, block * tiles * a.pitch + column),
        pointer(c.high, block * tiles * a.pitch + column),
        pointer(c.clipped, block * tiles * a.pitch + column),
        pointer(c.squares, block * tiles * a.rows + row),
        pointer(c.magnitudes, block * tiles * a.rows + row),
        pointer(c.non_zeros, block * tiles * a.rows + row),
    )
    return Tile(array, chain, slot)


Items = Callable[[TileArrays, Space, Counters, Plan, Job, Flow, NDArray[np.int64]], None]


def _make_items(name: str, layout: Layout, width: int) -> Items:
    """The loop over all steps, for the blocks of so many samples that a layout takes."""
    start, prepare, drive, read, shift_add, flush = layout[1:]
    _, feed_back, accumulate, drive_states, take_inputs, give_outputs, *rest = layout.chain
    take_states, give_states, part_signs, join_signs = rest

    def run_items(
        a: TileArrays, space: Space, c: Counters, plan: Plan, job: Job, io: Flow,
        counter: NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Run the items that ``counter`` gives out; item = block * tiles + tile.

        Memory of a tile: codes (channels, L, width), states (S, width), out (lines, L, width).
        """
        align_stack()
        s = _open(a, space)
        tiles = a.n_states.shape[0]
        items = tiles * plan.width.shape[0]
        item = take_next(counter)
        while item < items:
            block = item // tiles
            if plan.width[block] == width:
                t = gather_tile(a, plan, job, io, c, block, item - block * tiles)
                start(t, s)
                take_states(t, s)
                columns = t.array.states + t.array.outputs
                for k in range(t.job.steps):
                    prepare(t, s, k)
                    for part in range(2 if t.job.two_pass else 1):
                        if t.chain.accumulates:
                            drive_states(t, s)
                        take_inputs(t, s, k)
                        if t.chain.signs_apart:
                            part_signs(t, s)
                        squares = drive(t, s)
                        first = t.array.states if part else 0
                        last = columns if part or not t.job.two_pass else t.array.states
                        each = t.array.slices
                        read(t, s, k, first * each, last * each, squares)
                        if each > 1:
                            shift_add(t, s, first, last)
                        if t.chain.signs_apart:
                            join_signs(t, s)
                        if not part:
                            if t.chain.accumulates:
                                accumulate(t, s)
                            else:
                                feed_back(t, s)
                    give_outputs(t, s, k)
                    if (k + 1) % t.job.flush == 0:
                        flush(t, s)
                flush(t, s)
                give_states(t, s)
            item = take_next(counter)

    run_items.__qualname__ = name  # as it is kept
    return entry(run_items)


run_blocks = _make_items("run_blocks", make_layout(2), WIDTH)
run_halves = _make_items("run_halves", make_layout(1), HALF)
run_singles = _make_items("run_singles", _columns.LAYOUT, 1)
