"""What surrounds programmed tiles when they are read: drivers, sense nodes, converters."""

from __future__ import annotations

from dataclasses import dataclass
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

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Periphery:
    """Drivers and converters of a set of tiles.

    Attributes
    ----------
    dac_levels : array (2·limit + 1,) or None
        See `imssa_sim.circuits.dac.levels`.
    converters : Converters
        Their ``variance`` includes the sense nodes' thermal noise.
    shot_variance : array (T, R, C) or None
        See `imssa_sim.circuits.sense.shot_variance`.
    pulse_power : array (2·limit + 1,) or None
        See `imssa_sim.circuits.sense.pulse_power`.
    """

    dac_levels: FloatArray | None
    converters: Converters
    shot_variance: FloatArray | None = None
    pulse_power: FloatArray | None = None


def periphery(
    programmed: ProgrammedTiles,
    hardware: HardwareConfig,
    *,
    scale: FloatArray,
    offset: FloatArray,
    low: int,
    high: int,
    columns_used: IntArray,
    limit: int,
    where: Coordinates,
    trim: Trim | None = None,
) -> Periphery:
    """Return the periphery of a set of tiles with the configured effects.

    Parameters
    ----------
    programmed : ProgrammedTiles
    hardware : HardwareConfig
    scale, offset : array (T, C)
        Of the nominal converters.
    low, high : int
        Their codes.
    columns_used : int array (T,)
    limit : int
        Largest code on a word line.
    where : Coordinates
        Of the draws.
    trim : Trim, optional
        What a calibration has found; the converters are set against it.
    """
    if hardware.ideal:
        nothing = np.zeros(scale.shape)
        return Periphery(None, Converters(scale, offset, low, high, nothing, None))
    effects, dac, tile = hardware.effects, hardware.dac, hardware.chip.tile
    if effects.converter_errors:
        converters = real_converters(scale, offset, low, high, columns_used, hardware.adc, where)
    else:
        converters = Converters(scale, offset, low, high, np.zeros(scale.shape), None)
    dead = hardware.faults.dead_converters
    if effects.faults and dead:
        converters = silence(converters, columns_used, hardware.adc.per_tile, dead, where)
    if trim is not None:
        converters = converters.trimmed(trim)
    variance = converters.variance
    if effects.thermal_noise:
        variance = variance + thermal_variance(
            programmed.cell_conductance.sum(axis=1),
            programmed.scale,
            limit=limit,
            read_voltage=tile.read_voltage,
            duration=read_duration(dac.encoding, limit, tile.read_time, dac.lsb_time),
            temperature=hardware.chip.temperature,
        )
    drivers = levels(
        limit,
        dac.bits,
        dac.encoding,
        conduction=load_cell(tile.cell).conduction if effects.nonlinearity else None,
        read_voltage=tile.read_voltage,
        inl=dac.inl if effects.converter_errors else 0.0,
        dnl=dac.dnl if effects.converter_errors else 0.0,
        where=where,
    )
    shot = power = None
    if effects.shot_noise:
        shot = shot_variance(
            programmed.cell_conductance,
            programmed.scale,
            read_voltage=tile.read_voltage,
            unit_time=unit_time(dac.encoding, limit, tile.read_time, dac.lsb_time),
        )
        codes = np.arange(-limit, limit + 1.0) if drivers is None else drivers
        power = pulse_power(codes, dac.encoding)
    c = converters
    converters = Converters(c.scale, c.offset, c.low, c.high, variance, c.table)
    return Periphery(drivers, converters, shot, power)
