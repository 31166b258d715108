"""What a run says of its converters: their model, effective bits, and what others would say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.cards import Card, list_cards, load_card
from imssa_sim.components.adc import AdcPoint, adc_form, adc_point, walden_fom
from imssa_sim.components.adc.models import dynamic_energy
from imssa_sim.components.parameters import Parameters
from imssa_sim.costs.adc_choice import adc_choice
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.simulation.result import RunResult


@dataclass(frozen=True)
class Priced:
    """What a card says of a converter.

    Attributes
    ----------
    card : str
    energy, dynamic : float
        Of a conversion at full rate, and its part beyond the power that flows anyway [J].
    leakage : float
        That power [W].
    area : float
        [m²]
    """

    card: str
    energy: float
    dynamic: float
    leakage: float
    area: float

    @property
    def text(self) -> str:
        """Its energy and area in words."""
        return f"{format_si(self.energy, 'J')}, {format_si(self.area, 'm^2')}"


def priced(name: str, at: AdcPoint) -> Priced:
    """Return what a card says of a converter at an operating point."""
    p = Parameters(load_card(name))
    form = adc_form(p.card)
    values = (form.energy(p, at), dynamic_energy(p, at), form.leakage(p, at), form.area(p, at))
    return Priced(name, *map(float, values))


def converter_lines(result: RunResult) -> Iterator[str]:
    """Yield paragraphs about the converters of a run; none where nothing is converted."""
    hardware, ledger = result.loaded.config.hardware, result.ledger
    if "adc" not in ledger.area_by_kind():
        return
    at = adc_point(hardware)
    own = priced(hardware.adc.card, at)
    bits, rate, enob, ways = hardware.adc.bits, at.rate, hardware.adc.enob, hardware.adc.ways
    power = own.energy * rate
    steps = f"{format_si(float(walden_fom(power, bits, rate)), 'J')} a nominal step"
    if enob is not None:
        effective = format_si(float(walden_fom(power, enob, rate)), "J")
        steps += f", {effective} a step of {enob:g} effective bits"
    else:
        steps += "; all bits count as effective (hardware.adc.enob)"
    turn = "" if ways == 1 else f" in each of {ways} ways"
    yield (
        f"{own.card}: {bits} b at {format_si(rate, 'S/s')}{turn}, {own.text} each; {steps}"
        f"{_measured(own.card, at)}"
    )
    others = [priced(name, at) for name in adc_choice(hardware)[1:]]
    if others:
        said = "; ".join(f"{other.card.removeprefix('adc/')} {other.text}" for other in others)
        yield f"other models that hold here: {said}; with them {_band(ledger, own, others)}"


def _measured(own: str, at: AdcPoint) -> str:
    """Return what the measured converter nearest in bits and node takes for an effective step."""
    cards = [card for card in list_cards("adc") if "enob" in card and card.name != own]
    if not cards:
        return ""

    def distance(card: Card) -> float:
        return abs(card["bits"].si - at.bits) + abs(math.log2(card["node"].si / at.node))

    card = min(cards, key=distance)
    rate = card["rate_max"].si
    each = float(walden_fom(card["power"].si, card["enob"].si, rate))
    return (
        f"; the measured {card.name.removeprefix('adc/')} takes {format_si(each, 'J')} a step of "
        f"its {card['enob'].si:.2g} effective bits"
    )


def _band(ledger: Ledger, own: Priced, others: list[Priced]) -> str:
    """Return energy and area of the chip between the least and the most that others say."""
    rows = [row for row in ledger.rows if row.kind == "adc" and row.account != "programming"]
    leaking = math.fsum(row.energy for row in rows if row.account == "leakage")
    moving = math.fsum(row.energy for row in rows) - leaking
    covered = ledger.area_by_kind()["adc"]
    energies = [
        ledger.energy
        + moving * (other.dynamic / own.dynamic - 1)
        + leaking * (other.leakage / own.leakage - 1)
        for other in others
    ]
    areas = [ledger.area + covered * (other.area / own.area - 1) for other in others]
    return f"{_span(energies, 'J')} per inference on {_span(areas, 'm^2')}"


def _span(values: list[float], unit: str) -> str:
    low, high = (format_si(value, unit) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
