"""A sweep file becomes a list of points, each a tuple of overrides."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from imssa_sim.errors import InputError, nearest
from imssa_sim.files.keys import FileKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYS = {
    "sweep": FileKey("text: the name of the sweep", "the file's name"),
    "description": FileKey("text", "none"),
    "workload": FileKey("a file, relative to this one, or a shipped name", "required"),
    "set": FileKey("dotted path → value, common to all points", "none"),
    "grid": FileKey("dotted path → list of values; all combinations", "this or `list`"),
    "list": FileKey("list of mappings of dotted paths to values, one a point", "this or `grid`"),
    "seeds": FileKey("list of whole numbers; results are averaged over them alone", "none"),
    "x": FileKey("path on the axis of the figure", "the first that varies"),
    "series": FileKey("path in the legend of the figure", "none"),
    "y": FileKey("a statistic or several: columns of the table, panels of the figure", "the usual"),
    "accuracy": FileKey("`false` runs the points for their costs alone", "`true`"),
}
"""Keys of a sweep file."""
SEED = "seed"
"""The one path over which results are averaged."""


@dataclass(frozen=True)
class SweepPlan:
    """Points of a sweep in their order.

    ``points`` are the overrides of each run, ``path -> value``; the common ones of ``set`` are in
    each. ``x`` and ``series`` are the paths on the axis and in the legend of the figure; ``x`` is
    None where the points are a list that differs in several paths. Without ``accuracy``, points
    are run for their costs alone.
    """

    name: str
    description: str
    workload: str
    points: tuple[dict[str, Any], ...]
    x: str | None
    series: str | None
    accuracy: bool = True
    y: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Hash that tells whether a results folder belongs to this sweep."""
        parts: list[Any] = [self.name, self.workload, self.points]
        if not self.accuracy:
            parts.append("costs alone")
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def axes(self) -> tuple[str, ...]:
        """Paths in which the points differ: ``series`` first, ``x`` next, then all others.

        The seed is not one of them, unless it is ``x`` or ``series``.
        """
        named = [path for path in (self.series, self.x) if path is not None]
        others = [path for path in varying(self.points) if path != SEED]
        return tuple(dict.fromkeys((*named, *others)))


def varying(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the paths whose values, or whose presence, differ between points."""
    keys = dict.fromkeys(key for point in points for key in point)
    return [key for key in keys if len({label(point, key) for point in points}) > 1]


def label(point: Mapping[str, Any], path: str) -> str:
    """Return a point's value at a path for people; two labels are the same if the values are."""
    if path not in point:
        return ABSENT
    value = point[path]
    if isinstance(value, str) and value != ABSENT and not _reads_as_another(value):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


ABSENT = "(as in the workload)"
"""Label of a path that a point of a list leaves alone."""


def _reads_as_another(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def read_plan(path: Path) -> SweepPlan:
    """Read a sweep file.

    `KEYS` are its keys.

    Raises
    ------
    InputError
        If the file cannot be read, has an unknown key, or describes no points.
    """
    document = _load(path)
    for key in document:
        if key not in KEYS:
            line = document.lc.key(key)[0] + 1
            guess = nearest(str(key), KEYS)
            hint = f"; did you mean '{guess}'?" if guess else ""
            raise InputError(f"{path}:{line}: unknown key '{key}'{hint} (known: {', '.join(KEYS)})")
    if "workload" not in document:
        raise InputError(f"{path}: workload: missing; name the workload that is swept")
    beside = path.parent / str(document["workload"])
    if beside.is_file():
        document["workload"] = str(beside)
    return plan_of(document, path)


def plan_of(document: Mapping[str, Any], path: Path) -> SweepPlan:
    """Return the plan that the keys of a sweep file describe (`read_plan`).

    Parameters
    ----------
    document : mapping
    path : Path
        What messages name as their place.

    Raises
    ------
    InputError
        If they describe no points.
    """
    axes = _axes(document, path)
    common = _mapping(document.get("set", {}), "set", path)
    seeds = document.get("seeds", [])
    if not isinstance(seeds, list):
        raise InputError(f"{path}: seeds: expected a list of integers such as [0, 1, 2]")
    points = [{**common, **point} for point in axes]
    if seeds:
        points = [{**point, SEED: seed} for point in points for seed in _integers(seeds, path)]
    if not points:
        raise InputError(f"{path}: the sweep has no points; give values under 'grid' or 'list'")
    _check_different(points, path)
    x, series = document.get("x"), document.get("series")
    known = list(dict.fromkeys(key for point in points for key in point))
    for role, name in (("x", x), ("series", series)):
        if name is not None and name not in known:
            guess = nearest(str(name), known)
            hint = f"; did you mean '{guess}'?" if guess else ""
            raise InputError(f"{path}: {role}: '{name}' is not swept{hint}")
    if x is not None and x == series:
        raise InputError(f"{path}: series: '{series}' is x already; name another path, or none")
    return SweepPlan(
        name=str(document.get("sweep", path.stem)),
        description=str(document.get("description", "")),
        workload=str(document["workload"]),
        points=tuple(points),
        x=_x(points, series, "list" in document, bool(seeds)) if x is None else str(x),
        series=None if series is None else str(series),
        accuracy=_switch(document, path),
        y=_statistics(document.get("y", []), path),
    )


MEASURES = {name: f"regression.{name}.analog.mean" for name in ("r2", "mse", "rmse")}
"""Short names of statistics of regressions, as ``y`` takes them."""


def _statistics(value: Any, path: Path) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(
            f"{path}: y: expected names of statistics such as [energy.inference, area]"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: y: '{twice[0]}' is named twice")
    return tuple(MEASURES.get(name, name) for name in map(str, names))


def _switch(document: Mapping[str, Any], path: Path) -> bool:
    value = document.get("accuracy", True)
    if not isinstance(value, bool):
        raise InputError(f"{path}: accuracy: {value!r} is neither true nor false")
    return value


def _x(
    points: Sequence[Mapping[str, Any]], series: Any, listed: bool, averaged: bool
) -> str | None:
    """Return the path on the axis where the file names none."""
    swept = [path for path in varying(points) if path not in (series, SEED)]
    if listed and len(swept) > 1:
        return None
    if swept:
        return swept[0]
    rest = [path for path in points[0] if path != series]
    return next(
        (path for path in rest if (path == SEED) is not averaged), rest[0] if rest else None
    )


def _integers(values: list[Any], path: Path) -> list[int]:
    for value in values:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError(f"{path}: seeds: {value!r} is not an integer")
    return [int(value) for value in values]


def _check_different(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    seen: dict[str, int] = {}
    for number, point in enumerate(points, 1):
        text = json.dumps(point, sort_keys=True)
        if text in seen:
            raise InputError(
                f"{path}: point {number} of the sweep repeats point {seen[text]} "
                f"({text}); remove one of them"
            )
        seen[text] = number


def _load(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"sweep file '{path}' does not exist; give the path of a YAML file")
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise InputError(f"{path}{where}: not valid YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected a mapping with the keys {', '.join(KEYS)}")
    return document


def _axes(document: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    if ("grid" in document) == ("list" in document):
        raise InputError(f"{path}: give either 'grid' or 'list', not both and not neither")
    if "list" in document:
        if not isinstance(document["list"], list):
            raise InputError(f"{path}: list: expected a list of mappings, one a point")
        return [_mapping(point, "list", path) for point in document["list"]]
    grid = _mapping(document["grid"], "grid", path)
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise InputError(f"{path}: grid.{key}: expected a list of values")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def _mapping(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path}: {name}: expected a mapping of dotted paths to values")
    return {str(key): _plain(item) for key, item in value.items()}


def _plain(value: Any) -> Any:
    """Strip the loader's own types, so that points can be hashed and written."""
    return json.loads(json.dumps(value, default=str))
