"""``list``: cards, workloads and data sets that come with the package."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.cards import KINDS, list_cards
from imssa_sim.config import load_config
from imssa_sim.errors import ImssaError, InputError, nearest
from imssa_sim.files import locate

WHAT = ("cards", "workloads", "data")


def list_available(what: str | None, kind: str | None) -> None:
    """Print one line each.

    Raises
    ------
    InputError
        For an unknown word or an unknown kind of card.
    """
    if what is not None and what not in WHAT:
        close = nearest(what, WHAT)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"cannot list '{what}'{hint} (one of {', '.join(WHAT)})")
    if kind is not None and kind not in KINDS:
        close = nearest(kind, KINDS)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown kind of card '{kind}'{hint} (one of {', '.join(KINDS)})")
    sections = (what,) if what else ("cards",) if kind else WHAT
    for number, section in enumerate(sections):
        if len(sections) > 1:
            print(f"{'' if number == 0 else chr(10)}{section}")
        for name, text in _rows(section, kind):
            print(f"{'  ' if len(sections) > 1 else ''}{name}  {text}".rstrip())


def write_page(path: Path) -> None:
    """Write the page that shows every shipped card, number by number.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    from imssa_sim.costs.cards_page import cards_page

    try:
        path.write_text(cards_page(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def _rows(section: str, kind: str | None) -> list[tuple[str, str]]:
    if section == "cards":
        rows = [(card.name, card.title) for card in list_cards(kind)]
    elif section == "workloads":
        rows = [(name, _description(name)) for name in locate.workload_names()]
    else:
        from imssa_sim.data import dataset_description, dataset_names

        rows = [(name, dataset_description(name)) for name in dataset_names()]
    width = max((len(name) for name, _ in rows), default=0)
    return [(name.ljust(width), text) for name, text in rows]


def _description(name: str) -> str:
    """Return the description, or what is wrong: a workload that does not load is still listed."""
    try:
        return load_config(name).config.description
    except ImssaError as error:
        return f"(does not load: {str(error).splitlines()[0]})"
