"""The on-chip bus: its topologies, and transfers of words over it.

A topology of another package is an object with the methods of `LinkForm`, or a class without
parameters that makes one, under its form's name in the entry point group ``imssa_sim.bus``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.cards import Card
from imssa_sim.components.action import Action, busiest
from imssa_sim.components.component import Component, Place, PricedChip, cost
from imssa_sim.components.duration import Duration
from imssa_sim.components.forms import form_of
from imssa_sim.components.link import LinkForm
from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.path import BUS
from imssa_sim.components.terms import ActionCost, Term
from imssa_sim.registry import Registry

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig

# Assumed: a granted request crosses the arbiter in one cycle.
ARBITRATION_CYCLES = 1


class _PublishedBus:
    """Energy per bit from the power of a bus of known width, clock and (assumed) activity."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        dynamic = p["power"] * (1 - p.peek("idle_fraction"))
        return dynamic / (p["wires"] * p["clock"] * p["activity"])

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["area"] * (width / p["wires"])

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["power"] * p["idle_fraction"] * (width / p["wires"])


class _Wire:
    """``activity · C · length · V²`` per bit."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        return p["activity"] * p["capacitance"] * p["length"] * p["supply"] ** 2

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["pitch"] * p["length"] * width

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["leakage_per_wire"] * width


def _wire(p: Parameters, length: Number) -> Number:
    return p["activity"] * p["capacitance"] * length * p["supply"] ** 2


class _HTree:
    """A binary tree of wires over a square of tiles.

    Root to leaf is as far as the square's side, ``pitch sqrt(n)``; the wires of all levels add up
    to ``3/2 pitch (n - sqrt(n))``, three bars of twice the length for a quarter of the nodes.
    """

    def energy(self, p: Parameters, tiles: int) -> Number:
        return _wire(p, p["tile_pitch"] * math.sqrt(tiles))

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        length = 1.5 * p["tile_pitch"] * max(1.0, tiles - math.sqrt(tiles))
        return p["pitch"] * length * width

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["leakage_per_wire"] * width * tiles


class _Mesh:
    """A square mesh of routers; a word takes ``hops sqrt(routers)`` of them, at least one."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        routers = self._routers(p, tiles)
        hops = np.maximum(1.0, p["hops"] * np.sqrt(routers))
        dynamic = p["power"] * (1 - p.peek("idle_fraction"))
        each = dynamic / (p["clock"] * p["wires"]) + _wire(p, p["tile_pitch"])
        return np.asarray(hops * each)[()]

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["area"] * self._routers(p, tiles)

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["power"] * p["idle_fraction"] * self._routers(p, tiles)

    def _routers(self, p: Parameters, tiles: int) -> int:
        return math.ceil(tiles / p.card["tiles_per_router"].si)


BUS_FORMS: Registry[LinkForm | type[LinkForm]] = Registry(
    "bus topology",
    "imssa_sim.bus",
    {"power": _PublishedBus(), "wire": _Wire(), "htree": _HTree(), "mesh": _Mesh()},
)


def bus_form(card: Card) -> LinkForm:
    """Return the cost model of a bus card; `InputError` for an unknown form."""
    return form_of(card, BUS_FORMS)


class Bus(Component):
    """Links of the tiles; verb ``transfer``: one word, in cycles of the bus's width."""

    kind = "bus"
    phase = "move"

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return the cycles of a transfer, and one of arbitration."""
        text = (
            f"{action.serial} cycles of {hardware.bus.width} bit and "
            f"{ARBITRATION_CYCLES} to arbitrate"
        )
        return Duration((action.serial + ARBITRATION_CYCLES) * cycle, text, True)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield the transfer of one word."""
        card, tiles, bits = chip.card(chip.hardware.bus.card), _tiles(chip), action.bits
        link = bus_form(card)
        yield cost(action, chip.term(card, lambda p: link.energy(p, tiles) * bits, ("bus", bits)))

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return area and idle power of one link."""
        card, width = chip.card(chip.hardware.bus.card), chip.hardware.bus.width
        link, tiles = bus_form(card), _tiles(chip)
        return chip.pair(
            card,
            lambda p: link.area(p, width, tiles),
            lambda p: link.leakage(p, width, tiles),
            ("bus",),
        )


def transfer(hardware: HardwareConfig, words: int, bits: int) -> Action:
    """Return the transfer of ``words`` over one link of the on-chip bus."""
    cycles = busiest(words * bits, hardware.bus.width)
    return Action(BUS, "bus", "transfer", words, 1, cycles, bits, hardware.bus.card)


def _tiles(chip: PricedChip) -> int:
    """Return the tiles that a bus joins: an equal share of those of several chips."""
    return math.ceil(chip.tiles_available / chip.hardware.partition.chips)
