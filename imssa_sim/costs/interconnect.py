"""The on-chip bus and the link or memory beyond the chip: energy per bit, area, idle power."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from imssa_sim.cards import Card
from imssa_sim.costs.parameters import Number, Parameters, form_of


class LinkForm(Protocol):
    """A cost model of a link; pure functions of a card and its width in bits."""

    def energy(self, p: Parameters) -> Number:
        """Energy per bit sent [J]."""

    def area(self, p: Parameters, width: int) -> Number:
        """Area of one link [m^2]."""

    def leakage(self, p: Parameters, width: int) -> Number:
        """Power of one idle link [W]."""


class _PublishedBus:
    """Energy per bit from the power of a bus of known width, clock and (assumed) activity."""

    def energy(self, p: Parameters) -> Number:
        dynamic = p["power"] * (1 - p.peek("idle_fraction"))
        return dynamic / (p["wires"] * p["clock"] * p["activity"])

    def area(self, p: Parameters, width: int) -> Number:
        return p["area"] * (width / p["wires"])

    def leakage(self, p: Parameters, width: int) -> Number:
        return p["power"] * p["idle_fraction"] * (width / p["wires"])


class _Wire:
    """``activity · C · length · V²`` per bit."""

    def energy(self, p: Parameters) -> Number:
        return p["activity"] * p["capacitance"] * p["length"] * p["supply"] ** 2

    def area(self, p: Parameters, width: int) -> Number:
        return p["pitch"] * p["length"] * width

    def leakage(self, p: Parameters, width: int) -> Number:
        return p["leakage_per_wire"] * width


class _PerBit:
    """A published energy per bit (DRAM interfaces)."""

    def energy(self, p: Parameters) -> Number:
        return p["energy_per_bit"]

    def area(self, p: Parameters, width: int) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, width: int) -> Number:
        return p["leakage"]


class _PublishedLink:
    """Energy per bit from the power of a link at its full bandwidth (HyperTransport)."""

    def energy(self, p: Parameters) -> Number:
        return p["power"] * (1 - p.peek("idle_fraction")) / p["bandwidth"]

    def area(self, p: Parameters, width: int) -> Number:
        return p["area"]

    def leakage(self, p: Parameters, width: int) -> Number:
        return p["power"] * p["idle_fraction"]


BUS_FORMS: Mapping[str, LinkForm] = MappingProxyType({"power": _PublishedBus(), "wire": _Wire()})
OFF_CHIP_FORMS: Mapping[str, LinkForm] = MappingProxyType(
    {"per_bit": _PerBit(), "power": _PublishedLink()}
)


def bus_form(card: Card) -> LinkForm:
    """Return the cost model of a bus card; `InputError` for an unknown form."""
    return BUS_FORMS[form_of(card, BUS_FORMS)]


def off_chip_form(card: Card) -> LinkForm:
    """Return the cost model of an off-chip card; `InputError` for an unknown form."""
    return OFF_CHIP_FORMS[form_of(card, OFF_CHIP_FORMS)]
