"""Reads of one crossbar: codes to sums, by the compiled loops of the chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.energy import read_energy
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.functional.configured import driver, periphery
from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.read_circuit import DenseWiring

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.api.crossbar_array import Sensed
    from imssa_sim.api.crossbar_cost import Meter, TilePrices
    from imssa_sim.config.schema import HardwareConfig

    FloatArray = NDArray[np.float64]

LEVELS = ("mid_tread", "mid_rise")


@dataclass(frozen=True)
class Range:
    """Range of the converters [weight units x code units], None: what no codes exceed."""

    largest: FloatArray | None
    levels: str

    def converters(self, lines: Sensed, limit: int, bits: int) -> tuple[Converters, FloatArray]:
        """Return the converters without errors, and (2, C): the sum of code 0, the sum per code."""
        columns = lines.tiles.weights.shape[2]
        if self.largest is None:
            span = np.full(columns, np.abs(lines.tiles.weights).sum(axis=1).max() * limit or 1.0)
        elif lines.join == "pairs" and self.largest.ndim:
            span = np.repeat(self.largest, 2)
        elif lines.join == "unit_column" and self.largest.ndim:  # has the widest range
            span = np.append(self.largest, self.largest.max())
        else:
            span = np.broadcast_to(self.largest, (columns,))
        if lines.signs_apart:
            top = (1 << bits) - 1
            step, low, zero = span / top, 0, np.zeros(columns)
            half = np.full(columns, 0.5)
        elif self.levels == "mid_tread":
            top = max(1, (1 << (bits - 1)) - 1)
            step, low, zero = span / top, -top, np.zeros(columns)
            half = np.full(columns, 0.5)
        else:
            top = (1 << bits) - 1
            step, low, zero = 2 * span / top, 0, -span
            half = np.full(columns, top / 2 + 0.5)
        return Converters((1 / step)[None], half[None], low, top), np.stack([zero, step])


def read(
    lines: Sensed,
    codes: NDArray[np.int16],
    hardware: HardwareConfig,
    limit: int,
    ranged: Range,
    meter: Meter,
    prices: TilePrices,
    *,
    seed: int,
    chip: int,
    site: int,
) -> FloatArray:
    """Return sums (n, C) [weight units x code units] for codes (n, R), and count what it took."""
    tiles = lines.tiles
    _, rows, columns = tiles.weights.shape
    _count(lines, codes, hardware, limit, meter, prices)
    first = meter.reads - len(codes)
    if hardware.ideal:
        sums = codes.astype(np.float64) @ tiles.weights[0]
    else:
        nominal, (zero, step) = ranged.converters(lines, limit, hardware.adc.bits)
        where = Coordinates(seed, chip, site)
        circuit = read_circuit(
            tiles, periphery(hardware), nominal, rows_used=np.array([rows]),
            columns_used=np.array([columns]), limit=limit, where=where,
            dac_steps=driver(hardware).steps(limit),
        )  # fmt: skip
        packed = pack_dense(circuit, DenseWiring(np.array([0])), dtype=np.float64)
        found = read_dense(
            packed, codes, sample_ids=0, steps=first + np.arange(len(codes)), seed=seed, chip=chip,
            site=site,
        )  # fmt: skip
        sums = zero + found.outputs[:, 0] * step
    total = codes.sum(axis=1, dtype=np.int64)[:, None]
    return np.asarray(lines.joined(sums) - lines.constant * total)


def _count(
    lines: Sensed,
    codes: NDArray[np.int16],
    hardware: HardwareConfig,
    limit: int,
    meter: Meter,
    prices: TilePrices,
) -> None:
    """Count the reads, their time and their energy."""
    tile, dac, tiles = hardware.chip.tile, hardware.dac, lines.tiles
    each_row = hardware.chip.tile.lines_per_row
    columns = tiles.weights.shape[2] // hardware.chip.tile.columns_per_weight
    each, time = prices.read(tiles.weights.shape[1] // each_row, columns)
    reads = len(codes)
    meter.reads += reads
    meter.time += reads * time
    for kind, joules in each.items():
        meter.add(kind, reads * joules)
    taken = driver(hardware).steps(limit)
    steps = codes.astype(np.int64) if taken is None else taken[codes.astype(np.int64) + limit]
    size = np.abs(steps)
    cells = read_energy(
        tiles.row_conductance[0],
        encoding=dac.encoding,
        top=driver(hardware).top(limit),
        read_voltage=tile.read_voltage,
        read_time=tile.read_time,
        lsb_time=dac.lsb_time,
        sum_squares=(size**2).sum(axis=0),
        sum_magnitudes=size.sum(axis=0),
        bits_set=np.bitwise_count(np.abs(codes)).sum(axis=0, dtype=np.int64),
    )
    meter.add("array", float(cells.sum()))
