"""Circuits as a configuration asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imssa_sim.circuits.adc.behaviour import ADC_BEHAVIOURS, AdcBehaviour, ConverterBank
from imssa_sim.circuits.adc.dead import DeadConverters
from imssa_sim.circuits.adc.mismatch import CapacitorMismatch
from imssa_sim.circuits.adc.noise import ConverterNoise
from imssa_sim.circuits.adc.spread import Spread
from imssa_sim.circuits.array import CellArray
from imssa_sim.circuits.dac import WordLineDriver
from imssa_sim.circuits.faults import FaultRates
from imssa_sim.circuits.periphery import Periphery
from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.cell import Cell, load_cell
from imssa_sim.devices.programming import ConstantError

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig, WiresConfig


def cell_of(hardware: HardwareConfig) -> Cell:
    """Return the cell of the tiles.

    Raises
    ------
    InputError
        The card is faulty.
    """
    tile = hardware.chip.tile
    cell = load_cell(tile.cell)
    if tile.programming_sigma is None:
        return cell
    return replace(cell, programming=ConstantError(tile.programming_sigma))


def cell_array(hardware: HardwareConfig, limit: int = 0) -> CellArray:
    """Return the cells of the tiles with the effects that are on.

    Parameters
    ----------
    hardware : HardwareConfig
    limit : int
        Largest code on the word lines, on which the duration of a read depends; 0: no reads are
        meant, their noise is that of the card's own duration.

    Raises
    ------
    InputError
        The card is faulty.
    """
    tile, effects = hardware.chip.tile, hardware.effects
    ideal = CellArray(
        cell_of(hardware), tile.weights, tile.weight_scale, tile.slices, tile.devices,
        tile.spare_columns * tile.lines_per_row, tile.unformed,
    )  # fmt: skip
    if hardware.ideal:
        return replace(ideal, checked=False)
    rates = hardware.faults.model_dump(exclude={"dead_converters"})
    return replace(
        ideal,
        level_grid=effects.level_grid,
        programming_error=effects.programming_error,
        write_verify=effects.write_verify,
        relaxation=effects.relaxation,
        drift=effects.drift,
        drift_compensation=effects.drift_compensation,
        read_noise=effects.read_noise,
        read_time=driver(hardware).duration(limit) if effects.read_duration and limit else None,
        faults=FaultRates(**rates) if effects.faults else None,
        wires=wires(tile.wires) if effects.ir_drop else None,
        read_voltage=tile.read_voltage,
        temperature=hardware.chip.temperature,
    )


def wires(section: WiresConfig) -> Wires:
    """Return the resistances around the cells."""
    return Wires(**section.model_dump(exclude={"card"}))


def driver(hardware: HardwareConfig) -> WordLineDriver:
    """Return the drivers of the word lines with the effects that are on."""
    effects, dac, tile = hardware.effects, hardware.dac, hardware.chip.tile
    return WordLineDriver(
        bits=hardware.driver_bits,
        encoding=dac.encoding,
        read_voltage=tile.read_voltage,
        read_time=tile.read_time,
        lsb_time=dac.lsb_time,
        inl=dac.inl if effects.converter_errors else 0.0,
        dnl=dac.dnl if effects.converter_errors else 0.0,
        conduction=load_cell(tile.cell).conduction if effects.nonlinearity else None,
    )


def converter_bank(hardware: HardwareConfig) -> ConverterBank:
    """Return the converters of a tile with the effects that are on."""
    adc, effects = hardware.adc, hardware.effects
    behaviours: list[AdcBehaviour] = []
    if effects.converter_errors:
        if adc.gain_spread or adc.offset_spread:
            behaviours.append(Spread(adc.gain_spread, adc.offset_spread))
        if adc.noise or adc.enob is not None:
            behaviours.append(ConverterNoise(adc.noise, adc.enob))
        if adc.mismatch:
            behaviours.append(CapacitorMismatch(adc.mismatch))
        behaviours += [ADC_BEHAVIOURS[name]() for name in adc.behaviours]
    if effects.faults and hardware.faults.dead_converters:
        behaviours.append(DeadConverters(hardware.faults.dead_converters))
    return ConverterBank(adc.bits, adc.per_tile, tuple(behaviours))


def periphery(hardware: HardwareConfig) -> Periphery | None:
    """Return what surrounds the cells with the effects that are on; None for an ideal chip."""
    if hardware.ideal:
        return None
    effects = hardware.effects
    return Periphery(
        driver(hardware),
        converter_bank(hardware),
        temperature=hardware.chip.temperature if effects.thermal_noise else None,
        shot_noise=effects.shot_noise,
    )
