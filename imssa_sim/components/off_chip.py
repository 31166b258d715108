"""The link or memory beyond the chip."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.cards import Card, load_card
from imssa_sim.components.action import Action
from imssa_sim.components.component import Component, Place, PricedChip, cost
from imssa_sim.components.duration import Duration, exact
from imssa_sim.components.forms import form_of
from imssa_sim.components.link import LinkForm
from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.path import LINK, OFF_CHIP
from imssa_sim.components.terms import ActionCost, Term
from imssa_sim.errors import InputError
from imssa_sim.registry import Registry

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


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


OFF_CHIP_FORMS: Registry[LinkForm | type[LinkForm]] = Registry(
    "off-chip link", "imssa_sim.off_chip", {"per_bit": _PerBit(), "power": _PublishedLink()}
)


def off_chip_form(card: Card) -> LinkForm:
    """Return the cost model of an off-chip card; `InputError` for an unknown form."""
    return form_of(card, OFF_CHIP_FORMS)


class OffChip(Component):
    """Verb ``transfer``: one word across the chip's edge; ``send``: to the next chip."""

    kind = "off_chip"
    phase = "off_chip"

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return the bits over the bandwidth of the card, in whole cycles of the clock."""
        card = None if action.card is None else load_card(action.card)
        entry = None if card is None else card.parameters.get("bandwidth")
        if card is None or entry is None:
            text = f"{action.serial} words, one per cycle (assumed)"
            return Duration(action.serial * cycle, text, True)
        bandwidth = exact(entry.si)
        cycles = max(1, math.ceil(action.serial * action.bits / bandwidth / cycle))
        bits = f"{action.serial * action.bits} bit at {float(bandwidth):.3g} bit/s"
        assumed = entry.status == "assumed"
        if action.verb == "send":
            latency = card["latency"]
            flight = math.ceil(exact(latency.si) / cycle)
            bits, cycles = f"{bits} and {latency.si:.3g} s of latency", cycles + flight
            assumed = assumed or latency.status == "assumed"
        return Duration(cycles * cycle, f"{bits}: {cycles} cycles", assumed)

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield the transfer of one word; nothing without a card."""
        if action.card is None:
            return
        card, bits = chip.card(action.card), action.bits
        link = off_chip_form(card)
        term = chip.term(card, lambda p: link.energy(p, 1) * bits)
        yield cost(action, term, account="off_chip")

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term] | None:
        """Return area and idle power of the link; None without a card."""
        if action.card is None:
            return None
        card = chip.card(action.card)
        link = off_chip_form(card)
        return chip.pair(
            card, lambda p: link.area(p, 1, 1), lambda p: link.leakage(p, 1, 1), ("off_chip",)
        )


def off_chip(hardware: HardwareConfig, words: int, bits: int) -> Action:
    """Return the transfer of ``words`` across the chip's edge, one after another."""
    return Action(OFF_CHIP, "off_chip", "transfer", words, 1, words, bits, hardware.off_chip.card)


def link(hardware: HardwareConfig, number: int, words: int, bits: int) -> Action:
    """Return the transfer of ``words`` from one chip to the next, one token at a time."""
    card = hardware.partition.link
    return Action(f"{LINK}{number}", "off_chip", "send", words, 2, words, bits, card)


def check_link(hardware: HardwareConfig) -> None:
    """Refuse a card that does not say what a link between chips takes.

    Raises
    ------
    InputError
        It lacks bandwidth or latency.
    """
    name = hardware.partition.link
    if hardware.partition.chips == 1 or name is None:
        return
    card = load_card(name)
    missing = [entry for entry in ("bandwidth", "latency") if entry not in card]
    if missing:
        raise InputError(
            f"hardware.partition.link: card '{name}' has no {' and no '.join(missing)}; give one "
            "that has, for example link/short_reach"
        )
