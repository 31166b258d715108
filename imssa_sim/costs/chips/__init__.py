"""Published chips, recomputed: figures of each beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from imssa_sim.cards import Card, load_card
from imssa_sim.costs.chips import hermes, imssa, isaac, jia, neurram, puma
from imssa_sim.costs.chips.figure import Figure
from imssa_sim.errors import InputError, nearest

__all__ = ["CHIPS", "Figure", "validate_chips"]

CHIPS: Mapping[str, Callable[[Card], Iterator[Figure]]] = MappingProxyType(
    {
        "isaac_ce": isaac.figures,
        "puma": puma.figures,
        "hermes_core": hermes.core_figures,
        "hermes_64": hermes.chip_figures,
        "neurram": neurram.figures,
        "jia_2020": jia.figures,
        "imssa": imssa.figures,
    }
)


def validate_chips(names: Iterable[str] = ()) -> tuple[Figure, ...]:
    """Return the figures of chips, of all of them by default.

    Raises
    ------
    InputError
        For an unknown chip.
    """
    chosen = tuple(names) or tuple(CHIPS)
    for name in chosen:
        if name not in CHIPS:
            close = nearest(name, CHIPS)
            hint = f"; did you mean '{close}'?" if close else ""
            raise InputError(f"unknown chip '{name}'{hint} (one of {', '.join(CHIPS)})")
    return tuple(figure for name in chosen for figure in CHIPS[name](load_card(f"chips/{name}")))
