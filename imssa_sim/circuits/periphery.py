"""What surrounds programmed tiles when they are read: drivers, sense nodes, converters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.adc.behaviour import ConverterBank
from imssa_sim.circuits.adc.converters import Converters, Trim
from imssa_sim.circuits.dac import WordLineDriver
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.sense import pulse_power, shot_variance, thermal_variance
from imssa_sim.circuits.written import ProgrammedTiles
from imssa_sim.kernels.read_circuit import ReadCircuit, ShotNoise

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Periphery:
    """What surrounds the cells of every tile.

    Attributes
    ----------
    driver : WordLineDriver
    converters : ConverterBank
    temperature : float or None
        Of the cells' Johnson noise at the sense nodes [K]; None: without it.
    shot_noise : bool
        Whether the cells' currents have shot noise.
    """

    driver: WordLineDriver
    converters: ConverterBank
    temperature: float | None = None
    shot_noise: bool = False


def read_circuit(
    programmed: ProgrammedTiles,
    around: Periphery | None,
    nominal: Converters,
    *,
    rows_used: IntArray,
    columns_used: IntArray,
    limit: int,
    where: Coordinates,
    slices: int = 1,
    slice_gain: FloatArray | float = 1.0,
    dac_steps: IntArray | None = None,
    trim: Trim | None = None,
) -> ReadCircuit:
    """Return how programmed tiles are read.

    Parameters
    ----------
    programmed : ProgrammedTiles
    around : Periphery or None
        None: ideal, codes are their own values and the converters the nominal ones.
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
    dac_steps : int array (2·limit + 1,), optional
        Steps that the drivers take for each code, by default the code.
    trim : Trim, optional
        What a calibration has found; the converters are set against it.
    """
    converters, levels, shot = nominal, None, None
    if around is not None:
        converters = around.converters.made(nominal, columns_used * slices, where)
        if trim is not None:
            converters = converters.trimmed(trim)
        converters = _with_thermal_noise(converters, programmed, around, limit)
        levels = around.driver.levels(limit, where)
        if around.shot_noise:
            shot = _shot_noise(programmed, around.driver, limit, levels)
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
        dac_levels=levels,
        dac_steps=dac_steps,
        variance=programmed.variance,
        flat_variance=programmed.flat_variance,
        constant_variance=converters.variance,
        shot=shot,
        slices=slices,
        slice_gain=slice_gain,
    )


def _with_thermal_noise(
    converters: Converters, programmed: ProgrammedTiles, around: Periphery, limit: int
) -> Converters:
    if around.temperature is None:
        return converters
    thermal = thermal_variance(
        programmed.cell_conductance.sum(axis=1),
        programmed.scale,
        limit=limit,
        read_voltage=around.driver.read_voltage,
        duration=around.driver.duration(limit),
        temperature=around.temperature,
    )
    return replace(converters, variance=converters.variance + thermal)


def _shot_noise(
    programmed: ProgrammedTiles, driver: WordLineDriver, limit: int, levels: FloatArray | None
) -> ShotNoise:
    variance = shot_variance(
        programmed.cell_conductance,
        programmed.scale,
        read_voltage=driver.read_voltage,
        unit_time=driver.unit_time(limit),
    )
    codes = np.arange(-limit, limit + 1.0) if levels is None else levels
    return ShotNoise(variance, pulse_power(codes, driver.encoding))
