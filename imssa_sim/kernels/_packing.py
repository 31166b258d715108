"""Cells and converter parameters laid out for the kernels: padded, listed, in pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.kernels.ops import LANES
from imssa_sim.kernels.read_circuit import ReadCircuit


class ColumnLists(NamedTuple):
    """The non-zero cells of each column, in the order of the rows."""

    start: NDArray[np.int64]  # (T * P + 1,)
    row: NDArray[np.int64]
    value: NDArray[Any]


def aligned_zeros(count: int, dtype: Any) -> NDArray[Any]:
    """A flat array of zeros that starts at a cache line."""
    size = np.dtype(dtype).itemsize
    raw = np.zeros(count + 64 // size, dtype=dtype)
    skip = (-raw.ctypes.data % 64) // size
    return raw[skip : skip + count]


def padded(
    values: ArrayLike, shape: tuple[int, ...], dtype: Any, multiple: int = LANES
) -> NDArray[Any]:
    """A finite array of ``shape``, its last axis padded with zeros to whole vectors, flat."""
    values = np.broadcast_to(np.asarray(values, dtype=np.float64), shape)
    if not np.all(np.isfinite(values)):
        raise ValueError("weights, variances and converter parameters must be finite")
    width = -(-shape[-1] // multiple) * multiple
    out = aligned_zeros(int(np.prod(shape[:-1])) * width, dtype)
    out.reshape(*shape[:-1], width)[..., : shape[-1]] = values
    return out


def column_lists(
    flat: NDArray[Any], listed: bool, tiles: int, rows: int, pitch: int
) -> ColumnLists:
    """Lists of the non-zero cells of a flat (T, R, P) array; empty unless ``listed``."""
    if not listed:
        return ColumnLists(np.zeros(tiles * pitch + 1, np.int64), np.zeros(0, np.int64), flat[:0])
    cells = flat.reshape(tiles, rows, pitch).transpose(0, 2, 1)
    tile, column, row = np.nonzero(cells)
    value = cells[tile, column, row]
    start = np.searchsorted(tile * pitch + column, np.arange(tiles * pitch + 1))
    return ColumnLists(start.astype(np.int64), row.astype(np.int64), value)


def even_lists(lists: ColumnLists) -> ColumnLists:
    """The lists with a zero behind each that has an odd number of cells."""
    ends = lists.start[1:][np.diff(lists.start) % 2 == 1]
    odd = np.append(0, np.cumsum(np.diff(lists.start) % 2))
    row, value = (np.insert(v, ends, 0) for v in (lists.row, lists.value))
    return ColumnLists(lists.start + odd, row, value)


def working_type(
    weights: NDArray[np.float64], limit: int, low: int, high: int, joined: float = 0.0
) -> Any:
    """float32 where sums of integer weights and codes stay exact (below 2**24), else float64.

    ``joined`` is the largest code that slices add up to.
    """
    if joined >= 2**24:
        return np.float64
    largest = float(np.abs(weights).sum(axis=1).max(initial=0.0)) * limit
    integer = bool(np.all(weights == np.rint(weights)))
    adc = min(largest, max(abs(low), abs(high))) if integer else max(abs(low), abs(high))
    exact = limit < 2048 and adc < 2**24 and (largest < 2**24 or not integer)
    return np.float32 if exact else np.float64


def converter_tables(
    circuit: ReadCircuit, dtype: Any, multiple: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """DAC and ADC tables, flat; empty where the converter is ideal."""
    codes = np.arange(-circuit.limit, circuit.limit + 1)
    levels = np.zeros(0)
    if circuit.dac_levels is not None and not np.array_equal(circuit.dac_levels, codes):
        levels = circuit.dac_levels
    if circuit.adc_table is None:
        return levels.astype(dtype), np.zeros(0, dtype)
    table = circuit.adc_table.transpose(0, 2, 1)
    return levels.astype(dtype), padded(table, table.shape, dtype, multiple)


def even_steps(levels: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
    """How to work the DAC's tables out, which takes a fraction of looking 16 codes up.

    Returns
    -------
    array (3,)
        g, u and r with ``step = floor(code * g + 1/2)`` and ``level = fma(step, u, step * r)`` for
        every code, bit for bit; zeros where the tables are not those of equal steps.
    """
    none = np.zeros(3, levels.dtype)
    limit = len(steps) // 2
    if len(levels) != len(steps) or not limit or levels.dtype != np.float32:
        return none
    exact = np.float64  # holds products of a single-precision number and a code, and sums of such
    gain = np.float32(steps[-1] / exact(limit))
    whole = exact(limit) / exact(steps[-1])
    unit = np.float32(whole)
    rest = np.float32(whole - exact(unit))
    wanted = np.floor(np.arange(-limit, limit + 1) * exact(gain) + 0.5)
    sums = steps.astype(exact) * exact(unit) + (steps * rest).astype(exact)
    found = sums.astype(np.float32)
    # Far enough from the middle between two numbers, rounding twice is rounding once.
    clear = np.abs(sums - found) < 0.499 * np.spacing(np.abs(found)).astype(exact)
    same = np.array_equal(wanted, steps) and np.array_equal(found, levels) and bool(clear.all())
    return np.array([gain, unit, rest], np.float32) if same else none
