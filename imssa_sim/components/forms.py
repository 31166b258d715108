"""Which cost model a card names: this package's, or one of another package."""

from __future__ import annotations

from typing import TypeVar

from imssa_sim.cards import Card
from imssa_sim.errors import InputError
from imssa_sim.registry import Registry

Form = TypeVar("Form")


def form_of(card: Card, forms: Registry[Form | type[Form]]) -> Form:
    """Return the cost model that the card's ``form`` names.

    Parameters
    ----------
    card : Card
    forms : Registry
        Models, or classes without parameters that make one.

    Raises
    ------
    InputError
        If the card names another form; says its file.
    """
    name = card["form"].text
    if name not in forms:
        raise InputError(
            f"{card.path}: card '{card.name}': form '{name}' is not one of {', '.join(forms)}"
        )
    found = forms[name]
    return found() if isinstance(found, type) else found
