"""One read of a set of tiles, up to what stands behind its converters.

Rules of counting (``count`` for energy, ``serial`` of the busiest instance for time):

* A read drives every used word line once and converts every column that the read is for; the ADCs
  of a tile share its columns evenly. Bit-serial drives and reads once per magnitude bit and
  integrates the pulses on the column before one conversion, or with ``adc.each_pulse`` converts
  each while the next one is read, so that only those of the last take time of their own.
* With ``dac.phases`` signs are read apart, one after another.
* One requantiser, one adder for partial sums and one that joins slices stand behind each ADC.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imssa_sim.components.action import Action, ComponentKind, busiest
from imssa_sim.components.dac import (
    conversions_per_product,
    driven_bits,
    drives_per_product,
    reads_per_product,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imssa_sim.config.schema import HardwareConfig

    IntArray = NDArray[np.int64]


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
    pulses = reads_per_product(hardware, code_bits)
    drives = drives_per_product(hardware, code_bits)
    conversions = conversions_per_product(hardware, code_bits)
    per_tile, tiles, read = hardware.adc.per_tile, len(rows), int((rows > 0).sum())
    drivers = hardware.chip.tile.rows * tiles
    bits = driven_bits(hardware, code_bits)
    cell, dac, adc = hardware.chip.tile.cell, hardware.dac, hardware.adc
    slices = hardware.chip.tile.slices
    driven, converted = int(rows.sum()), int(columns.sum()) * slices
    most = busiest(int(columns.max()) * slices, per_tile)
    return (
        Action(f"{path}.dac", "dac", "drive", driven * drives, drivers, pulses, bits, dac.card),
        Action(f"{path}.array", "array", "read", read * pulses, tiles, pulses, bits, cell),
        Action(
            f"{path}.adc",
            "adc",
            "convert",
            converted * conversions,
            tiles * per_tile,
            most * hardware.dac.phases,
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
    return Action(
        path, kind, verb, count, units, busiest(count, units), bits, hardware.digital.card
    )


def additions_per_product(hardware: HardwareConfig, code_bits: int) -> int:
    """Return the additions that join the conversions of a column: of slices, phases, pulses."""
    return hardware.chip.tile.slices * conversions_per_product(hardware, code_bits) - 1


def joined_slices(
    hardware: HardwareConfig, path: str, columns: IntArray, code_bits: int
) -> list[Action]:
    """Return the additions, shifted by wiring, that join conversions of columns (T,); or none."""
    count = int(columns.sum()) * additions_per_product(hardware, code_bits)
    if not count:
        return []
    action = behind_adc(
        hardware, f"{path}.slices", "shift_add", "add", len(columns), count, hardware.adc.bits
    )
    if hardware.adc.each_pulse:  # those of all pulses but the last are added meanwhile
        last = int(columns.sum()) * hardware.chip.tile.slices * hardware.dac.phases
        action = replace(action, serial=busiest(last, action.instances))
    return [action]
