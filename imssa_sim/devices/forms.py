"""Forms of equations: how a card's parameters become an object with the physics in it.

A cell card names the form of an aspect (``drift_form: {value: power_law}``); the other parameters
with the aspect's prefix (``drift_exponent``, …) are the fields of that form's dataclass. Forms of
other packages are found through the entry point group ``imssa_sim.cells``, with names
``aspect.form``; docs/physics.md works through an example.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from imssa_sim.cards import Card, Entry
from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.registry import Registry

Aspect = Literal[
    "programming", "relaxation", "drift", "read_noise", "faults", "conduction", "write"
]
ENTRY_POINT_GROUP = "imssa_sim.cells"
_KIND = "imssa_sim"
_FORMS: dict[str, Registry[type[Any]]] = {
    aspect: Registry(f"form of {aspect}", ENTRY_POINT_GROUP, prefix=f"{aspect}.")
    for aspect in get_args(Aspect)
}


def register(aspect: Aspect, form: str) -> Any:
    """Return a decorator that makes a dataclass known as a form of an aspect."""

    def add(cls: type[Any]) -> type[Any]:
        return _FORMS[aspect].add(form, cls)

    return add


def parameter(
    dimension: str = "number",
    *,
    low: float | None = None,
    default: Any = dataclasses.MISSING,
    shape: Literal["scalar", "list", "table"] = "scalar",
) -> Any:
    """Return a dataclass field that is read from a card.

    Parameters
    ----------
    dimension : str
        One of `imssa_sim.units.dimensions`; the field holds SI.
    low : float, optional
        Least value that makes sense; a card below it is refused.
    default : object, optional
        Makes the parameter optional.
    shape : {"scalar", "list", "table"}
        One number, a tuple of them, or a tuple of tuples.
    """
    metadata = {_KIND: (dimension, low, shape)}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def forms(aspect: Aspect) -> Registry[type[Any]]:
    """Return the forms of an aspect by name, those of other packages included."""
    return _FORMS[aspect]


def build(card: Card, aspect: Aspect) -> Any:
    """Return the equation object of an aspect, or None where the card has no such form.

    Raises
    ------
    ConfigError
        With every unknown, missing or out-of-range parameter of the aspect, each with its line.
    """
    prefix = f"{aspect}_"
    given = {
        name.removeprefix(prefix): entry
        for name, entry in card.parameters.items()
        if name.startswith(prefix)
    }
    chosen = given.pop("form", None)
    known = forms(aspect)
    remedy = f"forms: {', '.join(known)}"
    if chosen is None:
        for entry in given.values():
            what = f"'{entry.name}' is stated without '{prefix}form'"
            raise ConfigError([fault(card, entry, what, remedy=remedy)])
        return None
    if chosen.text not in known:
        what, close = f"unknown form '{chosen.text}'", nearest(chosen.text, known)
        raise ConfigError([fault(card, chosen, what, suggestion=close, remedy=remedy)])
    cls = known[chosen.text]
    fields = {prefix + field.name: field for field in dataclasses.fields(cls)}
    problems = []
    for entry in given.values():
        if entry.name not in fields:
            what = f"form '{chosen.text}' has no such parameter"
            close = nearest(entry.name, fields)
            takes = f"it takes {', '.join(fields)}"
            problems.append(fault(card, entry, what, suggestion=close, remedy=takes))
    values = {}
    for name, field in fields.items():
        if name in card:
            try:
                values[field.name] = _value(card, name, field)
            except InputError as error:
                # Errors of cards begin with their position, which a Problem has anyway.
                what = str(error).rpartition(f"parameters.{name}: ")[2]
                problems.append(fault(card, card[name], what))
        elif field.default is dataclasses.MISSING:
            problems.append(fault(card, chosen, f"form '{chosen.text}' needs '{name}'"))
    if problems:
        raise ConfigError(problems)
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError([fault(card, chosen, str(error))]) from None


def fault(
    card: Card, entry: Entry, what: str, *, suggestion: str = "", remedy: str = ""
) -> Problem:
    """Return the problem of a parameter of a card, with its place in the file."""
    place = f"parameters.{entry.name}"
    return Problem(what, str(card.path), entry.line, None, place, suggestion, remedy)


def _value(card: Card, name: str, field: dataclasses.Field[Any]) -> Any:
    dimension, low, shape = field.metadata.get(_KIND, ("number", None, "scalar"))
    value: Any
    if shape == "scalar":
        value = card.quantity(name, dimension)
        least = value
    elif shape == "list":
        value = card.quantities(name, dimension)
        least = min(value)
    else:
        entry = card[name]
        if entry.dimension != dimension:
            raise InputError(f"'{entry.unit}' is of dimension {entry.dimension}, not {dimension}")
        value = entry.table
        least = min(map(min, value))
    if low is not None and least < low:
        raise InputError(f"{least:g} is below {low:g}, the least that makes sense")
    return value
