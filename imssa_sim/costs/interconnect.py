"""The on-chip bus and the link or memory beyond the chip: energy per bit, area, idle power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from imssa_sim.cards import Card
from imssa_sim.costs.parameters import Number, Parameters, form_of


class LinkForm(Protocol):
    """A cost model of a link; pure functions of a card, the width in bits and the tiles joined."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        """Energy per bit sent [J]."""

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        """Area of one link [m^2]."""

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        """Power of one idle link [W]."""


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


class _PerBit:
    """A published energy per bit (DRAM interfaces)."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        return p["energy_per_bit"]

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["leakage"]


class _PublishedLink:
    """Energy per bit from the power of a link at its full bandwidth (HyperTransport)."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        return p["power"] * (1 - p.peek("idle_fraction")) / p["bandwidth"]

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        return p["power"] * p["idle_fraction"]


BUS_FORMS: Mapping[str, LinkForm] = MappingProxyType(
    {"power": _PublishedBus(), "wire": _Wire(), "htree": _HTree(), "mesh": _Mesh()}
)
OFF_CHIP_FORMS: Mapping[str, LinkForm] = MappingProxyType(
    {"per_bit": _PerBit(), "power": _PublishedLink()}
)


def bus_form(card: Card) -> LinkForm:
    """Return the cost model of a bus card; `InputError` for an unknown form."""
    return BUS_FORMS[form_of(card, BUS_FORMS)]


def off_chip_form(card: Card) -> LinkForm:
    """Return the cost model of an off-chip card; `InputError` for an unknown form."""
    return OFF_CHIP_FORMS[form_of(card, OFF_CHIP_FORMS)]
