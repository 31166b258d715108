"""What the columns of a kernel's tile add up, step after step, 16 samples abreast.

The states come from a run of the golden model (`imssa_sim.kernels.digital_recurrence`); the codes
that they drive with, and the sums over the tile's weights, never leave the first caches. All
numbers are integers, held in floating point where they are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._tile import Floats
from imssa_sim.kernels.digital_recurrence import within
from imssa_sim.kernels.ops import (
    LANES,
    absolute,
    add,
    align_stack,
    convert,
    entry,
    floor_affine,
    fma,
    inner,
    less,
    load,
    pointer,
    positive,
    select,
    splat,
    store,
    sub,
)


class TileColumns(NamedTuple):
    """Rows and columns of one tile: its state rows, then its input rows.

    Attributes
    ----------
    place : int64 array (S,)
        Of each state at the first step in what a run keeps, in vectors of 16 samples.
    pitch : int
        Vectors from one step to the next there.
    inputs : int64 array (I,)
        Channel that drives each input row.
    start, row, value : arrays (C + 1,), (n,), (n,)
        The non-zero weights of each column, in the order of the rows.
    constants : array (5,)
        Largest code that drives, 2**-k, 2**k, half of it in whole numbers, 1/2: k bits of a state
        lie below those that drive.
    accumulates, feedback : bool
        Whether the top bits of the states drive, and what is cut off drives with the next state.
    second : int
        Column from which on the states after the step stand on the rows; -1: nowhere.
    reverse : bool
        Inputs run from the last step to the first.
    signs_apart : bool
        Each code drives two rows, the first one where it is positive, the other with its magnitude
        where it is negative; ``row`` counts these.
    """

    place: NDArray[np.int64]
    pitch: int
    inputs: NDArray[np.int64]
    start: NDArray[np.int64]
    row: NDArray[np.int64]
    value: NDArray[Any]
    constants: NDArray[Any]
    accumulates: bool
    feedback: bool
    second: int
    reverse: bool
    signs_apart: bool


@inner
def _drive(states: NDArray[Any], at: int, codes: Floats, rest: Floats, row: int, tile: Any) -> None:
    """Put the code that a state drives with onto its row; what is cut off is kept."""
    c = tile.constants
    limit, part, whole, half_step, half = c[0], c[1], c[2], c[3], c[4]
    zero = half - half
    state = convert(load(states, at * LANES), half)
    if tile.feedback:
        state = add(state, load(rest, row * LANES))
    code = state
    if tile.accumulates:
        code = within(floor_affine(state, part, half), limit, zero)
    if tile.feedback:
        cut = fma(sub(zero, whole), code, state)
        store(rest, row * LANES, within(cut, half_step, zero))
    store(codes, row * LANES, code)


@inner
def _part_signs(codes: Floats, apart: Floats, rows: int, zero: Any) -> None:
    """Put each code onto the row of its sign."""
    for r in range(rows):
        code = load(codes, r * LANES)
        store(apart, 2 * r * LANES, positive(code))
        store(apart, (2 * r + 1) * LANES, positive(sub(splat(zero), code)))


@entry
def add_up(
    tile: TileColumns, states: NDArray[Any], u: NDArray[Any], first: int, stride: int,
    due: NDArray[np.int64], maximum: NDArray[np.float64], values: NDArray[np.float32],
    probed: NDArray[np.int16],
) -> None:  # fmt: skip
    """Add up the columns for the samples ``first`` … ``first`` + 15, as far as there are.

    states: what a run of these samples keeps after each step, flat, see `run_block`. u (B, L, H):
    codes of the inputs. maximum (C,) grows to the largest magnitude. values (C, n) takes the sums
    of every ``stride``-th step, all samples of one step side by side; n = 0: none are wanted.
    probed (P, R) takes the codes on the rows at the steps ``due`` (P,), ascending, of sample
    p modulo B.
    """
    align_stack()
    batch, steps, _ = u.shape
    valid = min(LANES, batch - first)
    own, rows = tile.place.size, tile.place.size + tile.inputs.size
    columns = tile.start.size - 1
    half = tile.constants[4]
    zero = half - half
    codes = np.zeros(rows * LANES, tile.value.dtype)
    driving = np.zeros(2 * rows * LANES, tile.value.dtype) if tile.signs_apart else codes
    rest = np.zeros(max(own, 1) * LANES, tile.value.dtype)
    peaks = np.zeros(columns * LANES, tile.value.dtype)
    lanes = np.zeros(LANES, np.float32)
    probe = 0
    for k in range(steps):
        if k:
            for s in range(own):
                at = tile.place[s] + (k - 1) * tile.pitch
                _drive(pointer(states, 0), at, pointer(codes, 0), pointer(rest, 0), s, tile)
        step = steps - 1 - k if tile.reverse else k
        for i in range(tile.inputs.size):
            for b in range(valid):
                codes[(own + i) * LANES + b] = u[first + b, step, tile.inputs[i]]
        while probe < due.size and due[probe] == k:
            b = probe % batch - first
            if 0 <= b < valid:
                for r in range(rows):
                    probed[probe, r] = codes[r * LANES + b]
            probe += 1
        if tile.signs_apart:
            _part_signs(pointer(codes, 0), pointer(driving, 0), rows, zero)
        kept = values.shape[1] > 0 and k % stride == 0
        for c in range(columns):
            if c == tile.second:
                for s in range(own):
                    at = tile.place[s] + k * tile.pitch
                    store(codes, s * LANES, convert(load(states, at * LANES), half))
                if tile.signs_apart:
                    _part_signs(pointer(codes, 0), pointer(driving, 0), rows, zero)
            total = splat(zero)
            for e in range(tile.start[c], tile.start[c + 1]):
                total = fma(splat(tile.value[e]), load(driving, tile.row[e] * LANES), total)
            size, peak = absolute(total), load(peaks, c * LANES)
            store(peaks, c * LANES, select(less(peak, size), size, peak))
            if kept:
                store(lanes, 0, convert(total, np.float32(0)))
                for b in range(valid):
                    values[c, k // stride * batch + first + b] = lanes[b]
    for c in range(columns):
        for b in range(valid):
            maximum[c] = max(maximum[c], peaks[c * LANES + b])
