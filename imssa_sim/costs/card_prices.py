"""Prices from the cards of a chip: operating points, and terms that note what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from imssa_sim.cards import Card, load_card
from imssa_sim.components.adc import adc_point, check_adc
from imssa_sim.components.component import Key
from imssa_sim.components.dac import dac_form
from imssa_sim.components.digital import Digital
from imssa_sim.components.memory import memory_form
from imssa_sim.components.parameters import Draws, Number, Parameters, Use, check_valid
from imssa_sim.components.scaling import Scaling
from imssa_sim.components.terms import Term

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


def check_operating_point(hardware: HardwareConfig) -> None:
    """Raise unless the cards of converters, drivers and digital parts hold for a chip.

    Needs no Program, so it can come before anything that takes time.

    Raises
    ------
    InputError
        For a driver of another encoding than the chip's, or a card of an unknown form.
    ValidityError
        For bits, rate, node or supply outside a card's range.
    """
    check_adc(load_card(hardware.adc.card), adc_point(hardware))
    dac = load_card(hardware.dac.card)
    dac_form(dac, hardware.dac.encoding)
    check_valid(dac, bits=hardware.dac.bits)
    chip = hardware.chip
    scaling = Scaling(load_card(chip.scaling))
    Digital(Parameters(load_card(hardware.digital.card)), scaling, chip.technology, chip.supply)


class CardPrices:
    """Cards and operating points of a chip, and terms that note which entries they rest on.

    Parameters
    ----------
    hardware : HardwareConfig
    draws : mapping, optional
        As for `imssa_sim.costs.model.CostModel`, and its exceptions.
    """

    def __init__(self, hardware: HardwareConfig, draws: Draws | None = None) -> None:
        self.hardware = hardware
        self._draws = draws
        self._uses: dict[Use, None] = {}
        self._cards: dict[str, Card] = {}
        self._terms: dict[Key, Term] = {}
        self._digital: Digital | None = None
        self.scaling = Scaling(load_card(hardware.chip.scaling))
        check_operating_point(hardware)

    def card(self, name: str) -> Card:
        """Return a card, which stays the same for the life of these prices."""
        if name not in self._cards:
            self._cards[name] = load_card(name)
        return self._cards[name]

    @property
    def cards(self) -> tuple[Card, ...]:
        """All cards that prices of this chip can rest on."""
        hardware = self.hardware
        names = [
            hardware.adc.card, hardware.dac.card, hardware.digital.card, hardware.memory.card,
            hardware.bus.card, hardware.chip.tile.cell, hardware.chip.tile.array,
            hardware.chip.tile.wires.card,
        ]  # fmt: skip
        if hardware.off_chip.card is not None:
            names.append(hardware.off_chip.card)
        return tuple(self.card(name) for name in names)

    @property
    def uses(self) -> tuple[Use, ...]:
        """All card entries that were read so far."""
        return tuple(self._uses)

    def digital(self, p: Parameters) -> Digital:
        """Return digital costs at the chip's node and supply."""
        if self._digital is None:
            chip = self.hardware.chip
            self._digital = Digital(p, self.scaling, chip.technology, chip.supply)
        return self._digital.reading(p)

    def term(
        self, card: Card, price: Callable[[Parameters], Number], key: Key | None = None
    ) -> Term:
        """Return a price with the entries of the card that it rests on.

        Prices with the same ``key`` are the same, and evaluated once.
        """
        if key is not None and key in self._terms:
            return self._terms[key]
        p = Parameters(card, self._draws)
        value = price(p)
        self._uses.update(dict.fromkeys(p.uses))
        term = Term(value, p.uses)
        if key is not None:
            self._terms[key] = term
        return term

    def pair(
        self,
        card: Card,
        area: Callable[[Parameters], Number],
        leakage: Callable[[Parameters], Number],
        key: Key,
    ) -> tuple[Term, Term]:
        """Return area and leakage of one component, each with the entries that it rests on."""
        return self.term(card, area, (*key, "area")), self.term(card, leakage, (*key, "leakage"))

    def digital_term(self, price: Callable[[Digital], Number], key: Key) -> Term:
        """Return a price of the digital card."""
        card = self.card(self.hardware.digital.card)
        return self.term(card, lambda p: price(self.digital(p)), key)

    def memory_term(self, size: float, bits: int) -> Term:
        """Return the energy of one access to ``bits`` bits of a memory of ``size`` bytes."""
        card = self.card(self.hardware.memory.card)
        form = memory_form(card, size)
        return self.term(card, lambda p: form.energy(p, size) * bits, ("memory", size, bits))

    def memory_pair(self, size: float) -> tuple[Term, Term]:
        """Return area and leakage of a memory of ``size`` bytes."""
        card = self.card(self.hardware.memory.card)
        form = memory_form(card, size)
        return self.pair(
            card, lambda p: form.area(p, size), lambda p: form.leakage(p, size), ("memory", size)
        )

    def array_term(self, price: Callable[[Parameters, Parameters], Number], key: Key) -> Term:
        """Return a price of the array and wire cards."""
        if key in self._terms:
            return self._terms[key]
        cells = Parameters(self.card(self.hardware.chip.tile.array), self._draws)
        wires = Parameters(self.card(self.hardware.chip.tile.wires.card), self._draws)
        value = price(cells, wires)
        uses = (*cells.uses, *wires.uses)
        self._uses.update(dict.fromkeys(uses))
        self._terms[key] = Term(value, uses)
        return self._terms[key]
