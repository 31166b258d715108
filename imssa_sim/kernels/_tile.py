"""What the compiled loops hand on: one tile, one block of samples, and room to work in.

Memory is bare pointers: to pass arrays would count references, millions of times per second. (With
``NUMBA_DISABLE_JIT=1``, and for mypy, they are flat arrays that begin at the same place.)
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Memory of float32 or float64, as the tiles are packed."""
Numbers: TypeAlias = Floats | NDArray[np.int32]
"""The same, or pairs of int16."""
Counts: TypeAlias = NDArray[np.int64]
Lanes: TypeAlias = NDArray[Any]
"""A vector: lanes of one number type in registers."""
Mask: TypeAlias = NDArray[np.bool_]
Float: TypeAlias = np.floating[Any]


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
    rest: NDArray[np.int32]  # the same, what was cut off the states that drove
    out: NDArray[np.int32]  # (lines, L, width) per block


class Counters(NamedTuple):
    """Statistics of all blocks, flat."""

    low: Counts  # (blocks * T * P,)
    high: Counts
    clipped: Counts
    squares: Counts  # (blocks * T * R,)
    magnitudes: Counts
    non_zeros: Counts


class Cells(NamedTuple):
    """Cells of one tile."""

    pitch: int
    slices: int
    rows: int  # driven rows
    shot_row: int  # first row of the shot noise in the variance
    noise_rows: int  # rows of the variance to sum over
    states: int
    inputs: int
    outputs: int  # logical, as the states
    weights: Floats
    weight_start: Counts
    weight_row: Counts
    weight_value: Floats
    variance: Floats
    variance_start: Counts
    variance_row: Counts
    variance_value: Floats
    pairs: NDArray[np.int32]
    pair_start: Counts
    pair_row: Counts
    pair_value: NDArray[np.int32]
    pair_unit: Floats
    pair_offset: NDArray[np.int32]
    flat_variance: Floats
    extra_variance: Floats
    paired: bool
    sparse_weights: bool
    sparse_variance: bool
    flat_noise: bool
    noisy: bool


class Chain(NamedTuple):
    """Converters, requantisers, accumulators and wiring of one tile."""

    adc_scale: Floats
    adc_offset: Floats
    adc_table: Floats
    slice_gain: Floats
    gain: Floats
    source: Numbers  # of the states that increments are added to
    sign: Floats
    dac_levels: Floats
    dac_steps: Floats
    pulse_power: Floats
    input_channel: Counts
    output_line: Counts
    adc_low: Float
    adc_high: Float
    state_limit: Float
    output_limit: Float
    zero: Float
    half: Float
    one: Float
    drive_limit: Float  # of the codes that states drive
    drive_gain: Float  # 2**-k: of a state in its drive code
    drive_step: Float  # 2**k
    half_step: Float
    dac_zero: int
    dac_gain: Float  # steps of the driver per code
    dac_unit: Float  # codes per step, in two parts
    dac_rest: Float
    has_dac: bool
    has_steps: bool
    has_shot: bool
    has_table: bool
    even_steps: bool  # the DAC's tables are multiples of these
    fused: bool
    accumulates: bool
    feeds_back: bool  # what is cut off drives with the next state
    exchanges: bool  # states change places or signs before increments are added
    apart: int  # columns between states that change places, whole vectors; 0: see source
    signs_apart: bool  # a code drives one of two rows, by its sign


class Slot(NamedTuple):
    """One block of samples on one tile: what to run and where the results go."""

    two_pass: bool
    flush: int
    steps: int
    first_step: int
    valid: int
    number: int  # noise coordinate
    keys: NDArray[np.uint32]
    codes: NDArray[np.int16]
    state: NDArray[np.int32]
    rest: NDArray[np.int32]
    out: NDArray[np.int32]
    low: Counts
    high: Counts
    clipped: Counts
    squares: Counts
    magnitudes: Counts
    non_zeros: Counts


class Tile(NamedTuple):
    """One tile with one block of samples."""

    array: Cells
    chain: Chain
    job: Slot


class Work(NamedTuple):
    """Work space of one thread: pointers into one stretch of memory that fits the first cache."""

    code: Floats
    sums: Floats
    squared: Floats
    squares: Floats
    magnitudes: Floats
    used: Floats
    low: Floats
    high: Floats
    clipped: Floats
    parts: Floats
    variances: Floats  # of 32 samples: at last the deviations
    v: Floats  # analog values in a read, exchanged states behind it
    held: Floats  # states in accumulators
    rest: Floats  # what was cut off the last states that drove
    pairs: NDArray[np.int32]  # squared codes, two rows to a number
    halves: NDArray[np.int16]  # the same memory, row after row
    totals: NDArray[np.int32]  # sums of the pairs of a single sample
    common: NDArray[np.int32]  # what the sums of 32 samples' pairs start from, see _lanes
    order: NDArray[np.uint32]  # steps and pairs of columns of a stretch, see normal.fill_steps
    keys: NDArray[np.uint32]
    normals: NDArray[np.float32]


class Space(NamedTuple):
    """The memory behind a :class:`Work`."""

    floats: Floats
    pairs: NDArray[np.int32]
    halves: NDArray[np.int16]
    totals: NDArray[np.int32]
    order: NDArray[np.uint32]
    keys: NDArray[np.uint32]
    normals: NDArray[np.float32]
