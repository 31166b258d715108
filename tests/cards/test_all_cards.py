"""Every card that ships: provenance, plausible costs, and that a slip of 10³ cannot pass."""

import itertools
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from imssa_sim.cards import list_cards, load_card, references
from imssa_sim.components.adc import AdcPoint, adc_form
from imssa_sim.components.bus import bus_form
from imssa_sim.components.dac import dac_form
from imssa_sim.components.digital import Digital
from imssa_sim.components.memory import memory_form
from imssa_sim.components.off_chip import off_chip_form
from imssa_sim.components.parameters import Parameters
from imssa_sim.components.scaling import Scaling
from imssa_sim.costs.plausible import implausible

CARDS = list_cards()
ENTRIES = [(card, entry) for card in CARDS for entry in card.parameters.values()]


def numeric(entry):
    return entry.scaled is not None


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_number_has_a_source_or_says_that_it_is_assumed(card):
    known = references()
    for entry in card.parameters.values():
        if not numeric(entry):
            continue
        if entry.status == "assumed":
            assert entry.derivation or entry.note or entry.sources, entry.name
        else:
            assert entry.sources, entry.name
        assert all(key in known for key in entry.sources), entry.name


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_says_what_it_leaves_out(card):
    assert card.not_modelled or card.kind in ("scaling", "cell", "chip")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_number_is_plausible_for_its_kind(card):
    assert implausible(card) == []


def slipped(card, entry, factor):
    def scale(value):
        return tuple(map(scale, value)) if isinstance(value, tuple) else value * factor

    changed = replace(entry, scaled=scale(entry.scaled))
    return replace(card, parameters=MappingProxyType({**card.parameters, entry.name: changed}))


DIMENSIONAL = [
    (card, entry)
    for card, entry in ENTRIES
    if numeric(entry) and entry.dimension not in ("number", "level") and np.any(entry.scaled)
]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize(
    ("card", "entry"), DIMENSIONAL, ids=[f"{c.name}:{e.name}" for c, e in DIMENSIONAL]
)
def test_a_unit_slip_of_a_thousand_is_noticed(card, entry, factor):
    assert implausible(slipped(card, entry, factor)), f"{card.name}: {entry.name} x {factor:g}"


COUNTS = [
    (card, entry)
    for card, entry in ENTRIES
    if card.kind == "chip" and numeric(entry) and entry.dimension in ("number", "level")
]


@pytest.mark.parametrize("factor", [1e-3, 1e3])
@pytest.mark.parametrize(("card", "entry"), COUNTS, ids=[f"{c.name}:{e.name}" for c, e in COUNTS])
def test_a_slip_of_a_thousand_in_a_chips_counts_is_noticed(card, entry, factor):
    assert implausible(slipped(card, entry, factor)), f"{card.name}: {entry.name} x {factor:g}"


def costs(card):
    """Energy, area, leakage and latency of a card's typical action, in SI."""
    p = Parameters(card)
    if card.kind == "adc":
        form, at = adc_form(card), AdcPoint(8)
        return form.energy(p, at), form.area(p, at), form.leakage(p, at), form.period(p, at)
    if card.kind == "dac":
        form = dac_form(card)
        return form.energy(p, 8), form.area(p, 8), form.leakage(p, 8), 1e-9
    if card.kind == "memory":
        form = memory_form(card, 1024)
        return form.energy(p, 1024), form.area(p, 1024), form.leakage(p, 1024), 1e-9
    if card.kind in ("bus", "off_chip"):
        form = bus_form(card) if card.kind == "bus" else off_chip_form(card)
        return form.energy(p, 64), form.area(p, 256, 64), form.leakage(p, 256, 64), 1e-9
    scaling = Scaling(load_card("scaling/stillmaker_baas_2017"))
    digital = Digital(p, scaling, 32e-9, 0.9)
    area, leakage = digital.requantise_size(8)
    return digital.requantise(8), area, leakage, 1e-9


PRICED = [c for c in CARDS if c.kind in ("adc", "dac", "memory", "bus", "off_chip", "digital")]


@pytest.mark.parametrize("card", PRICED, ids=lambda card: card.name)
def test_costs_are_positive_and_times_between_a_picosecond_and_a_millisecond(card):
    energy, area, leakage, latency = costs(card)
    assert 1e-16 < energy < 1e-9  # 0.1 fJ to 1 nJ per action or bit
    assert 1e-14 < area < 1e-4
    assert 0 < leakage < 3
    assert 1e-12 < latency < 1e-3


@pytest.mark.parametrize("card", list_cards("dac"), ids=lambda card: card.name)
def test_drivers_cost_no_less_with_more_bits(card):
    p, form = Parameters(card), dac_form(card)
    bits = range(int(card.valid["bits"][0]), int(card.valid["bits"][1]) + 1)
    for quantity in (form.energy, form.area, form.leakage):
        assert np.all(np.diff([float(quantity(p, b)) for b in bits]) >= 0)


@pytest.mark.parametrize("card", list_cards("memory"), ids=lambda card: card.name)
def test_memories_cost_no_less_with_size(card):
    p = Parameters(card)
    sizes = [1, 100, 256, 300, 512, 1024, 2000, 2048, 2049, 3000, 4096, 8192, 20000, 32768, 65536]
    form = memory_form(card, 1)
    for quantity in (form.energy, form.area, form.leakage):
        assert np.all(np.diff([float(quantity(p, size)) for size in sizes]) >= -1e-30)


@pytest.mark.parametrize("card", list_cards("digital"), ids=lambda card: card.name)
def test_digital_costs_rise_with_bits_and_node(card):
    scaling = Scaling(load_card("scaling/stillmaker_baas_2017"))

    def energies(bits, node):
        d = Digital(Parameters(card), scaling, node, 0.9)
        return [
            d.add(bits), d.multiply(bits, bits), d.compare(bits), d.register(bits),
            d.requantise(bits), d.mac(bits), d.normalise(bits),
        ]  # fmt: skip

    for bits in range(2, 16):
        assert np.all(np.array(energies(bits + 1, 32e-9)) > energies(bits, 32e-9))
    nodes = [7e-9, 14e-9, 20e-9, 32e-9, 45e-9, 65e-9]
    for fine, coarse in itertools.pairwise(nodes):
        assert np.all(np.array(energies(8, coarse)) > energies(8, fine))


def test_the_page_of_all_cards_is_up_to_date():
    from imssa_sim.costs.cards_page import cards_page
    from imssa_sim.files import locate

    written = (locate.root() / "docs" / "cards.md").read_text(encoding="utf-8")
    assert written == cards_page(), "run python -m imssa_sim list cards --page docs/cards.md"


def test_the_page_shows_every_number():
    from imssa_sim.costs.cards_page import cards_page

    card = load_card("adc/isaac_saberi")
    text = cards_page([card])
    assert "0.79, 0.99, 1.2, 1.42, 1.67, 1.97, 2.38 pJ" in text
    assert "| `idle_fraction` | 0.1 | 0 to 0.3 | assumed |" in text
    assert text.count("| `") == len(card.parameters)
