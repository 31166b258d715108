"""Crossbar tiles packed for the recurrent kernel.

Shapes: T tiles, R rows, C columns, P columns padded to whole vectors, S state rows, I input rows,
O output columns per tile (the largest of all tiles; the rest is padding). With K slices a weight
takes K columns that stand side by side: column j·K + k is slice k of the logical column j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels._packing import (
    SQUARE,
    ColumnLists,
    aligned_zeros,
    column_lists,
    converter_tables,
    even_lists,
    noise_pairs,
    padded,
    with_shot,
    working_type,
)
from imssa_sim.kernels.ops import LANES

SPARSE_BELOW = 0.25  # share of non-zero cells below which a product goes cell by cell
SQUARES = 2**22  # largest sum of squared codes that leaves a variance 9 bits on average


class TileArrays(NamedTuple):
    """What the compiled kernels read: flat arrays, all floats of one type (float32 or float64)."""

    rows: int  # R
    pitch: int  # P
    slices: int  # K
    slice_gain: NDArray[Any]  # (T * P,) of a slice's ADC codes in the logical column's code
    n_states: NDArray[np.int64]  # (T,)
    n_inputs: NDArray[np.int64]  # (T,)
    n_outputs: NDArray[np.int64]  # (T,)
    input_channel: NDArray[np.int64]  # (T * I,)
    output_line: NDArray[np.int64]  # (T * O,) line of the result, -1: not given out
    weights: NDArray[Any]  # (T * R * P,)
    noise_rows: int  # N, R without shot noise
    variance: NDArray[Any]  # (T * N * P,) excess of the read-noise variance over the flat one
    pairs: NDArray[np.int32]  # (T * H * P,) or (0,): the same excess, see noise_pairs
    pair_unit: NDArray[Any]  # (T * P,) variance that a 1 in pairs stands for
    pair_offset: NDArray[np.int32]  # (T * P,) what Winograd's product starts from
    pulse_power: NDArray[Any]  # (2 * limit + 1,) or (0,): no shot noise
    weight_cells: ColumnLists
    variance_cells: ColumnLists
    pair_cells: ColumnLists
    sparse_weights: bool
    sparse_variance: bool
    flat_noise: bool  # any flat variance
    noisy: bool  # any variance at all
    flat_variance: NDArray[Any]  # (T * P,)
    extra_variance: NDArray[Any]  # (T * P,)
    adc_scale: NDArray[Any]  # (T * P,)
    adc_offset: NDArray[Any]  # (T * P,)
    adc_table: NDArray[Any]  # (T * levels * P,) or (0,): identity
    gain: NDArray[Any]  # (T * P,) multiplier / 2**shift of logical state and output columns
    dac_levels: NDArray[Any]  # (2 * limit + 1,) or (0,): identity
    limits: NDArray[Any]  # ADC low, ADC high, state limit, output limit; 0, 1/2, 1
    dac_zero: int  # place of code 0 in dac_levels
    flush: int  # steps after which statistics kept in floats go to integers
    fused: bool  # output requantiser applied in the kernel


@dataclass(frozen=True)
class RecurrentTiles:
    """Tiles of one stage, ready for :func:`imssa_sim.kernels.recurrent.run_recurrent`."""

    arrays: TileArrays
    columns: int  # C
    states: int  # S
    outputs: int  # O
    channels: int  # of the fused output

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.arrays.n_states)

    @property
    def logical(self) -> int:
        """Logical columns of a tile."""
        return self.columns // self.arrays.slices

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64, the type the kernel computes in."""
        return self.arrays.weights.dtype


def pack_tiles(
    weights: ArrayLike,
    *,
    n_states: ArrayLike,
    n_inputs: ArrayLike,
    n_outputs: ArrayLike,
    input_channel: ArrayLike,
    adc_scale: ArrayLike,
    adc_offset: ArrayLike,
    adc_low: int,
    adc_high: int,
    state_multiplier: ArrayLike,
    state_shift: ArrayLike,
    state_limit: int,
    input_limit: int,
    variance: ArrayLike | None = None,
    flat_variance: ArrayLike = 0.0,
    extra_variance: ArrayLike = 0.0,
    shot_variance: ArrayLike | None = None,
    pulse_power: ArrayLike | None = None,
    dac_levels: ArrayLike | None = None,
    adc_table: ArrayLike | None = None,
    output_channel: ArrayLike | None = None,
    output_multiplier: ArrayLike = 1,
    output_shift: ArrayLike = 1,
    output_limit: int = 0,
    channels: int = 0,
    slices: int = 1,
    slice_gain: ArrayLike = 1.0,
    dtype: Any = None,
    multiple: int = LANES,
) -> RecurrentTiles:
    """Check and pack the tiles of one stage.

    Parameters
    ----------
    weights : array_like
        Programmed weights with their errors, (T, R, C) [integer weight units]. Rows: states, then
        inputs. Columns: states in the order of their rows, then outputs. Padding is zero.
    n_states, n_inputs, n_outputs : array_like
        Rows and logical columns in use per tile, (T,).
    input_channel : array_like
        Channel that drives each input row, (T, I), -1 where unused.
    adc_scale, adc_offset : array_like
        ``adc = clip(floor(acc * adc_scale + adc_offset))``, broadcast to (T, C).
    adc_low, adc_high : int
        Range of the ADC's codes.
    state_multiplier, state_shift : array_like
        State requantiser, broadcast to (T, S).
    state_limit, input_limit : int
        Largest magnitude of a state code and of an input code.
    variance : array_like, optional
        Read-noise variance of a cell per squared code [weight units squared], (T, R, C).
        ``var_j = flat_variance_j * sum_i v_i**2 + sum_i (variance_ij - flat_variance_j) * v_i**2``:
        cells whose variance is the column's ``flat_variance`` cost nothing. Where squared codes are
        integers of 14 bits and rows few (up to 256 of 8 bits), what is left of the variances is
        rounded to integers: a sum is then wrong by at most ``unit_j / 2 * sum_i v_i**2``. Half a
        unit is the largest rest over 65,534, the lowest below zero over 32,768 or the sum of all
        times ``limit**2 / 2**32``, whichever is most.
    flat_variance : array_like
        Variance that most cells of a column share, broadcast to (T, C).
    extra_variance : array_like
        Constant noise variance at the ADC's input (thermal, ADC), broadcast to (T, C).
    shot_variance, pulse_power : array_like, optional
        Shot noise: ``var_j`` has the further term ``sum_i shot_ij * power(code_i)``; (T, R, C), and
        the power of each DAC code in the order of ``dac_levels``.
    dac_levels : array_like, optional
        Analog value of each DAC code [code units], index code + limit with
        ``limit = max(state_limit, input_limit)``; the identity if not given.
    adc_table : array_like, optional
        Code that stands for each code of the ideal ADC, (T, C, adc_high - adc_low + 1), index
        code - adc_low: integral non-linearity.
    output_channel, output_multiplier, output_shift, output_limit, channels
        Fused output: every channel has its one column, whose requantiser is applied in the
        kernel; (T, O), broadcast (T, O) twice, and two numbers. Without ``output_channel`` the
        kernel gives ADC codes.
    slices : int
        Columns K that hold one weight.
    slice_gain : array_like
        Powers of two that the codes of the slices are multiplied by, broadcast to (T, C), before
        they are added up to the code of the logical column.
    dtype : numpy.dtype, optional
        float32 or float64; by default float32 where all integer sums stay below 2**24.
    multiple : int
        Columns are padded to a multiple of this, itself a multiple of 16.

    Returns
    -------
    RecurrentTiles

    Raises
    ------
    ValueError
        If shapes do not agree or a number is not finite.
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 3:
        raise ValueError(f"weights must be (T, R, C), not {w.shape}")
    tiles, rows, columns = w.shape
    # Copies: the kernels would be compiled anew for arrays that may not be written to.
    ns, ni, no = (np.array(n, dtype=np.int64) for n in (n_states, n_inputs, n_outputs))
    used = (ns + no) * slices
    if np.any(ns + ni > rows) or np.any(used > columns) or min(ns.min(), ni.min(), no.min()) < 0:
        raise ValueError("a tile has more states, inputs or outputs than rows or columns")
    s_max, o_max = int(ns.max()), int(no.max())
    channel_in = np.array(input_channel, dtype=np.int64).reshape(tiles, -1)
    if channel_in.shape[1] < int(ni.max()):
        raise ValueError("input_channel has fewer columns than the largest n_inputs")
    fused = output_channel is not None
    given = np.arange(o_max) < no[:, None]
    if fused:
        lines = np.asarray(output_channel, dtype=np.int64).reshape(tiles, -1)[:, :o_max]
        lines = np.where(given, lines, -1)
        known = lines[lines >= 0]
        if len(np.unique(known)) != len(known) or np.any(known >= channels):
            raise ValueError("fused output: each channel must have exactly one column")
    else:
        lines = np.where(given, np.arange(tiles * o_max).reshape(tiles, o_max), -1)
    joined = 0.0
    if slices > 1:
        gains = np.broadcast_to(np.asarray(slice_gain, dtype=np.float64), (tiles, columns))
        parts = gains * (np.arange(columns) < used[:, None]) * max(abs(adc_low), abs(adc_high))
        joined = float(parts.reshape(tiles, -1, slices).sum(axis=2).max())
    if joined >= 2**31:
        raise ValueError("the slices' codes add up to more than 32 bits: narrow adc_low … adc_high")
    if dtype is None:
        dtype = working_type(w, max(state_limit, input_limit), adc_low, adc_high, joined)
    sums = np.abs(w).sum(axis=1).max(initial=0.0) * max(state_limit, input_limit)
    reach = sums * np.abs(np.asarray(adc_scale, dtype=np.float64)).max(initial=0.0)
    if min(reach, max(abs(adc_low), abs(adc_high))) >= 2**31:
        raise ValueError("ADC codes would not fit 32 bits: narrow adc_low … adc_high")
    gain = np.zeros((tiles, columns))
    state_gain = np.ldexp(np.asarray(state_multiplier, float), -np.asarray(state_shift, np.int64))
    output_gain = np.ldexp(
        np.asarray(output_multiplier, float), -np.asarray(output_shift, np.int64)
    )
    gain[:, :s_max] = np.broadcast_to(state_gain, (tiles, s_max))
    output_gain = np.broadcast_to(output_gain, (tiles, o_max))
    for t in range(tiles):
        gain[t, ns[t] : ns[t] + no[t]] = output_gain[t, : no[t]]
    shape = (tiles, columns)
    flat = np.broadcast_to(np.asarray(flat_variance, dtype=np.float64), shape)
    limit = max(state_limit, input_limit)
    excess: NDArray[np.float64] = np.zeros((tiles, rows, columns))
    driven = (np.arange(rows) < (ns + ni)[:, None])[:, :, None]
    if variance is not None:
        excess = (np.asarray(variance, dtype=np.float64) - flat[:, None, :]) * driven
    power = np.zeros(0)
    if shot_variance is not None:
        excess, power = with_shot(excess, shot_variance, pulse_power, ns + ni, limit)
    levels, table = converter_tables(
        dac_levels, adc_table, limit, w.shape, adc_high - adc_low, dtype, multiple
    )
    pitch = -(-columns // multiple) * multiple
    cells = int(((ns + ni) * used).sum())
    few = [bool(np.count_nonzero(m) < SPARSE_BELOW * cells) for m in (w, excess)]
    noise_rows = excess.shape[1]
    noisy = bool(np.any(excess) or np.any(flat) or np.any(extra_variance))
    whole = not (len(levels) or len(power)) and np.dtype(dtype) == np.float32
    paired = noisy and whole and limit**2 < SQUARE and rows * limit**2 <= SQUARES
    integers = noise_pairs(excess if paired else excess[:0], limit, multiple)
    pairs = aligned_zeros(integers.cells.size, np.int32)
    pairs[:] = integers.cells.ravel()
    if paired:
        excess = excess[:, :0]
    packed_weights, packed_excess = (padded(m, m.shape, dtype, multiple) for m in (w, excess))
    listed_pairs = column_lists(pairs, few[1], tiles, len(pairs) // (tiles * pitch), pitch)
    extra = padded(extra_variance, shape, dtype, multiple)
    mantissa = 2**24 if np.dtype(dtype) == np.float32 else 2**53
    arrays = TileArrays(
        rows=rows,
        pitch=pitch,
        slices=slices,
        slice_gain=padded(slice_gain, shape, dtype, multiple),
        n_states=ns,
        n_inputs=ni,
        n_outputs=no,
        input_channel=channel_in.ravel(),
        output_line=lines.ravel(),
        weights=packed_weights,
        noise_rows=noise_rows,
        variance=packed_excess,
        pairs=pairs,
        pair_unit=padded(integers.unit, integers.unit.shape, dtype, multiple),
        pair_offset=padded(integers.start, integers.start.shape, np.int32, multiple),
        pulse_power=power.astype(dtype),
        weight_cells=column_lists(packed_weights, few[0], tiles, rows, pitch),
        variance_cells=column_lists(packed_excess, few[1], tiles, excess.shape[1], pitch),
        pair_cells=even_lists(listed_pairs),
        sparse_weights=few[0],
        sparse_variance=few[1],
        flat_noise=bool(np.any(flat)),
        noisy=noisy,
        flat_variance=padded(flat, shape, dtype, multiple),
        extra_variance=extra,
        adc_scale=padded(adc_scale, shape, dtype, multiple),
        adc_offset=padded(adc_offset, shape, dtype, multiple),
        adc_table=table,
        gain=padded(gain, shape, dtype, multiple),
        dac_levels=levels,
        limits=np.array([adc_low, adc_high, state_limit, output_limit, 0, 0.5, 1], dtype=dtype),
        dac_zero=limit,
        flush=min(mantissa // (2 * limit * limit), 2**20),
        fused=fused,
    )
    return RecurrentTiles(arrays, columns, s_max, o_max, int(channels))
