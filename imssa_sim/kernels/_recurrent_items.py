"""Work items of the recurrent kernel: one tile with one block of samples each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imssa_sim.kernels._columns import run_columns
from imssa_sim.kernels._lanes import WIDTH, run_lanes
from imssa_sim.kernels.ops import LANES
from imssa_sim.kernels.tiles import RecurrentTiles, aligned_zeros


class Job(NamedTuple):
    """What one item runs."""

    keys: NDArray[np.uint32]  # (valid, 2) keys of the samples, short of the tile
    valid: int  # samples in the block
    steps: int  # L
    states: int  # S
    first_step: int
    first_tile: int
    noise: bool
    two_pass: bool


class Plan(NamedTuple):
    """Blocks of samples, with their places on an axis of padded samples."""

    place: NDArray[np.int64]
    width: NDArray[np.int64]  # 32 or 1
    first: NDArray[np.int64]  # first sample
    valid: NDArray[np.int64]  # samples


class Counters(NamedTuple):
    """Statistics, per block (leading axis) or of one block."""

    low: NDArray[np.int64]  # (T * P,)
    high: NDArray[np.int64]
    squares: NDArray[np.int64]  # (T * R,)
    magnitudes: NDArray[np.int64]
    non_zeros: NDArray[np.int64]


class Work(NamedTuple):
    """Work space of one thread, all in one stretch of memory that fits the first cache level."""

    one: NDArray[Any]
    code: NDArray[Any]
    sums: NDArray[Any]
    squared: NDArray[Any]
    squares: NDArray[Any]
    magnitudes: NDArray[Any]
    used: NDArray[Any]
    clipped: NDArray[Any]
    parts: NDArray[Any]
    variances: NDArray[Any]
    v: NDArray[Any]
    keys: NDArray[np.uint32]
    normals: NDArray[np.float32]


def work_space(tiles: RecurrentTiles) -> Work:
    """Allocate the work space of one thread."""
    rows = -(-tiles.arrays.rows // LANES) * LANES
    pitch = tiles.arrays.pitch
    sizes = [
        LANES, rows * WIDTH, pitch * WIDTH, rows * WIDTH, rows * LANES, rows * LANES, rows,
        LANES, LANES * WIDTH, pitch * WIDTH, rows * WIDTH,
    ]  # fmt: skip
    whole = aligned_zeros(sum(sizes), tiles.dtype)
    parts = np.split(whole, np.cumsum(sizes)[:-1])
    parts[0][:] = 1
    return Work(*parts, aligned_zeros(2 * WIDTH, np.uint32), aligned_zeros(pitch + 2 * LANES, np.float32))


def make_plan(samples: int) -> Plan:
    """Cut a batch into blocks of 32 samples, its rest into single samples where few are left."""
    whole, rest = divmod(samples, WIDTH)
    valid = [WIDTH] * whole
    width = [WIDTH] * whole
    if rest > ALONE:
        valid.append(rest)
        width.append(WIDTH)
    else:
        valid += [1] * rest
        width += [1] * rest
    ends = np.cumsum(width)
    firsts = np.cumsum(valid)
    return Plan(
        place=(ends - width).astype(np.int64),
        width=np.array(width, dtype=np.int64),
        first=(firsts - valid).astype(np.int64),
        valid=np.array(valid, dtype=np.int64),
    )


ALONE = 16  # up to so many left-over samples run one by one


@njit(nogil=True, cache=True)
def run_items(
    a: Any, s: Any, counters: Any, plan: Any, job: Any, codes: Any, state: Any, out: Any, start: int, stop: int
) -> None:
    """Run the items start … stop - 1; item = block * tiles + tile.

    ``job.keys`` holds the keys of all samples; codes, state and out are flat, block after block.
    """
    tiles = a.n_states.shape[0]
    places = plan.place[-1] + plan.width[-1]
    per_code = codes.shape[0] // places
    per_state = state.shape[0] // places
    per_out = out.shape[0] // places
    for item in range(start, stop):
        block, t = item // tiles, item % tiles
        first, last = plan.place[block], plan.place[block] + plan.width[block]
        sample, valid = plan.first[block], plan.valid[block]
        own = Job(
            job.keys[sample : sample + valid], valid, job.steps, job.states, job.first_step,
            job.first_tile, job.noise, job.two_pass,
        )  # fmt: skip
        c = Counters(
            counters.low[block], counters.high[block], counters.squares[block],
            counters.magnitudes[block], counters.non_zeros[block],
        )  # fmt: skip
        u = codes[first * per_code : last * per_code]
        x = state[first * per_state : last * per_state]
        y = out[first * per_out : last * per_out]
        if plan.width[block] == 1:
            run_columns(a, s, c, own, t, u, x, y)
        else:
            run_lanes(a, s, c, own, t, u, x, y)


@njit(nogil=True, cache=True)
def to_blocks(values: Any, plan: Any, out: Any, block: int) -> None:
    """Copy one block of (B, L, H) into its place as (H, L, width), absent samples as 0."""
    _, steps, channels = values.shape
    width = plan.width[block]
    base = plan.place[block] * steps * channels
    for k in range(steps):
        for h0 in range(0, channels, LANES):
            for b in range(plan.valid[block]):
                for h in range(h0, min(h0 + LANES, channels)):
                    out[base + (h * steps + k) * width + b] = values[plan.first[block] + b, k, h]


@njit(nogil=True, cache=True)
def from_blocks(values: Any, plan: Any, out: Any, block: int) -> None:
    """The way back: (H, L, width) of one block into (B, L, H)."""
    _, steps, channels = out.shape
    width = plan.width[block]
    base = plan.place[block] * steps * channels
    for k in range(steps):
        for h0 in range(0, channels, LANES):
            for b in range(plan.valid[block]):
                for h in range(h0, min(h0 + LANES, channels)):
                    out[plan.first[block] + b, k, h] = values[base + (h * steps + k) * width + b]
