"""One number of a model card, with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from imssa_sim.errors import InputError, nearest
from imssa_sim.units import dimension_of, parse_unit, si_unit

Status = Literal["measured", "fitted", "derived", "assumed"]
STATUSES: tuple[Status, ...] = get_args(Status)
Number = float | tuple["Number", ...]
Value = float | str | bool | tuple["Value", ...]


@dataclass(frozen=True)
class Entry:
    """A parameter of a card.

    Attributes
    ----------
    name : str
        Its key in the card.
    value : float, str, bool or tuple
        As the card states it, in ``unit``. Words are choices (the form of a model).
    unit : str
        Empty for words.
    scaled : float or tuple or None
        ``value`` in SI; None for words. Read it through `si` or `array`.
    sigma : float or tuple or None
        Standard deviation in SI; of each element if ``value`` is a list.
    range : (float, float) or None
        Lowest and highest plausible value, SI.
    sources : tuple of str
        Keys of the bibliography; may be empty if ``status`` is "assumed".
    locator : str
        Table, figure or equation in the source.
    status : {"measured", "fitted", "derived", "assumed"}
        How the number came about.
    derivation, note : str
        The arithmetic that led from the source to the value; remarks.
    valid : mapping of str to (float, float)
        Limits within which the number holds, SI.
    line : int
        Line in the card's file.
    card : str
        Name of the card, for messages.
    """

    name: str
    value: Value
    unit: str = ""
    scaled: Number | None = None
    sigma: Number | None = None
    range: tuple[float, float] | None = None
    sources: tuple[str, ...] = ()
    locator: str = ""
    status: Status = "assumed"
    derivation: str = ""
    note: str = ""
    valid: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    line: int = 0
    card: str = ""

    @property
    def source(self) -> str:
        """The keys of the sources, separated by commas; empty if there are none."""
        return ", ".join(self.sources)

    @property
    def dimension(self) -> str:
        """Name of the dimension (see `imssa_sim.units`); "number" for bare numbers."""
        return dimension_of(parse_unit(self.unit)) if self.unit else "number"

    @property
    def si(self) -> float:
        """The value in SI, of a scalar parameter.

        Raises
        ------
        InputError
            If the parameter is a list or a word.
        """
        if isinstance(self.scaled, (int, float)):
            return self.scaled
        raise InputError(
            f"{self.card}: parameters.{self.name}: wanted one number, not {self.value!r}"
        )

    @property
    def array(self) -> tuple[float, ...]:
        """The values in SI, of a parameter that is a list of numbers.

        Raises
        ------
        InputError
            If the parameter is not a flat list of numbers.
        """
        if isinstance(self.scaled, tuple):
            flat = tuple(v for v in self.scaled if isinstance(v, (int, float)))
            if len(flat) == len(self.scaled):
                return flat
        raise InputError(
            f"{self.card}: parameters.{self.name}: wanted a list of numbers, not {self.value!r}"
        )

    @property
    def table(self) -> tuple[tuple[float, ...], ...]:
        """The rows in SI, of a parameter that is a list of lists of numbers.

        Raises
        ------
        InputError
            If the parameter is anything else.
        """
        if isinstance(self.scaled, tuple):
            rows = tuple(row for row in self.scaled if isinstance(row, tuple))
            flat = tuple(tuple(v for v in row if isinstance(v, (int, float))) for row in rows)
            if len(rows) == len(self.scaled) and all(
                map(lambda a, b: len(a) == len(b), rows, flat)
            ):
                return flat
        raise InputError(
            f"{self.card}: parameters.{self.name}: wanted a list of rows, not {self.value!r}"
        )

    @property
    def text(self) -> str:
        """The word, of a parameter that is a choice.

        Raises
        ------
        InputError
            If the parameter is a number.
        """
        if isinstance(self.value, str):
            return self.value
        raise InputError(f"{self.card}: parameters.{self.name}: wanted a word, not {self.value!r}")


@dataclass(frozen=True)
class Card:
    """A model card: parameters with provenance, limits of validity, and what is left out.

    ``card["energy"]`` is the `Entry`; ``card.quantity("energy", "energy")`` its SI value with the
    dimension checked.
    """

    name: str
    kind: str
    title: str
    parameters: Mapping[str, Entry]
    valid: Mapping[str, tuple[float, float]]
    not_modelled: tuple[str, ...]
    notes: str
    path: Path
    references: str = ""

    def __getitem__(self, name: str) -> Entry:
        """Return a parameter; an unknown one is an `InputError` with the nearest name."""
        entry = self.parameters.get(name)
        if entry is None:
            close = nearest(name, self.parameters)
            hint = (
                f"; did you mean '{close}'?" if close else f"; it has {', '.join(self.parameters)}"
            )
            raise InputError(f"{self.path}: card '{self.name}' has no parameter '{name}'{hint}")
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self.parameters

    def quantity(self, name: str, dimension: str) -> float:
        """Return the SI value of a scalar parameter after a check of its dimension.

        Raises
        ------
        InputError
            If the parameter is missing, is no scalar number, or has another dimension.
        """
        self._check(name, dimension)
        return self[name].si

    def quantities(self, name: str, dimension: str) -> tuple[float, ...]:
        """Return the SI values of a list parameter after a check of its dimension.

        Raises
        ------
        InputError
            If the parameter is missing, is no list of numbers, or has another dimension.
        """
        self._check(name, dimension)
        return self[name].array

    def _check(self, name: str, dimension: str) -> None:
        entry = self[name]
        wanted = parse_unit(si_unit(dimension)).vector
        if entry.scaled is not None and parse_unit(entry.unit or "1").vector != wanted:
            raise InputError(
                f"{self.path}:{entry.line}: parameters.{name}: '{entry.unit}' is of dimension "
                f"{entry.dimension}; expected {dimension}, for example in {si_unit(dimension)}"
            )

    @property
    def sources(self) -> tuple[str, ...]:
        """Bibliography keys of all parameters, each once, in order."""
        return tuple(dict.fromkeys(s for e in self.parameters.values() for s in e.sources))


def frozen(mapping: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
    """Return a read-only view."""
    return MappingProxyType(dict(mapping))
