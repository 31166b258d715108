"""A sweep file becomes a list of points, each a tuple of overrides."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from imssa_sim.errors import InputError, nearest

_KEYS = ("sweep", "description", "workload", "set", "grid", "list", "seeds", "x", "series")


@dataclass(frozen=True)
class SweepPlan:
    """Points of a sweep in their order.

    ``points`` are the overrides of each run, ``path -> value``; the common ones of ``set`` are in
    each. ``x`` and ``series`` are the paths on the axis and in the legend of the figure.
    """

    name: str
    description: str
    workload: str
    points: tuple[dict[str, Any], ...]
    x: str
    series: str | None

    @property
    def fingerprint(self) -> str:
        """Hash that tells whether a results folder belongs to this sweep."""
        text = json.dumps([self.name, self.workload, self.points], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_plan(path: Path) -> SweepPlan:
    """Read a sweep file.

    Keys: ``sweep`` (name), ``workload`` (a path relative to the sweep file, or a bare name),
    ``set`` (overrides common to all), exactly one of ``grid`` (path -> list of values, all
    combinations) and ``list`` (a list of mappings, one a point), ``seeds`` (list), ``x`` and
    ``series`` (paths for the figure).

    Raises
    ------
    InputError
        If the file cannot be read, has an unknown key, or describes no points.
    """
    document = _load(path)
    for key in document:
        if key not in _KEYS:
            line = document.lc.key(key)[0] + 1
            guess = nearest(str(key), _KEYS)
            hint = f"; did you mean '{guess}'?" if guess else ""
            raise InputError(
                f"{path}:{line}: unknown key '{key}'{hint} (known: {', '.join(_KEYS)})"
            )
    if "workload" not in document:
        raise InputError(f"{path}: workload: missing; name the workload that is swept")
    axes = _axes(document, path)
    common = _mapping(document.get("set", {}), "set", path)
    seeds = document.get("seeds", [])
    if not isinstance(seeds, list):
        raise InputError(f"{path}: seeds: expected a list of integers such as [0, 1, 2]")
    points = [{**common, **point} for point in axes]
    if seeds:
        points = [{**point, "seed": int(seed)} for point in points for seed in seeds]
    if not points:
        raise InputError(f"{path}: the sweep has no points; give values under 'grid' or 'list'")
    varying = [key for key in points[0] if len({str(p.get(key)) for p in points}) > 1]
    x = str(document.get("x", varying[0] if varying else next(iter(points[0]))))
    series = document.get("series")
    for role, name in (("x", x), ("series", series)):
        if name is not None and name not in points[0]:
            guess = nearest(str(name), points[0])
            hint = f"; did you mean '{guess}'?" if guess else ""
            raise InputError(f"{path}: {role}: '{name}' is not swept{hint}")
    workload = str(document["workload"])
    beside = path.parent / workload
    return SweepPlan(
        name=str(document.get("sweep", path.stem)),
        description=str(document.get("description", "")),
        workload=str(beside) if beside.is_file() else workload,
        points=tuple(points),
        x=x,
        series=None if series is None else str(series),
    )


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
        raise InputError(f"{path}: expected a mapping with the keys {', '.join(_KEYS)}")
    return document


def _axes(document: dict[str, Any], path: Path) -> list[dict[str, Any]]:
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
