"""Objectives and constraints of a search, as statistics of a run."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.errors import InputError, nearest
from imssa_sim.units import parse_any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ACCURACY = "accuracy.analog.mean"
"""The one statistic that needs values; all others of a search are costs."""
NAMED = {
    "accuracy": ACCURACY,
    "energy": "energy.inference",
    "latency": "time.end_to_end",
    "area": "area",
    "power": "power.average",
    "programming": "programming.energy",
}
"""Short name -> statistic."""
_HIGH = (ACCURACY, "time.throughput", "tops_per_watt.", "tops_per_mm2.", "programming.yield")
"""Statistics of which more is better, by how they begin."""
_CONSTRAINT = re.compile(r"\s*([\w.]+)\s*(<=|>=|≤|≥)\s*(.+?)\s*")
_SQUARE = re.compile(r"m(?:2|²)\b")


@dataclass(frozen=True)
class Objective:
    """A statistic to minimise, or to maximise; ``name`` is how the file calls it."""

    name: str
    stat: str
    maximise: bool

    def signed(self, value: float) -> float:
        """Return a value so that less is better."""
        return -value if self.maximise else value


@dataclass(frozen=True)
class Constraint:
    """A bound on a statistic, in SI; ``text`` is how the file has it."""

    text: str
    stat: str
    most: bool
    bound: float

    def excess(self, value: float) -> float:
        """Return by which share of the bound a value breaks it; 0 or less where it holds."""
        over = value - self.bound if self.most else self.bound - value
        return over / (abs(self.bound) or 1.0)


def read_objectives(document: Any, known: Mapping[str, str], path: Path) -> tuple[Objective, ...]:
    """Return the objectives of a search file: names, or ``{statistic: min}`` and ``max``.

    Parameters
    ----------
    document : object
    known : mapping
        Statistics that a search can use, and their units.
    path : Path
        For messages.

    Raises
    ------
    InputError
        There is none, one stands twice, or one is unknown (the nearest is told).
    """
    if not isinstance(document, list) or not document:
        raise InputError(f"{path}: objectives: expected a list such as [accuracy, energy]")
    found = []
    for item in document:
        sense = None
        if isinstance(item, dict) and len(item) == 1:
            ((item, sense),) = item.items()
            if sense not in ("min", "max"):
                raise InputError(f"{path}: objectives: {item}: '{sense}' is neither min nor max")
        stat = _stat(str(item), known, f"{path}: objectives")
        maximise = stat.startswith(_HIGH) if sense is None else sense == "max"
        found.append(Objective(str(item), stat, maximise))
    if len({o.stat for o in found}) < len(found):
        raise InputError(f"{path}: objectives: a statistic stands there twice")
    if any(o.stat == ACCURACY and not o.maximise for o in found):
        raise InputError(f"{path}: objectives: an accuracy is maximised")
    return tuple(found)


def read_constraints(document: Any, known: Mapping[str, str], path: Path) -> tuple[Constraint, ...]:
    """Return the constraints of a search file, such as ``power.average <= 1 mW``.

    Raises
    ------
    InputError
        One is not of that form, of an unknown statistic, or of another unit.
    """
    if not isinstance(document, list):
        raise InputError(f"{path}: constraints: expected a list such as ['area <= 2 mm^2']")
    return tuple(_constraint(str(text), known, f"{path}: constraints") for text in document)


def _constraint(text: str, known: Mapping[str, str], where: str) -> Constraint:
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise InputError(f"{where}: '{text}' is not of the form 'area <= 2 mm^2' (or >=)")
    name, sense, bound = match.groups()
    stat = _stat(name, known, where)
    most = sense in ("<=", "≤")
    if stat == ACCURACY and most:
        raise InputError(f"{where}: '{text}': an accuracy is bounded from below (>=)")
    return Constraint(text, stat, most, _bound(bound, known[stat], f"{where}: '{text}'"))


def _bound(text: str, unit: str, where: str) -> float:
    """Return a bound in the unit that the statistic has."""
    number = text.removesuffix(unit).removesuffix("%")
    factor = 0.01 if text.endswith("%") else 1.0
    try:
        value = float(number) * factor
    except ValueError:
        return _quantity(text, unit, where)
    if unit not in ("", "1", "tick") and number == text and value != 0:
        raise InputError(f"{where}: a number needs its unit, {unit}")
    if not math.isfinite(value):
        raise InputError(f"{where}: the bound is not a number")
    return value


def _quantity(text: str, unit: str, where: str) -> float:
    try:
        value, found = parse_any(_SQUARE.sub("m^2", text))
        _, wanted = parse_any(f"1 {_SQUARE.sub('m^2', unit)}")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if found.vector != wanted.vector:
        raise InputError(f"{where}: the statistic is in {unit or 'no unit'}")
    return value


def _stat(name: str, known: Mapping[str, str], where: str) -> str:
    stat = NAMED.get(name, name)
    if stat in known:
        return stat
    if stat == ACCURACY or stat.startswith("regression.") or name in ("r2", "mse", "rmse"):
        raise InputError(
            f"{where}: '{name}': with model.task: regression a search takes costs alone (energy, "
            "latency, area, power, …), since its trials end early by intervals of accuracies"
        )
    if stat.startswith(("accuracy.", "adc.", "saturation.")):
        raise InputError(
            f"{where}: '{name}' is known of whole runs alone; a search takes costs and accuracy "
            f"({ACCURACY})"
        )
    if name in NAMED:
        raise InputError(f"{where}: '{name}' has no value here ({stat}): no cost model gives one")
    close = nearest(name, [*NAMED, *known])
    hint = f"; did you mean '{close}'?" if close else ""
    raise InputError(
        f"{where}: unknown statistic '{name}'{hint} (or {', '.join(NAMED)}; any of stats.txt)"
    )
