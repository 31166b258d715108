"""Work items of the dense kernel: one tile with one chunk of tokens each.

Vectors run along the columns. Weights lie in panels of 32 columns, so that a panel stays in the
first cache level while groups of 8 tokens go past it, 16 accumulators at a time (24 would leave
too few registers).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._blocks import Plan
from imssa_sim.kernels._columns import digitise, drive, flush_statistics, shift_add
from imssa_sim.kernels._recurrent_items import gather_tile
from imssa_sim.kernels._tile import (
    Counters,
    Counts,
    Float,
    Floats,
    Flow,
    Job,
    Numbers,
    Tile,
    Work,
)
from imssa_sim.kernels.ops import (
    LANES,
    align_stack,
    convert,
    entry,
    inner,
    load,
    make_product,
    merged,
    pointer,
    splat,
    store,
    take_next,
)
from imssa_sim.kernels.read_noise.normal import fill_vectors
from imssa_sim.kernels.read_noise.threefry import absorb
from imssa_sim.kernels.tiles import TileArrays

PANEL = 2 * LANES
GROUP = 8
CHUNK = 6 * GROUP
ONLY: Any = np.int64(0)  # block of samples: typed, a literal would be compiled for by itself

_product_8 = make_product(8, 2)
_product_4 = make_product(4, 2)


class Panels(NamedTuple):
    """Cells in panels of 32 columns, flat (T, P / 32, R, 32)."""

    weights: NDArray[Any]
    variance: NDArray[Any]
    pairs: NDArray[np.int32]  # two rows to an int32


class DenseSpace(NamedTuple):
    """Work space of one thread."""

    floats: NDArray[Any]
    squares: NDArray[Any]
    pairs: NDArray[np.int32]
    halves: NDArray[np.int16]
    totals: NDArray[np.int32]
    keys: NDArray[np.uint32]
    normals: NDArray[np.float32]


class Tokens(NamedTuple):
    """What goes through the tiles of a linear layer."""

    codes: NDArray[np.int16]  # (N * inputs,)
    inputs: int
    row_start: NDArray[np.int64]  # (T,)
    sample: NDArray[np.int64]  # (N,) index of the sample's key
    step: NDArray[np.int64]  # (N,)
    out: NDArray[np.int32]  # (N * T * C,)
    columns: int  # C, logical


@inner
def _products(
    panels: Numbers,
    rows: int,
    n: int,
    tokens: int,
    pitch: int,
    height: int,
    v: Numbers,
    out: Numbers,
) -> None:
    """Sums of all columns over the first n rows for a chunk of tokens.

    panels (P / 32, rows, 32), v (CHUNK, height), out (CHUNK, pitch): a last group that is not full
    reads and writes rows beyond the tokens.
    """
    for j in range(0, pitch, PANEL):
        cells = j * rows
        k = 0
        while k + 4 < tokens:
            _product_8(v, k * height, 1, height, panels, cells, PANEL, n, out, k * pitch + j, pitch)
            k += GROUP
        if k < tokens:
            _product_4(v, k * height, 1, height, panels, cells, PANEL, n, out, k * pitch + j, pitch)


@inner
def noise_height(a: TileArrays) -> int:
    """Rows of the variance, whole vectors."""
    return (a.noise_rows + LANES - 1) // LANES * LANES


@inner
def _chunk_work(a: TileArrays, space: DenseSpace, height: int, k: int) -> Work:
    """Work space of token k of a chunk; see ``_recurrent_items.Work`` (not used: common, order)."""
    tall, wide, noisy = CHUNK * height, CHUNK * a.pitch, noise_height(a)
    code = pointer(space.floats, k * height)
    v = pointer(code, tall)
    squared = pointer(space.floats, 2 * tall + k * noisy)
    behind = 2 * tall + CHUNK * noisy
    sums = pointer(space.floats, behind + k * a.pitch)
    variances = pointer(sums, wide)
    squares = pointer(space.floats, behind + 2 * wide)
    magnitudes = pointer(squares, height)
    used = pointer(magnitudes, height)
    low = pointer(used, height)
    high = pointer(low, a.pitch)
    return Work(
        code, sums, squared, squares, magnitudes, used, low, high, high, high, variances, v, v, v,
        pointer(space.pairs, k * (height // 2)), pointer(space.halves, k * height),
        pointer(space.totals, k * a.pitch), pointer(space.totals, 0), pointer(space.keys, 0),
        pointer(space.keys, 0), pointer(space.normals, 0),
    )  # fmt: skip


@inner
def _store_codes(sums: Floats, columns: int, out: NDArray[np.int32]) -> None:
    """ADC codes of one token to the result."""
    whole = columns - columns % LANES
    for j in range(0, whole, LANES):
        store(out, j, convert(load(sums, j), np.int32(0)))
    for j in range(whole, columns):
        out[j] = convert(sums[j], np.int32(0))


@inner
def _take_codes(codes: NDArray[np.int16], n: int, one: Float, out: Floats) -> None:
    """Codes of one token onto the rows."""
    whole = n - n % LANES
    for i in range(0, whole, LANES):
        store(out, i, convert(load(codes, i), one))
    for i in range(whole, n):
        out[i] = convert(codes[i], one)


@merged
def _read_chunk(
    a: TileArrays,
    panels: Panels,
    t: Tile,
    tile: int,
    tokens: Tokens,
    keys: NDArray[np.uint32],
    space: DenseSpace,
    first: int,
    last: int,
) -> None:
    """Read one tile by the tokens first … last - 1."""
    array = t.array
    height = (a.rows + LANES - 1) // LANES * LANES
    cells = tile * a.rows * a.pitch
    count, tiles = last - first, a.n_states.shape[0]
    squares = pointer(space.squares, 0)
    columns = array.outputs * array.slices
    for k in range(count):
        s = _chunk_work(a, space, height, k)
        start = (first + k) * tokens.inputs + tokens.row_start[tile]
        _take_codes(pointer(tokens.codes, start), array.rows, t.chain.one, s.code)
        squares[k] = drive(t, s)
        if (k + 1) % a.flush == 0:
            flush_statistics(t, s)
    s = _chunk_work(a, space, height, 0)
    v = s.v if t.chain.has_dac else s.code
    _products(pointer(panels.weights, cells), a.rows, array.rows, count, a.pitch, height, v, s.sums)
    if array.paired:
        every = (a.rows + 3) // 4 * 2
        _products(
            pointer(panels.pairs, tile * every * a.pitch), every, (array.rows + 1) // 2, count,
            a.pitch, height // 2, s.pairs, s.totals,
        )  # fmt: skip
    elif array.noisy:
        _products(
            pointer(panels.variance, tile * a.noise_rows * a.pitch), a.noise_rows, array.noise_rows,
            count, a.pitch, noise_height(a), s.squared, s.variances,
        )  # fmt: skip
    for k in range(count):
        s = _chunk_work(a, space, height, k)
        if array.noisy:
            place = 2 * tokens.sample[first + k]
            key0, key1 = absorb(keys[place], keys[place + 1], t.job.number)
            step = np.uint32(tokens.step[first + k])
            fill_vectors(key0, key1, step, columns, s.normals)
        for j in range(0, columns, LANES):  # no states
            digitise(t, s, s.normals, j, 0, columns, squares[k])
        if array.slices > 1:
            shift_add(t, s, 0, array.outputs)
        at = ((first + k) * tiles + tile) * tokens.columns
        _store_codes(s.sums, array.outputs, pointer(tokens.out, at))


@entry
def read_items(
    a: TileArrays,
    panels: Panels,
    space: DenseSpace,
    c: Counters,
    plan: Plan,
    job: Job,
    io: Flow,
    tokens: Tokens,
    counter: Counts,
) -> None:
    """Read the items that ``counter`` gives out; item = chunk * tiles + tile."""
    align_stack()
    tiles = a.n_states.shape[0]
    total = tokens.step.shape[0]
    items = (total + CHUNK - 1) // CHUNK * tiles
    height = (a.rows + LANES - 1) // LANES * LANES
    item = take_next(counter)
    while item < items:
        chunk = item // tiles
        tile = item - chunk * tiles
        t = gather_tile(a, plan, job, io, c, ONLY, tile)
        for k in range(CHUNK):  # rows beyond the driven ones carry code 0
            work = _chunk_work(a, space, height, k)
            for i in range(t.array.rows - t.array.rows % LANES, height, LANES):
                store(work.code, i, splat(t.chain.zero))
        _read_chunk(
            a, panels, t, tile, tokens, job.keys, space, chunk * CHUNK,
            min(total, (chunk + 1) * CHUNK),
        )  # fmt: skip
        flush_statistics(t, _chunk_work(a, space, height, 0))
        item = take_next(counter)
