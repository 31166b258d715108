"""Single reads of crossbar tiles by many tokens: the linear layers.

For each token n and tile::

    v     = DAC(codes)
    acc_j = sum_i W_ij v_i + sqrt(var_j) z_j,    var_j = flat_j * sum_i v_i**2 + sum_i S_ij v_i**2 + extra_j
    adc_j = clip(floor(acc_j * adc_scale_j + adc_offset_j), adc_low, adc_high)

Sums run over the rows in their order by fused multiply-adds: a token's result does not depend on
the other tokens.
"""  # noqa: E501

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels.normal import normal_pair
from imssa_sim.kernels.ops import floor_affine, fma
from imssa_sim.kernels.threefry import absorb, sample_keys
from imssa_sim.kernels.tiles import converter_tables, padded, working_type


class DenseArrays(NamedTuple):
    """What the compiled kernel reads; floats of one type, float32 or float64."""

    weights: NDArray[Any]  # (T, R, P)
    variance: NDArray[Any]  # (T, R, P) excess over ``flat_variance``
    flat_variance: NDArray[Any]  # (T, P)
    extra_variance: NDArray[Any]  # (T, P)
    adc_scale: NDArray[Any]  # (T, P)
    adc_offset: NDArray[Any]  # (T, P)
    row_start: NDArray[np.int64]  # (T,)
    row_count: NDArray[np.int64]  # (T,)
    column_count: NDArray[np.int64]  # (T,)
    dac_levels: NDArray[Any]  # (2 * limit + 1,) or (0,)
    adc_table: NDArray[Any]  # (T, levels, P), or no tile: identity
    adc_low: float
    adc_high: float


@dataclass(frozen=True)
class DenseTiles:
    """Tiles of one linear layer, ready for :func:`read_dense`."""

    arrays: DenseArrays
    columns: int
    noisy: bool


@dataclass(frozen=True)
class DenseResult:
    """What the reads of a linear layer's tiles gave."""

    outputs: NDArray[np.int32]  # (N, T, C) ADC codes
    saturated_low: NDArray[np.int64]  # (T, C)
    saturated_high: NDArray[np.int64]  # (T, C)
    sum_squares: NDArray[np.int64]  # (T, R) sum of squared codes over tokens
    sum_magnitudes: NDArray[np.int64]  # (T, R)
    non_zeros: NDArray[np.int64]  # (T, R)
    drives: int  # drives of each row: the number of tokens


def pack_dense(
    weights: ArrayLike,
    *,
    row_start: ArrayLike,
    row_count: ArrayLike,
    column_count: ArrayLike,
    adc_scale: ArrayLike,
    adc_offset: ArrayLike,
    adc_low: int,
    adc_high: int,
    input_limit: int,
    variance: ArrayLike | None = None,
    flat_variance: ArrayLike = 0.0,
    extra_variance: ArrayLike = 0.0,
    dac_levels: ArrayLike | None = None,
    adc_table: ArrayLike | None = None,
    dtype: Any = None,
) -> DenseTiles:
    """Check and pack the tiles of one linear layer.

    Parameters
    ----------
    weights : array_like
        Programmed weights with their errors, (T, R, C) [integer weight units], zero-padded.
    row_start, row_count, column_count : array_like
        First input, inputs and outputs of each tile, (T,).
    input_limit : int
        Largest magnitude of an input code.
    adc_scale, adc_offset, adc_low, adc_high, variance, flat_variance, extra_variance, \
dac_levels, adc_table, dtype
        As in :func:`imssa_sim.kernels.tiles.pack_tiles`.

    Returns
    -------
    DenseTiles

    Raises
    ------
    ValueError
        If shapes do not agree or a number is not finite.
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 3:
        raise ValueError(f"weights must be (T, R, C), not {w.shape}")
    tiles, rows, columns = w.shape
    start, count, used = (
        np.broadcast_to(np.asarray(n, dtype=np.int64), (tiles,)).copy()
        for n in (row_start, row_count, column_count)
    )
    if np.any(count > rows) or np.any(used > columns):
        raise ValueError("a tile has more inputs or outputs than rows or columns")
    if dtype is None:
        dtype = working_type(w, input_limit, adc_low, adc_high)
    flat = np.broadcast_to(np.asarray(flat_variance, dtype=np.float64), (tiles, columns))
    excess = np.zeros(w.shape)
    if variance is not None:
        in_use = np.arange(rows) < count[:, None]
        excess = (np.asarray(variance, dtype=np.float64) - flat[:, None, :]) * in_use[:, :, None]
    levels, table = converter_tables(
        dac_levels, adc_table, input_limit, w.shape, adc_high - adc_low, dtype
    )
    shape = (tiles, columns)
    arrays = DenseArrays(
        weights=padded(w, w.shape, dtype).reshape(tiles, rows, -1),
        variance=padded(excess, w.shape, dtype).reshape(tiles, rows, -1),
        flat_variance=padded(flat, shape, dtype).reshape(tiles, -1),
        extra_variance=padded(extra_variance, shape, dtype).reshape(tiles, -1),
        adc_scale=padded(adc_scale, shape, dtype).reshape(tiles, -1),
        adc_offset=padded(adc_offset, shape, dtype).reshape(tiles, -1),
        row_start=start,
        row_count=count,
        column_count=used,
        dac_levels=levels.astype(dtype),
        adc_table=table.reshape(tiles, adc_high - adc_low + 1, -1) if table.size else table.reshape(0, 0, 0),
        adc_low=float(adc_low),
        adc_high=float(adc_high),
    )
    noisy = bool(np.any(excess) or np.any(flat) or np.any(arrays.extra_variance))
    return DenseTiles(arrays, columns, noisy)


@njit
def _tile_keys(base, tile):  # type: ignore[no-untyped-def]
    keys = np.empty_like(base)
    for n in range(base.shape[0]):
        keys[n] = absorb(base[n, 0], base[n, 1], tile)
    return keys


@njit(nogil=True, cache=True)
def _read_tile(a, t, limit, keys, steps, codes, noisy, out,
               low, high, squares, magnitudes, non_zeros):  # type: ignore[no-untyped-def]  # fmt: skip
    """All tokens of one tile."""
    rows, columns = a.row_count[t], a.column_count[t]
    v = np.ones(max(rows, 1), a.weights.dtype)
    one = v[0]
    for n in range(codes.shape[0]):
        total = one - one
        for i in range(rows):
            code = np.int64(codes[n, a.row_start[t] + i])
            v[i] = a.dac_levels[code + limit] if a.dac_levels.size else code
            squares[t, i] += code * code
            magnitudes[t, i] += abs(code)
            non_zeros[t, i] += code != 0
            total = total + v[i] * v[i]
        for j in range(columns):
            acc = one - one
            for i in range(rows):
                acc = fma(a.weights[t, i, j], v[i], acc)
            if noisy:
                var = one - one
                for i in range(rows):
                    var = fma(a.variance[t, i, j], v[i] * v[i], var)
                var = fma(a.flat_variance[t, j], total, var) + a.extra_variance[t, j]
                pair = normal_pair(keys[n, 0], keys[n, 1], np.uint32(steps[n]), np.uint32(j >> 1))
                acc = fma(np.sqrt(var), one * (pair[1] if j & 1 else pair[0]), acc)
            code = floor_affine(acc, a.adc_scale[t, j], a.adc_offset[t, j], one)
            if code < a.adc_low:
                code = one * a.adc_low
                low[t, j] += 1
            elif code > a.adc_high:
                code = one * a.adc_high
                high[t, j] += 1
            if a.adc_table.size:
                code = a.adc_table[t, int(code - a.adc_low), j]
            out[n, t, j] = np.int32(code)


def read_dense(
    tiles: DenseTiles,
    codes: NDArray[np.int16],
    *,
    sample_ids: ArrayLike,
    steps: ArrayLike,
    seed: int,
    chip: int,
    stage: int,
    first_tile: int = 0,
    noise: bool = True,
    threads: int = 1,
) -> DenseResult:
    """Read the tiles of a linear layer once per token.

    Parameters
    ----------
    tiles : DenseTiles
        From :func:`pack_dense`.
    codes : numpy.ndarray
        Input codes, int16 (N, inputs); N tokens of any samples and steps.
    sample_ids, steps : array_like
        Sample and step of each token, (N,): noise coordinates.
    seed, chip, stage : int
        The other noise coordinates; the tile's own is ``first_tile`` + its index.
    noise : bool
        False leaves the noise out.
    threads : int
        Threads to use; the result does not depend on it.

    Returns
    -------
    DenseResult
    """
    a = tiles.arrays
    count = len(a.row_count)
    tokens = codes.shape[0]
    ids = np.broadcast_to(np.asarray(sample_ids, dtype=np.int64), (tokens,))
    at = np.ascontiguousarray(np.broadcast_to(np.asarray(steps, dtype=np.int64), (tokens,)))
    out = np.zeros((tokens, count, tiles.columns), np.int32)
    per_column = np.zeros((2, count, a.weights.shape[2]), np.int64)
    per_row = np.zeros((3, count, a.weights.shape[1]), np.int64)
    distinct, place = np.unique(ids, return_inverse=True)
    limit = (a.dac_levels.size - 1) // 2
    base = sample_keys(seed, chip, distinct, stage)

    def work(t: int) -> None:
        keys = _tile_keys(base, first_tile + t)[place]
        _read_tile(a, t, limit, keys, at, codes, noise and tiles.noisy, out, *per_column, *per_row)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        list(pool.map(work, range(count)))
    return DenseResult(
        outputs=out,
        saturated_low=per_column[0, :, : tiles.columns],
        saturated_high=per_column[1, :, : tiles.columns],
        sum_squares=per_row[0],
        sum_magnitudes=per_row[1],
        non_zeros=per_row[2],
        drives=tokens,
    )
