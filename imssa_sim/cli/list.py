"""``list``: cards, workloads, chips and data sets that come with the package."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.cards import KINDS, list_cards, load_card
from imssa_sim.cli.own_cards import is_card
from imssa_sim.config import load_base, load_config
from imssa_sim.errors import ImssaError, InputError, nearest
from imssa_sim.files import locate

WHAT = ("cards", "workloads", "chips", "data")


def list_available(what: str | None, kind: str | None, own: list[Path]) -> None:
    """Print one line each.

    Parameters
    ----------
    what : str or None
        One of `WHAT`; all by default.
    kind : str or None
        Cards of this kind only.
    own : list of Path
        Files of cards, and folders of them, to list besides those of the package.

    Raises
    ------
    InputError
        For an unknown word or an unknown kind of card, or a path that holds no card.
    """
    if what is not None and what not in WHAT:
        close = nearest(what, WHAT)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"cannot list '{what}'{hint} (one of {', '.join(WHAT)})")
    if kind is not None and kind not in KINDS:
        close = nearest(kind, KINDS)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown kind of card '{kind}'{hint} (one of {', '.join(KINDS)})")
    if own and what != "cards":
        raise InputError(f"'{own[0]}': paths go with `list cards` alone")
    sections = (what,) if what else ("cards",) if kind else WHAT
    for number, section in enumerate(sections):
        if len(sections) > 1:
            print(f"{'' if number == 0 else chr(10)}{section}")
        for name, text in _rows(section, kind, own):
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


def _rows(section: str, kind: str | None, own: list[Path]) -> list[tuple[str, str]]:
    if section == "cards":
        rows = [(card.name, card.title) for card in list_cards(kind)]
        cards = [(str(path), load_card(str(path))) for path in _files(own)]
        rows += [(name, card.title) for name, card in cards if kind is None or card.kind == kind]
    elif section == "workloads":
        rows = [(name, _description(name)) for name in locate.workload_names()]
    elif section == "chips":
        rows = [(name, load_base(name).title) for name in locate.base_names()]
    else:
        from imssa_sim.data import dataset_description, dataset_names

        rows = [(name, dataset_description(name)) for name in dataset_names()]
    width = max((len(name) for name, _ in rows), default=0)
    return [(name.ljust(width), text) for name, text in rows]


def _files(own: list[Path]) -> list[Path]:
    """Return the files of cards among paths and in folders; what holds none is refused."""
    files = []
    for path in own:
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder")
        found = [path] if path.is_file() else sorted(filter(is_card, path.rglob("*.y*ml")))
        if not found:
            raise InputError(f"{path}: there is no card in this folder or below")
        files += found
    return [path.absolute() if not locate.is_path(str(path)) else path for path in files]


def _description(name: str) -> str:
    """Return the description, or what is wrong: a workload that does not load is still listed."""
    try:
        return load_config(name).config.description
    except ImssaError as error:
        return f"(does not load: {str(error).splitlines()[0]})"
