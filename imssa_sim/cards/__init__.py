"""Model cards: parameters of devices and circuits, every number with its provenance."""

from __future__ import annotations

from imssa_sim.cards.bibliography import Reference, citations, parse_bibtex, references
from imssa_sim.cards.cite import METHODS, cite_cards
from imssa_sim.cards.entry import Card, Entry
from imssa_sim.cards.load import KINDS, list_cards, load_card, one_state_of_cards

__all__ = [
    "KINDS",
    "METHODS",
    "Card",
    "Entry",
    "Reference",
    "citations",
    "cite_cards",
    "list_cards",
    "load_card",
    "one_state_of_cards",
    "parse_bibtex",
    "references",
]
