"""Write docs/audit.md: every number of cards and chips, its source, and whether it was read there.

    python docs/make_audit.py

A test fails while the page differs from cards, chips and device_models/lookups.csv.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import get_args

from imssa_sim.cards import list_cards
from imssa_sim.cards.lookups import Lookup, PlaceKind, Reading, lookups
from imssa_sim.config import load_base
from imssa_sim.files import locate

PAGE = Path(__file__).parent / "audit.md"
KINDS, READINGS = get_args(PlaceKind), get_args(Reading)
INTRODUCTION = """\
# Audit of the numbers

Made by `python docs/make_audit.py` from the cards (`device_models/`), the published chips
(`hardware/`) and `device_models/lookups.csv`; a test fails while this page differs. Values, units
and derivations stand in [cards.md](cards.md).

*Place* is the kind of place that is cited: a table, figure, text or abstract of a paper, the code
of a published tool, a data sheet. *Read* says whether the number was read **there**, in somebody
else's account of it (**second hand**), or taken over unread (**no**). Numbers that are *assumed*
may name a source that they lean on; it does not state them.
"""


@dataclass(frozen=True)
class Number:
    """A number of a card or a chip: where it stands, its status and the places that it cites."""

    owner: str
    name: str
    status: str
    places: tuple[tuple[str, str], ...]


def numbers() -> Iterator[Number]:
    """Yield every number of the cards, then every setting of the chips."""
    for card in list_cards():
        for name, entry in card.parameters.items():
            if entry.scaled is not None:
                places = tuple((source, entry.locator) for source in entry.sources)
                yield Number(card.name, name, entry.status, places)
    for base in map(load_base, locate.base_names()):
        for path, source in base.sources.items():
            places = tuple((key, source.locator) for key in source.sources)
            yield Number(f"hardware/{base.name}", path, source.status, places)


def best(number: Number) -> Lookup:
    """Return the place of a number that was read best."""
    return min((lookups()[p] for p in number.places), key=lambda found: READINGS.index(found.read))


def page() -> str:
    """Return the page."""
    found = list(numbers())
    blocks = [INTRODUCTION, "\n".join(_overview(found))]
    for owner, own in groupby(found, key=lambda number: number.owner):
        blocks.append("\n".join([f"## `{owner}`\n", *_table(own)]))
    notes = [
        f"- {source}{', ' if locator else ''}{locator}: {place.note}."
        for (source, locator), place in lookups().items()
        if place.note
    ]
    blocks.append("\n".join(["## Remarks on places\n", *notes]))
    return "\n\n".join(block.rstrip() for block in blocks) + "\n"


def _overview(found: list[Number]) -> Iterator[str]:
    stated = [best(number) for number in found if number.status != "assumed"]
    counts = Counter((place.kind, place.read) for place in stated)
    assumed = len(found) - len(stated)
    yield (
        f"{len(found)} numbers and settings; {assumed} are assumed. Of the other {len(stated)}, "
        f"by the best place that each cites:\n"
    )
    yield "| place | " + " | ".join(READINGS) + " |"
    yield "| --- " * (1 + len(READINGS)) + "|"
    for kind in KINDS:
        yield f"| {kind} | " + " | ".join(str(counts[kind, read]) for read in READINGS) + " |"
    sums = (sum(counts[kind, read] for kind in KINDS) for read in READINGS)
    yield "| all | " + " | ".join(map(str, sums)) + " |"


def _table(own: Iterable[Number]) -> Iterator[str]:
    """Yield a row for each run of numbers that cite the same places."""
    yield "| numbers | status | source | place | read |"
    yield "| --- | --- | --- | --- | --- |"
    for (status, places), group in groupby(own, key=lambda n: (n.status, n.places)):
        names = ", ".join(f"`{number.name}`" for number in group)
        cited = [f"{source}{', ' if locator else ''}{locator}" for source, locator in places]
        kinds = [lookups()[place].kind for place in places]
        reads = [lookups()[place].read for place in places]
        yield (
            "| "
            + " | ".join(
                text.replace("|", "\\|")
                for text in (
                    names,
                    status,
                    "; ".join(cited) or "–",
                    "; ".join(kinds) or "–",
                    "; ".join(reads) or "–",
                )
            )
            + " |"
        )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
