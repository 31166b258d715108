"""Knobs of a search: what each may be, in an order that a sampler can use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from imssa_sim.config.overrides import parse_override
from imssa_sim.config.schema import RunConfig
from imssa_sim.errors import ConfigError, InputError
from imssa_sim.units import parse_any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST = 10_000
"""Values of a range at most."""
_RANGE = {"from", "to", "step"}


@dataclass(frozen=True)
class Knob:
    """One thing that a search turns.

    Attributes
    ----------
    name : str
        The dotted path that it sets, or any name where a choice sets several.
    choices : tuple of mappings
        Dotted path -> value, one mapping a choice.
    ordered : bool
        Whether the choices are numbers or quantities, the smallest first.
    """

    name: str
    choices: tuple[Mapping[str, Any], ...]
    ordered: bool

    def label(self, index: int) -> str:
        """Return a choice for people."""
        values = list(self.choices[index].values())
        texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
        return " / ".join(texts)


def read_knobs(document: Any, path: Path) -> tuple[Knob, ...]:
    """Return the knobs of a search file.

    Raises
    ------
    InputError
        A path names nothing in a workload (the nearest is told), a range is empty, two knobs set
        one path, or there is none.
    """
    if not isinstance(document, dict) or not document:
        raise InputError(f"{path}: knobs: expected a mapping of dotted paths to choices")
    knobs = tuple(_knob(str(name), value, path) for name, value in document.items())
    owner: dict[str, str] = {}
    for knob in knobs:
        for set_path in {key for choice in knob.choices for key in choice}:
            if set_path in owner:
                raise InputError(
                    f"{path}: knobs: '{owner[set_path]}' and '{knob.name}' both set {set_path}"
                )
            owner[set_path] = knob.name
            _check_path(set_path, path)
    return knobs


def _check_path(name: str, path: Path) -> None:
    try:
        parse_override(f"{name}=0", RunConfig)
    except ConfigError as error:
        problem = error.problems[0]
        hint = f"; did you mean '{problem.suggestion}'?" if problem.suggestion else ""
        remedy = f"; {problem.remedy}" if problem.remedy and not hint else ""
        raise InputError(f"{path}: knobs.{name}: {problem.what}{hint}{remedy}") from None


def _knob(name: str, value: Any, path: Path) -> Knob:
    where = f"{path}: knobs.{name}"
    if isinstance(value, dict):
        value = _range(value, where)
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: expected choices such as [4, 6, 8], or {{from: 4, to: 8}}")
    plain = [json.loads(json.dumps(item, default=str)) for item in value]
    texts = [json.dumps(item, sort_keys=True) for item in plain]
    if len(set(texts)) < len(texts):
        raise InputError(f"{where}: a choice stands there twice")
    if all(isinstance(item, dict) and item for item in plain):
        keys = set(plain[0])
        if any(set(item) != keys for item in plain):
            raise InputError(f"{where}: choices that set several paths must set the same ones")
        return Knob(name, tuple(plain), ordered=False)
    sizes = [_size(item) for item in plain]
    if None not in sizes:
        plain = [item for _, item in sorted(zip(sizes, plain, strict=True), key=lambda p: p[0])]  # type: ignore[arg-type,return-value]
    return Knob(name, tuple({name: item} for item in plain), ordered=None not in sizes)


def _size(value: Any) -> float | None:
    """Return by what choices are ordered: a number or a quantity; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return parse_any(value)[0]
        except InputError:
            return None
    return None


def _range(value: Mapping[str, Any], where: str) -> list[int | float]:
    """Return the numbers of ``{from, to, step}``, both ends included."""
    if not {"from", "to"} <= set(value) <= _RANGE:
        raise InputError(f"{where}: a range is {{from: 4, to: 8, step: 2}}; step is 1 by default")
    try:
        first, last, step = (Decimal(str(value.get(k, 1))) for k in ("from", "to", "step"))
    except InvalidOperation:
        raise InputError(f"{where}: from, to and step are numbers") from None
    if step <= 0:
        raise InputError(f"{where}: step {step} is not positive")
    if last < first:
        raise InputError(f"{where}: the range is empty: from {first} to {last}")
    count = int((last - first) / step) + 1
    if count > LARGEST:
        raise InputError(f"{where}: {count} values; at most {LARGEST}")
    found = [first + step * k for k in range(count)]
    whole = all(number == number.to_integral_value() for number in (first, step))
    return [int(number) if whole else float(number) for number in found]
