"""Operations that one stage performs per token, by the part of the chip that performs them.

Rules of counting (``count`` for energy, ``serial`` of the busiest instance for time):

* A tile read drives every used word line once and converts every column that the read is for;
  the ADCs of a tile share its columns evenly. Bit-serial drives and reads once per magnitude bit
  and integrates the pulses on the column before one conversion.
* One requantiser, one adder for partial sums and one that joins slices stand behind each ADC.
* The vector unit does one action per lane and cycle.
* A bus moves ``width`` bits per link and cycle: ``count`` is in words, ``serial`` in cycles. The
  SRAM port of a FIFO is as wide as the bus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.components.action import Action
from imssa_sim.components.path import BUS, OFF_CHIP, VECTOR
from imssa_sim.mapping.program import KernelTiles
from imssa_sim.mapping.tiles import rows_and_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imssa_sim.components.action import ComponentKind
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import LinearTiles

    IntArray = NDArray[np.int64]


def _ceil(count: int, instances: int) -> int:
    return -(-count // instances)


def pulses_per_read(hardware: HardwareConfig, code_bits: int) -> int:
    """Return how often the word lines are driven for one product: magnitude bits, otherwise once.

    Parameters
    ----------
    hardware : HardwareConfig
    code_bits : int
        Width of the widest code on a word line, sign included; the sign is the pulse's polarity.
    """
    return max(1, code_bits - 1) if hardware.dac.encoding == "bit_serial" else 1


def driven_bits(hardware: HardwareConfig, code_bits: int) -> int:
    """Return the bits of what a driver applies, sign included: the codes' or its own, the fewer.

    Bit-serial drivers apply one bit after another, whatever their own are.
    """
    dac = hardware.dac
    return dac.bits if dac.encoding == "bit_serial" else min(dac.bits, code_bits)


def vector(
    hardware: HardwareConfig, kind: ComponentKind, verb: str, count: int, bits: int
) -> Action:
    """Return an action of a vector unit."""
    lanes = hardware.digital.vector_lanes
    card = hardware.digital.card
    return Action(VECTOR, kind, verb, count, lanes, _ceil(count, lanes), bits, card)


def transfer(hardware: HardwareConfig, words: int, bits: int) -> Action:
    """Return the transfer of ``words`` over one link of the on-chip bus."""
    cycles = _ceil(words * bits, hardware.bus.width)
    return Action(BUS, "bus", "transfer", words, 1, cycles, bits, hardware.bus.card)


def off_chip(hardware: HardwareConfig, words: int, bits: int) -> Action:
    """Return the transfer of ``words`` across the chip's edge, one after another."""
    return Action(OFF_CHIP, "off_chip", "transfer", words, 1, words, bits, hardware.off_chip.card)


def fifo(hardware: HardwareConfig, path: str, words: int, bits: int) -> tuple[Action, Action]:
    """Return the write to, and the read from, the FIFO behind a stage."""
    beats = _ceil(words * bits, hardware.bus.width)
    component, card = f"{path}.buffer", hardware.memory.card
    return (
        Action(component, "buffer", "write", words, 1, beats, bits, card),
        Action(component, "buffer", "read", words, 1, beats, bits, card),
    )


def tile_read(
    hardware: HardwareConfig, path: str, rows: IntArray, columns: IntArray, code_bits: int
) -> tuple[Action, Action, Action]:
    """Return drive, read and conversions of one read of a set of tiles.

    Parameters
    ----------
    rows : (T,)
        Word lines that are driven, per tile; tiles with none are not read.
    columns : (T,)
        Logical columns that are converted, per tile, each slice of them by itself.
    code_bits : int
        Width of the widest code on a word line.
    """
    pulses = pulses_per_read(hardware, code_bits)
    per_tile, tiles, read = hardware.adc.per_tile, len(rows), int((rows > 0).sum())
    drivers = hardware.chip.tile.rows * tiles
    bits = driven_bits(hardware, code_bits)
    cell, dac, adc = hardware.chip.tile.cell, hardware.dac, hardware.adc
    slices = hardware.chip.tile.slices
    driven, converted = int(rows.sum()), int(columns.sum()) * slices
    busiest = _ceil(int(columns.max()) * slices, per_tile)
    return (
        Action(f"{path}.dac", "dac", "drive", driven * pulses, drivers, pulses, bits, dac.card),
        Action(f"{path}.array", "array", "read", read * pulses, tiles, pulses, bits, cell),
        Action(
            f"{path}.adc",
            "adc",
            "convert",
            converted,
            tiles * per_tile,
            busiest,
            adc.bits,
            adc.card,
        ),
    )


def behind_adc(
    hardware: HardwareConfig,
    path: str,
    kind: ComponentKind,
    verb: str,
    tiles: int,
    count: int,
    bits: int,
) -> Action:
    """Return an action of the requantisers or adders that stand behind a tile set's ADCs."""
    units = tiles * hardware.adc.per_tile
    return Action(path, kind, verb, count, units, _ceil(count, units), bits, hardware.digital.card)


def joined_slices(hardware: HardwareConfig, path: str, columns: IntArray) -> list[Action]:
    """Return the additions, shifted by wiring, that join the slices of columns (T,); or none."""
    count = int(columns.sum()) * (hardware.chip.tile.slices - 1)
    if not count:
        return []
    return [
        behind_adc(
            hardware, f"{path}.slices", "shift_add", "add", len(columns), count, hardware.adc.bits
        )
    ]


def partial_sums(tiles: KernelTiles | LinearTiles, outputs: int) -> int:
    """Return the additions that join the partial sums of ``outputs`` values."""
    if isinstance(tiles, KernelTiles):
        return int(tiles.n_outputs.sum()) - outputs
    _, columns = rows_and_columns(tiles)
    return int(columns.sum()) - outputs
