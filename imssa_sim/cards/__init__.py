"""Model cards: parameters of devices and circuits, every number with its provenance."""

from __future__ import annotations

from imssa_sim.cards.bibliography import Reference, citations, parse_bibtex, references
from imssa_sim.cards.entry import Card, Entry
from imssa_sim.cards.load import KINDS, list_cards, load_card
from imssa_sim.cards.used import cards_used, cite_cards

__all__ = [
    "KINDS",
    "Card",
    "Entry",
    "Reference",
    "cards_used",
    "citations",
    "cite_cards",
    "list_cards",
    "load_card",
    "parse_bibtex",
    "references",
]
