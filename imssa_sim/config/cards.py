"""The cards that a configuration names."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards.entry import Card
from imssa_sim.cards.load import load_card
from imssa_sim.config.fields import CardReference, Section
from imssa_sim.config.schema import RunConfig
from imssa_sim.config.walk import marks
from imssa_sim.files.source import KeyPath, dotted


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
