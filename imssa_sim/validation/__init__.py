"""Published chips, recomputed: figures of each beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from imssa_sim.cards import Card, load_card
from imssa_sim.errors import InputError, nearest
from imssa_sim.files.locate import is_path
from imssa_sim.validation import cim_ssm, hermes, imssa, isaac, jia, neurram, puma
from imssa_sim.validation.figure import Figure

__all__ = ["CHIPS", "Figure", "validate_chips"]

CHIPS: Mapping[str, Callable[[Card], Iterator[Figure]]] = MappingProxyType(
    {
        "isaac_ce": isaac.figures,
        "puma": puma.figures,
        "hermes_core": hermes.core_figures,
        "hermes_64": hermes.chip_figures,
        "neurram": neurram.figures,
        "jia_2020": jia.figures,
        "cim_ssm": cim_ssm.figures,
        "imssa": imssa.figures,
    }
)


def validate_chips(names: Iterable[str] = ()) -> tuple[Figure, ...]:
    """Return the figures of chips, of all of them by default.

    Parameters
    ----------
    names : iterable of str
        Names of chips, or paths of cards of your own: a changed copy of a shipped one, under its
        name.

    Raises
    ------
    InputError
        For an unknown chip.
    """
    cards = [_card(name) for name in tuple(names) or tuple(CHIPS)]
    return tuple(figure for card in cards for figure in CHIPS[_chip(card.name)](card))


def _card(name: str) -> Card:
    if is_path(name):
        card = load_card(name)
        _chip(card.name)
        return card
    return load_card(f"chips/{_chip(name)}")


def _chip(name: str) -> str:
    """Return the name of a chip without its folder, if its figures are known."""
    chip = name.removeprefix("chips/")
    if chip not in CHIPS:
        close = nearest(chip, CHIPS)
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown chip '{name}'{hint} (one of {', '.join(CHIPS)})")
    return chip
