"""Forms of equations: how a card's parameters become an object with the physics in it.

A cell card names the form of an aspect (``drift_form: {value: power_law}``); the other parameters
with the aspect's prefix (``drift_exponent``, …) are the fields of that form's dataclass. Forms of
other packages are found through the entry point group ``imssa_sim.cells``, with names
``aspect.form``; docs/physics.md works through an example.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Literal

from imssa_sim.cards import Card
from imssa_sim.errors import ConfigError, InputError, Problem, nearest

Aspect = Literal[
    "programming", "relaxation", "drift", "read_noise", "faults", "conduction", "write"
]
ENTRY_POINT_GROUP = "imssa_sim.cells"
_KIND = "imssa_sim"
_FORMS: dict[str, dict[str, type[Any]]] = {}


def register(aspect: Aspect, form: str) -> Any:
    """Return a decorator that makes a dataclass known as a form of an aspect."""

    def add(cls: type[Any]) -> type[Any]:
        _FORMS.setdefault(aspect, {})[form] = cls
        return cls

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


@lru_cache(maxsize=1)
def _foreign() -> Mapping[str, type[Any]]:
    return MappingProxyType(
        {point.name: point.load() for point in entry_points(group=ENTRY_POINT_GROUP)}
    )


def forms(aspect: Aspect) -> Mapping[str, type[Any]]:
    """Return the forms of an aspect by name, those of other packages included."""
    prefix = f"{aspect}."
    own = _FORMS.get(aspect, {})
    return {
        **own,
        **{name[len(prefix) :]: cls for name, cls in _foreign().items() if name.startswith(prefix)},
    }


def build(card: Card, aspect: Aspect) -> Any:
    """Return the equation object of an aspect, or None where the card has no such form.

    Raises
    ------
    ConfigError
        With every unknown, missing or out-of-range parameter of the aspect, each with its line.
    """
    prefix = f"{aspect}_"
    given = {
        name[len(prefix) :]: entry
        for name, entry in card.parameters.items()
        if name.startswith(prefix)
    }
    chosen = given.pop("form", None)
    if chosen is None:
        if given:
            first = next(iter(given.values()))
            raise ConfigError(
                [
                    Problem(
                        f"'{first.name}' is stated without '{prefix}form'",
                        str(card.path),
                        first.line,
                        path=f"parameters.{first.name}",
                        remedy=f"forms: {', '.join(forms(aspect))}",
                    )
                ]
            )
        return None
    known = forms(aspect)
    if chosen.text not in known:
        raise ConfigError(
            [
                Problem(
                    f"unknown form '{chosen.text}'",
                    str(card.path),
                    chosen.line,
                    path=f"parameters.{chosen.name}",
                    suggestion=nearest(chosen.text, known),
                    remedy=f"forms: {', '.join(known)}",
                )
            ]
        )
    cls = known[chosen.text]
    fields = {f.name: f for f in dataclasses.fields(cls)}
    problems = [
        Problem(
            f"form '{chosen.text}' has no parameter '{name}'",
            str(card.path),
            entry.line,
            path=f"parameters.{entry.name}",
            suggestion=prefix + nearest(name, fields) if nearest(name, fields) else "",
            remedy=f"it takes {', '.join(prefix + f for f in fields)}",
        )
        for name, entry in given.items()
        if name not in fields
    ]
    values = {}
    for name, field in fields.items():
        if name in given:
            try:
                values[name] = _value(card, prefix + name, field)
            except InputError as error:
                line = given[name].line
                problems.append(
                    Problem(str(error), str(card.path), line, path=f"parameters.{prefix}{name}")
                )
        elif field.default is dataclasses.MISSING:
            problems.append(
                Problem(
                    f"form '{chosen.text}' needs '{prefix}{name}'",
                    str(card.path),
                    chosen.line,
                    path="parameters",
                )
            )
    if problems:
        raise ConfigError(problems)
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(
            [Problem(str(error), str(card.path), chosen.line, path=f"parameters.{chosen.name}")]
        ) from None


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
