"""The cards that a configuration rests on, and what to cite for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imssa_sim.cards.bibliography import Reference, citations, parse_bibtex
from imssa_sim.cards.entry import Card
from imssa_sim.cards.load import load_card
from imssa_sim.config.fields import CardReference, Section
from imssa_sim.config.schema import RunConfig
from imssa_sim.config.source import KeyPath, dotted
from imssa_sim.config.walk import marks

METHODS = ("gu2022s4d", "siegel2025qs4d", "siegel2025imssa")
"""What every run rests on: the network, its quantisation, and its place on a crossbar."""


def card_references(config: Section, prefix: KeyPath = ()) -> Iterator[tuple[str, str, str]]:
    """Yield (dotted path, card name, expected kind) for each card that a configuration names."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        path = (*prefix, name)
        if isinstance(value, Section):
            yield from card_references(value, path)
            continue
        kinds = [mark.kind for mark in marks(field) if isinstance(mark, CardReference)]
        if kinds and value is not None:
            several = isinstance(value, tuple)
            for index, card in enumerate(value if several else (value,)):
                yield dotted((*path, index) if several else path), card, kinds[0]


def cards_used(config: RunConfig) -> dict[str, Card]:
    """Return the cards that a configuration names, by the dotted path that names them."""
    return {path: load_card(name) for path, name, _ in card_references(config)}


def cite_cards(cards: Iterable[Card], methods: Iterable[str] = METHODS) -> str:
    """Return the BibTeX of everything that a run with these cards rests on.

    Parameters
    ----------
    cards : iterable of Card
        The cards whose numbers were used.
    methods : iterable of str
        Bibliography keys beyond those of the cards.
    """
    extra: dict[str, Reference] = {}
    keys = list(methods)
    for card in cards:
        if card.references:
            extra |= parse_bibtex(card.references, str(card.path))
        keys += card.sources
    return citations(keys, extra)
