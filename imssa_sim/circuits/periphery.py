"""What surrounds programmed tiles when they are read: drivers, sense nodes, converters."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.adc import Converters, Trim, real_converters, silence
from imssa_sim.circuits.array import ProgrammedTiles
from imssa_sim.circuits.dac import levels
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.energy import read_duration
from imssa_sim.circuits.sense import pulse_power, shot_variance, thermal_variance, unit_time
from imssa_sim.devices.cell import load_cell
from imssa_sim.kernels.read_circuit import ReadCircuit, ShotNoise

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def read_circuit(
    programmed: ProgrammedTiles,
    hardware: HardwareConfig,
    nominal: Converters,
    *,
    rows_used: IntArray,
    columns_used: IntArray,
    limit: int,
    where: Coordinates,
    slices: int = 1,
    slice_gain: FloatArray | float = 1.0,
    trim: Trim | None = None,
) -> ReadCircuit:
    """Return how programmed tiles are read, with the configured effects.

    Parameters
    ----------
    programmed : ProgrammedTiles
    hardware : HardwareConfig
    nominal : Converters
        Without errors.
    rows_used, columns_used : int array (T,)
        Word lines and logical columns.
    limit : int
        Largest code on a word line.
    where : Coordinates
        Of the draws.
    slices : int
        Columns of one weight.
    slice_gain : array (T, C)
        What the codes of slices are multiplied by.
    trim : Trim, optional
        What a calibration has found; the converters are set against it.
    """
    converters, drivers, shot = nominal, None, None
    if not hardware.ideal:
        converters = _converters(hardware, nominal, columns_used * slices, where)
        if trim is not None:
            converters = converters.trimmed(trim)
        converters = _with_thermal_noise(converters, programmed, hardware, limit)
        drivers = _drivers(hardware, limit, where)
        shot = _shot_noise(programmed, hardware, limit, drivers)
    return ReadCircuit(
        weights=programmed.weights,
        rows_used=rows_used,
        columns_used=columns_used,
        limit=limit,
        adc_scale=converters.scale,
        adc_offset=converters.offset,
        adc_low=converters.low,
        adc_high=converters.high,
        adc_table=converters.table,
        dac_levels=drivers,
        variance=programmed.variance,
        flat_variance=programmed.flat_variance,
        constant_variance=converters.variance,
        shot=shot,
        slices=slices,
        slice_gain=slice_gain,
    )


def _converters(
    hardware: HardwareConfig,
    nominal: Converters,
    columns_used: IntArray,
    where: Coordinates,
) -> Converters:
    """Return the converters as they were made."""
    converters = nominal
    if hardware.effects.converter_errors:
        converters = real_converters(nominal, columns_used, hardware.adc, where)
    dead = hardware.faults.dead_converters
    if hardware.effects.faults and dead:
        converters = silence(converters, columns_used, hardware.adc.per_tile, dead, where)
    return converters


def _with_thermal_noise(
    converters: Converters, programmed: ProgrammedTiles, hardware: HardwareConfig, limit: int
) -> Converters:
    if not hardware.effects.thermal_noise:
        return converters
    dac, tile = hardware.dac, hardware.chip.tile
    thermal = thermal_variance(
        programmed.cell_conductance.sum(axis=1),
        programmed.scale,
        limit=limit,
        read_voltage=tile.read_voltage,
        duration=read_duration(dac.encoding, limit, tile.read_time, dac.lsb_time),
        temperature=hardware.chip.temperature,
    )
    return replace(converters, variance=converters.variance + thermal)


def _drivers(hardware: HardwareConfig, limit: int, where: Coordinates) -> FloatArray | None:
    effects, dac, tile = hardware.effects, hardware.dac, hardware.chip.tile
    return levels(
        limit,
        dac.bits,
        dac.encoding,
        conduction=load_cell(tile.cell).conduction if effects.nonlinearity else None,
        read_voltage=tile.read_voltage,
        inl=dac.inl if effects.converter_errors else 0.0,
        dnl=dac.dnl if effects.converter_errors else 0.0,
        where=where,
    )


def _shot_noise(
    programmed: ProgrammedTiles, hardware: HardwareConfig, limit: int, drivers: FloatArray | None
) -> ShotNoise | None:
    if not hardware.effects.shot_noise:
        return None
    dac, tile = hardware.dac, hardware.chip.tile
    variance = shot_variance(
        programmed.cell_conductance,
        programmed.scale,
        read_voltage=tile.read_voltage,
        unit_time=unit_time(dac.encoding, limit, tile.read_time, dac.lsb_time),
    )
    codes = np.arange(-limit, limit + 1.0) if drivers is None else drivers
    return ShotNoise(variance, pulse_power(codes, dac.encoding))
