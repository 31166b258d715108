"""Crossbar tiles packed for the recurrent kernel.

Shapes: T tiles, R rows, C columns, P columns padded to whole vectors, S state rows, I input rows,
O output columns per tile (the largest of all tiles; the rest is padding). With K slices a weight
takes K columns that stand side by side: column j·K + k is slice k of the logical column j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels._packing import (
    ColumnLists,
    aligned_zeros,
    column_lists,
    converter_tables,
    even_lists,
    even_steps,
    padded,
    working_type,
)
from imssa_sim.kernels.ops import LANES
from imssa_sim.kernels.read_circuit import (
    Exchange,
    FloatArray,
    FusedOutput,
    IntArray,
    ReadCircuit,
    RecurrentWiring,
)
from imssa_sim.kernels.read_noise.packing import SQUARE, noise_pairs, with_shot

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
    source: NDArray[np.int32]  # (T * P,) or (0,): place of the state that an increment is added to
    sign: NDArray[Any]  # (T * P,) or (0,): 1 or -1, by which that is multiplied
    dac_levels: NDArray[Any]  # (2 * limit + 1,) or (0,): identity
    dac_steps: NDArray[Any]  # (2 * limit + 1,) or (0,): identity
    limits: NDArray[Any]  # the order of _tile.Chain: adc_low … half_step
    dac_zero: int  # place of code 0 in dac_levels
    dac_grid: NDArray[Any]  # (3,) steps per code, codes per step in two parts; 0: see the tables
    flush: int  # steps after which statistics kept in floats go to integers
    fused: bool  # output requantiser applied in the kernel
    accumulates: bool  # states lie in accumulators, of which the top bits drive
    feeds_back: bool  # what is cut off drives with the next state
    exchanges: bool  # states change places or signs before increments are added
    apart: int  # columns between states that change places, whole vectors; 0: see source
    signs_apart: bool  # a code drives one of two rows, by its sign


@dataclass(frozen=True)
class RecurrentTiles:
    """A set of tiles, ready for :func:`imssa_sim.kernels.recurrent.run_recurrent`."""

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
    circuit: ReadCircuit, wiring: RecurrentWiring, *, dtype: Any = None, multiple: int = LANES
) -> RecurrentTiles:
    """Lay a set of tiles out for the compiled loops.

    Where squared codes are integers of 14 bits and rows few (up to 256 of 8 bits), the cells'
    ``variance`` is rounded to integers: a sum of ``unit_j`` is then wrong by at most
    ``unit_j / 2 * sum_i v_i**2``. Half a unit is the largest variance over 65,534, the lowest below
    zero over 32,768 or the sum of all times ``limit**2 / 2**32``, whichever is most.

    Parameters
    ----------
    circuit : ReadCircuit
    wiring : RecurrentWiring
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
        If circuit and wiring do not agree, a number is not finite or a code has too many bits.
    """
    w, limit, slices = circuit.weights, circuit.limit, circuit.slices
    low, high, state_limit = circuit.adc_low, circuit.adc_high, wiring.state_limit
    tiles, rows, columns = w.shape
    # Copies: the kernels would be compiled anew for arrays that may not be written to.
    ns = np.array(wiring.n_states, dtype=np.int64)
    driving = circuit.rows_used // (2 if wiring.signs_apart else 1)
    ni, no = (np.array(u - ns, dtype=np.int64) for u in (driving, circuit.columns_used))
    used = circuit.columns_used * slices
    if min(ns.min(), ni.min(), no.min()) < 0:
        raise ValueError("a tile has more states than rows or columns in use")
    behind = wiring.accumulator
    driven = state_limit if behind is None else behind.drive_limit
    if driven > limit:
        raise ValueError(f"states drive up to {driven}, beyond the {limit} of the word lines")
    s_max, o_max = int(ns.max()), int(no.max())
    channel_in = np.array(wiring.input_channel, dtype=np.int64).reshape(tiles, -1)
    if channel_in.shape[1] < int(ni.max()):
        raise ValueError("input_channel has fewer columns than the largest number of input rows")
    lines = _lines(wiring.output, no)
    joined = 0.0
    if slices > 1:
        gains = np.broadcast_to(circuit.slice_gain, (tiles, columns))
        parts = np.abs(gains) * (np.arange(columns) < used[:, None]) * max(abs(low), abs(high))
        joined = float(parts.reshape(tiles, -1, slices).sum(axis=2).max())
    if joined >= 2**31:
        raise ValueError("the slices' codes add up to more than 32 bits: narrow adc_low … adc_high")
    if dtype is None:
        dtype = working_type(w, limit, low, high, joined)
    sums = np.abs(w).sum(axis=1).max(initial=0.0) * limit
    reach = sums * np.abs(circuit.adc_scale).max(initial=0.0)
    if min(reach, max(abs(low), abs(high))) >= 2**31:
        raise ValueError("ADC codes would not fit 32 bits: narrow adc_low … adc_high")
    shape = (tiles, columns)
    excess: FloatArray = np.zeros((tiles, rows, columns))
    if circuit.variance is not None:
        excess = circuit.variance * (np.arange(rows) < circuit.rows_used[:, None])[:, :, None]
    power = np.zeros(0)
    if circuit.shot is not None:
        excess, power = with_shot(excess, circuit.shot, circuit.rows_used)
    levels, table = converter_tables(circuit, dtype, multiple)
    pitch = -(-columns // multiple) * multiple
    cells = int((circuit.rows_used * used).sum())
    few = [bool(np.count_nonzero(m) < SPARSE_BELOW * cells) for m in (w, excess)]
    noise_rows = excess.shape[1]
    flat = np.broadcast_to(circuit.flat_variance, shape)
    noisy = bool(np.any(excess) or np.any(flat) or np.any(circuit.constant_variance))
    whole = not (len(levels) or len(power)) and np.dtype(dtype) == np.float32
    paired = noisy and whole and limit**2 < SQUARE and rows * limit**2 <= SQUARES
    integers = noise_pairs(excess if paired else excess[:0], limit, multiple)
    pairs = aligned_zeros(integers.cells.size, np.int32)
    pairs[:] = integers.cells.ravel()
    if paired:
        excess = excess[:, :0]
    packed_weights, packed_excess = (padded(m, m.shape, dtype, multiple) for m in (w, excess))
    listed_pairs = column_lists(pairs, few[1], tiles, len(pairs) // (tiles * pitch), pitch)
    mantissa = 2**24 if np.dtype(dtype) == np.float32 else 2**53
    output, channels = wiring.output, 0
    output_limit = 0
    if output is not None:
        output_limit, channels = output.limit, output.channels
    step = 2.0 ** (0 if behind is None else behind.shift)
    limits = [low, high, state_limit, output_limit, 0, 0.5, 1, driven, 1 / step, step, step // 2]
    steps = circuit.dac_steps
    dac_steps = np.zeros(0, dtype) if steps is None else steps.astype(dtype)
    exchange = None if behind is None else behind.exchange
    source, sign = (aligned_zeros(0, kind) for kind in (np.int32, dtype))
    if exchange is not None:
        source, sign = _exchanged(exchange, ns, pitch, dtype)
    arrays = TileArrays(
        rows=rows,
        pitch=pitch,
        slices=slices,
        slice_gain=padded(circuit.slice_gain, shape, dtype, multiple),
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
        extra_variance=padded(circuit.constant_variance, shape, dtype, multiple),
        adc_scale=padded(circuit.adc_scale, shape, dtype, multiple),
        adc_offset=padded(circuit.adc_offset, shape, dtype, multiple),
        adc_table=table,
        gain=padded(_gains(wiring, ns, no, shape), shape, dtype, multiple),
        source=source,
        sign=sign,
        dac_levels=levels,
        dac_steps=dac_steps,
        limits=np.array(limits, dtype=dtype),
        dac_zero=limit,
        dac_grid=even_steps(levels, dac_steps),
        flush=min(mantissa // (2 * limit * limit), 2**20),
        fused=output is not None,
        accumulates=behind is not None,
        feeds_back=behind is not None and behind.feedback,
        exchanges=exchange is not None,
        apart=_apart(source.reshape(-1, pitch), s_max),
        signs_apart=wiring.signs_apart,
    )
    return RecurrentTiles(arrays, columns, s_max, o_max, channels)


def _lines(output: FusedOutput | None, n_outputs: IntArray) -> IntArray:
    """Return the line of the result that each output column (T, O) gives, -1 where none."""
    tiles, most = len(n_outputs), int(n_outputs.max())
    given = np.arange(most) < n_outputs[:, None]
    if output is None:
        return np.where(given, np.arange(tiles * most).reshape(tiles, most), -1)
    channel = np.asarray(output.channel, dtype=np.int64).reshape(tiles, -1)[:, :most]
    lines = np.where(given, channel, -1)
    known = lines[lines >= 0]
    if len(np.unique(known)) != len(known) or np.any(known >= output.channels):
        raise ValueError("output in the kernel: each channel must have exactly one column")
    return lines


def _exchanged(
    exchange: Exchange, n_states: IntArray, pitch: int, dtype: Any
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return places and signs (T * P,) of the states that increments are added to."""
    shape = len(n_states), int(n_states.max())
    source = np.asarray(exchange.source)[:, : shape[1]]
    sign = np.asarray(exchange.sign)[:, : shape[1]]
    if source.shape != shape or sign.shape != shape:
        raise ValueError(f"source and sign must be {shape}, not {source.shape} and {sign.shape}")
    within = np.arange(shape[1]) < n_states[:, None]
    if np.any(within & ((source < 0) | (source >= n_states[:, None]) | (np.abs(sign) != 1))):
        raise ValueError("source must name states of the tile, and sign be 1 or -1")
    places = np.tile(np.arange(pitch, dtype=np.int32), (shape[0], 1))
    signs = np.ones(places.shape, dtype)
    places[:, : shape[1]] = np.where(within, source, places[:, : shape[1]])
    signs[:, : shape[1]] = np.where(within, sign, 1)
    return padded(places, places.shape, np.int32), padded(signs, signs.shape, dtype)


def _apart(places: NDArray[np.int32], states: int) -> int:
    """Return the columns between states (T, P) that change places, 0 where vectors mix."""
    pitch = places.shape[1]
    distances = np.unique(places ^ np.arange(pitch))
    moved = distances[distances > 0]
    if len(moved) != 1 or moved[0] % LANES:
        return 0
    vectors = np.arange(0, states, LANES) ^ moved[0]
    return int(moved[0]) if vectors.max() < pitch else 0


def _gains(
    wiring: RecurrentWiring, n_states: IntArray, n_outputs: IntArray, shape: tuple[int, int]
) -> FloatArray:
    """Return the gains of the requantisers behind the logical columns, within (T, C)."""
    gain = np.zeros(shape)
    states = int(n_states.max())
    gain[:, :states] = np.broadcast_to(wiring.state_gain, (len(gain), states))
    most = int(n_outputs.max())
    of_outputs = np.broadcast_to(
        1.0 if wiring.output is None else wiring.output.gain, (len(gain), most)
    )
    for t, (s, o) in enumerate(zip(n_states, n_outputs, strict=True)):
        gain[t, s : s + o] = of_outputs[t, :o]
    return gain
