"""How real converters depart from the nominal one: behaviours, one after the other.

A tile's converters serve neighbouring columns in turn, which then share their errors. A behaviour
of another package is a class below `AdcBehaviour` that takes no arguments, in the entry point
group ``imssa_sim.adc_behaviour``; ``hardware.adc.behaviours`` names it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.draws import Coordinates, normals, uniforms
from imssa_sim.registry import Registry

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BEHAVIOUR_GROUP = "imssa_sim.adc_behaviour"


class AdcBehaviour(ABC):
    """One departure of converters from the nominal one."""

    @abstractmethod
    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return converters with this departure too.

        Parameters
        ----------
        converters : Converters
            With the departures before this one.
        made : Made
            The converters of the chip, and their draws.
        """


ADC_BEHAVIOURS: Registry[Callable[[], AdcBehaviour]] = Registry("ADC behaviour", BEHAVIOUR_GROUP)


@dataclass(frozen=True)
class Made:
    """The converters of a set of tiles on one chip.

    Attributes
    ----------
    nominal : Converters
        Without errors.
    bits, per_tile : int
        Of a converter; converters of a tile.
    served_by : int array (T, C)
        Which converter of its tile serves each column.
    where : Coordinates
        Of the draws.
    """

    nominal: Converters
    bits: int
    per_tile: int
    served_by: IntArray
    where: Coordinates

    def normals(self, purpose: str) -> FloatArray:
        """Return a standard normal of each column's converter (T, C), drawn for a purpose."""
        tiles = len(self.served_by)
        return self.of_columns(
            [normals(self.where, t, purpose, 1, self.per_tile)[0] for t in range(tiles)]
        )

    def uniforms(self, purpose: str) -> FloatArray:
        """Return a number uniform in (0, 1) of each column's converter (T, C)."""
        tiles = len(self.served_by)
        return self.of_columns(
            [uniforms(self.where, t, purpose, 1, self.per_tile)[0] for t in range(tiles)]
        )

    def of_columns(self, drawn: list[FloatArray]) -> FloatArray:
        """Return the value of each column's converter (T, C) of values (T, per_tile)."""
        values = np.reshape(drawn, (len(self.served_by), -1))
        return np.take_along_axis(values, self.served_by, axis=1)


@dataclass(frozen=True)
class ConverterBank:
    """Converters of every tile.

    Attributes
    ----------
    bits : int
    per_tile : int
        They serve neighbouring columns in turn.
    behaviours : tuple of AdcBehaviour
        Departures from the nominal converter, in the order of their effect.
    """

    bits: int
    per_tile: int
    behaviours: tuple[AdcBehaviour, ...] = ()

    def made(self, nominal: Converters, columns_used: IntArray, where: Coordinates) -> Converters:
        """Return the converters of tiles on one chip, with their errors.

        Parameters
        ----------
        nominal : Converters
            Without errors.
        columns_used : int array (T,)
        where : Coordinates

        Raises
        ------
        InputError
            From a behaviour that does not suit the converters.
        """
        each = -(-np.maximum(columns_used, 1) // self.per_tile)
        columns = np.arange(nominal.scale.shape[1])
        served_by = np.minimum(columns // each[:, None], self.per_tile - 1)
        made = Made(nominal, self.bits, self.per_tile, served_by, where)
        converters = nominal
        for behaviour in self.behaviours:
            converters = behaviour.applied(converters, made)
        return converters
