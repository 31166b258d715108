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
        Codes that are applied, per tile, each on its word line or its two lines; tiles with none
        are not read.
    columns : (T,)
        Logical columns that are converted, per tile, each slice or sign of them by itself.
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
    each = hardware.chip.tile.columns_per_weight
    driven = int(rows.sum()) * hardware.chip.tile.lines_per_row
    converted = int(columns.sum()) * each
    most = busiest(int(columns.max()) * each, per_tile)
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


def joint(hardware: HardwareConfig) -> str:
    """Return the name of the adders that join the columns of one weight."""
    return "signs" if hardware.chip.tile.signs_apart else "slices"


def additions_per_product(hardware: HardwareConfig, code_bits: int) -> int:
    """Return the additions that join a column: of slices or signs, phases, pulses."""
    columns = hardware.chip.tile.columns_per_weight
    return columns * conversions_per_product(hardware, code_bits) - 1


def joined_slices(
    hardware: HardwareConfig, path: str, columns: IntArray, code_bits: int
) -> list[Action]:
    """Return the additions, shifted by wiring, that join conversions of columns (T,); or none."""
    count = int(columns.sum()) * additions_per_product(hardware, code_bits)
    if not count:
        return []
    where, bits = f"{path}.{joint(hardware)}", hardware.adc.bits
    action = behind_adc(hardware, where, "shift_add", "add", len(columns), count, bits)
    if hardware.adc.each_pulse:  # those of all pulses but the last are added meanwhile
        each = hardware.chip.tile.columns_per_weight * hardware.dac.phases
        action = replace(action, serial=busiest(int(columns.sum()) * each, action.instances))
    return [action]
