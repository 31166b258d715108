"""What to cite for a set of cards."""

from __future__ import annotations

from collections.abc import Iterable

from imssa_sim.cards.bibliography import Reference, citations, parse_bibtex
from imssa_sim.cards.entry import Card

METHODS = ("gu2022s4d", "siegel2025qs4d", "siegel2025imssa")
"""What every run rests on: the network, its quantisation, and its place on a crossbar."""


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
