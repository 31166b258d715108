"""What reads of one crossbar take: energy, time, area and leakage, from the cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.duration import exact
from imssa_sim.components.registry import component_of
from imssa_sim.components.tile_read import tile_read
from imssa_sim.costs.card_prices import CardPrices
from imssa_sim.costs.components import around_arrays, many
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.components.component import Place
    from imssa_sim.components.terms import ComponentCost
    from imssa_sim.config.schema import HardwareConfig

PATH = "crossbar"


@dataclass(frozen=True)
class ReadPlace:
    """The stage of a lone crossbar: one read."""

    actions: tuple[Action, ...]
    path: str = PATH
    buffer_tokens: int = 1


class TilePrices(CardPrices):
    """Prices of one crossbar without a chip around it.

    Parameters
    ----------
    hardware : HardwareConfig
    code_bits : int
        Width of the codes on the word lines.
    """

    tiles_available = 1
    weight_bytes = 0.0

    def __init__(self, hardware: HardwareConfig, code_bits: int) -> None:
        super().__init__(hardware)
        self.code_bits = code_bits
        self.read = cache(self._read)

    def conductance(self, place: Place, action: Action) -> float:
        """Refuse: the energy of the cells comes from the codes that were applied."""
        raise InternalError("a lone crossbar has no fixed activity")

    def _actions(self, rows: int, columns: int) -> tuple[Action, Action, Action]:
        return tile_read(self.hardware, PATH, np.array([rows]), np.array([columns]), self.code_bits)

    def _read(self, rows: int, columns: int) -> tuple[dict[str, float], float]:
        """Return energy by kind [J], cells left out, and duration [s] of one read.

        Parameters
        ----------
        rows, columns : int
            Word lines that are driven, columns that are converted.
        """
        actions = self._actions(rows, columns)
        place = ReadPlace(actions)
        energy: dict[str, float] = {}
        cycle = 1 / exact(self.hardware.chip.clock)
        time = Fraction(0)
        for action in actions:
            component = component_of(action.kind)
            time += component.duration(action, self.hardware, cycle).seconds
            if action.kind == "array":
                continue
            for cost in component.energy(action, self, place):
                joules = float(cost.energy) * action.count * cost.per
                energy[cost.kind] = energy.get(cost.kind, 0.0) + joules
        return energy, float(time)

    @cached_property
    def components(self) -> tuple[ComponentCost, ...]:
        """Area [m²] and leakage [W] of array, drivers, converters, samplers and control."""
        tile = self.hardware.chip.tile
        found = []
        for action in self._actions(tile.rows, 1):
            pair = component_of(action.kind).size(action, self, ReadPlace((action,)))
            if pair is not None:
                found.append(many(action.component, action.kind, PATH, action.instances, pair))
        (array,) = (cost for cost in found if cost.kind == "array")
        return (*found, *around_arrays(self, array))


@dataclass
class Meter:
    """What has been read so far."""

    reads: int = 0
    time: float = 0.0
    energy: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, joules: float) -> None:
        """Add energy [J] to a kind of component."""
        self.energy[kind] = self.energy.get(kind, 0.0) + joules
