"""A search file becomes a plan: knobs, objectives, constraints, sampler, seed, storage."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import ImssaError, InputError, nearest
from imssa_sim.files.keys import FileKey
from imssa_sim.files.source import parse
from imssa_sim.registry import unknown
from imssa_sim.searches.goals import ACCURACY, NAMED, read_constraints, read_objectives
from imssa_sim.searches.knobs import read_knobs
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.execute import overrides_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imssa_sim.searches.goals import Constraint, Objective
    from imssa_sim.searches.knobs import Knob

SAMPLERS = ("tpe", "nsga2", "random", "grid")
_RACE = ((24, 1), (96, 1))
"""Sequences and chips of the heats before the whole evaluation."""
_TRIALS = 200
KEYS = {
    "search": FileKey("text: the name of the search", "the file's name"),
    "description": FileKey("text", "none"),
    "workload": FileKey("a file, relative to this one, or a shipped name", "required"),
    "set": FileKey("dotted path → value, common to all trials", "none"),
    "knobs": FileKey(
        "dotted path → list of choices, or `{from: 4, to: 8, step: 2}`; or any name → list of "
        "mappings of paths, where a choice sets several paths together "
        "(`tile: [{hardware.chip.tile.rows: 68, hardware.chip.tile.columns: 136}, …]`)",
        "required",
    ),
    "objectives": FileKey(
        f"{', '.join(f'`{name}`' for name in NAMED)}, or a statistic; `{{statistic: min}}` or "
        "`max` where its name does not say which",
        "required",
    ),
    "constraints": FileKey(
        "list such as `power.average <= 1 mW`, `area <= 2 mm2`, `accuracy >= 95 %`", "none"
    ),
    "trials": FileKey(
        "different points in all, over processes and resumptions; `--trials` overrides it",
        f"{_TRIALS}",
    ),
    "sampler": FileKey(
        f"{', '.join(f'`{name}`' for name in SAMPLERS)} (`grid`: all points in order)",
        f"`{SAMPLERS[0]}`",
    ),
    "seed": FileKey("trial n draws from (seed, n)", "0"),
    "storage": FileKey(
        "`journal` or `sqlite`, in the folder; or a URL such as `postgresql://…` "
        "(`pip install 'psycopg[binary]'`)",
        "`journal`",
    ),
    "race": FileKey(
        "heats as [sequences, chips] before the whole evaluation; `[]`: none",
        f"`{json.dumps(_RACE)}`",
    ),
}
"""Keys of a search file."""


@dataclass(frozen=True)
class SearchPlan:
    """What a search turns, and what for.

    Attributes
    ----------
    name, description, workload : str
    set : mapping
        Overrides common to all trials.
    knobs : tuple of Knob
    objectives : tuple of Objective
    constraints : tuple of Constraint
    trials : int
        Trials in all, over all processes and resumptions.
    sampler : str
        One of `SAMPLERS`.
    seed : int
        Trial ``n`` draws from (seed, n) alone.
    storage : str
        ``journal``, ``sqlite``, or the URL of a data base.
    race : tuple of (int, int)
        Sequences and chips of each heat; who survives all is evaluated as the workload says.
    units : mapping
        Statistic -> unit, of all that the plan names.
    """

    name: str
    description: str
    workload: str
    set: Mapping[str, Any]
    knobs: tuple[Knob, ...]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    trials: int
    sampler: str
    seed: int
    storage: str
    race: tuple[tuple[int, int], ...]
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_accuracy(self) -> bool:
        """Whether an objective or a constraint is the accuracy."""
        return ACCURACY in self.stats

    @property
    def stats(self) -> tuple[str, ...]:
        """Statistics of the objectives, then those of the constraints."""
        named = [o.stat for o in self.objectives] + [c.stat for c in self.constraints]
        return tuple(dict.fromkeys(named))

    @property
    def size(self) -> int:
        """Points of the whole space."""
        return math.prod(len(knob.choices) for knob in self.knobs)

    @property
    def fingerprint(self) -> str:
        """Hash that tells whether a folder belongs to this search; the trials may grow."""
        parts = [
            self.name, self.workload, dict(self.set),
            [[knob.name, [dict(choice) for choice in knob.choices]] for knob in self.knobs],
            [[o.stat, o.maximise] for o in self.objectives],
            [[c.stat, c.most, c.bound] for c in self.constraints],
            self.sampler, self.seed, re.sub(r"//[^/@]*@", "//", self.storage), self.race,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def settings(self, choice: Mapping[str, int]) -> dict[str, Any]:
        """Return the overrides of a point, given the index of each knob's choice."""
        found = dict(self.set)
        for knob in self.knobs:
            found |= knob.choices[choice[knob.name]]
        return found


def read_search(path: Path, trials: int | None = None) -> SearchPlan:
    """Read a search file.

    Parameters
    ----------
    path : Path
    trials : int, optional
        Instead of the file's.

    Raises
    ------
    InputError
        The file cannot be read, has an unknown key, or a knob, objective or constraint that
        cannot be.
    """
    if not path.is_file():
        raise InputError(f"search file '{path}' does not exist; give the path of a YAML file")
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path)).data
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected a mapping with the keys {', '.join(KEYS)}")
    if "workload" in document:
        beside = path.parent / str(document["workload"])
        if beside.is_file():
            document["workload"] = str(beside)
    return search_of(document, path, trials)


def search_of(document: Mapping[str, Any], path: Path, trials: int | None = None) -> SearchPlan:
    """Return the plan that the keys of a search file describe.

    Raises
    ------
    InputError
        As `read_search`; the workload cannot be run, or no choice of a knob can.
    """
    for key in document:
        if key not in KEYS:
            close = nearest(str(key), KEYS)
            hint = f"; did you mean '{close}'?" if close else ""
            raise InputError(f"{path}: unknown key '{key}'{hint} (known: {', '.join(KEYS)})")
    for key in ("workload", "knobs", "objectives"):
        if key not in document:
            raise InputError(f"{path}: {key}: missing")
    common = document.get("set") or {}
    if not isinstance(common, dict):
        raise InputError(f"{path}: set: expected a mapping of dotted paths to values")
    common = json.loads(json.dumps(common, default=str))
    workload = str(document["workload"])
    known = _known(workload, common)
    sampler = document.get("sampler", SAMPLERS[0])
    if sampler not in SAMPLERS:
        raise unknown(f"{path}: sampler", sampler, SAMPLERS)
    plan = SearchPlan(
        name=str(document.get("search", path.stem)),
        description=str(document.get("description", "")),
        workload=workload,
        set=common,
        knobs=read_knobs(document["knobs"], path),
        objectives=read_objectives(document["objectives"], known, path),
        constraints=read_constraints(document.get("constraints") or [], known, path),
        trials=_count(
            document.get("trials", _TRIALS) if trials is None else trials, 1, "trials", path
        ),
        sampler=str(sampler),
        seed=_count(document.get("seed", 0), 0, "seed", path),
        storage=str(document.get("storage", "journal")),
        race=_race(document.get("race", _RACE), path),
    )  # fmt: skip
    _check_choices(plan, path)
    units = {stat: known[stat] for stat in plan.stats}
    return SearchPlan(**{**vars(plan), "units": units})


def _known(workload: str, common: Mapping[str, Any]) -> dict[str, str]:
    """Return the statistics that a search can use, and their units."""
    loaded = load_config(workload, overrides_of(common))
    result = simulate(loaded, accuracy=False)
    found = {
        stat.name: stat.unit
        for stat in collect(result)
        if isinstance(stat.value, int | float) and not stat.name.startswith("host.")
    }
    classes = loaded.config.model.task == "classification"
    return found | ({ACCURACY: "1"} if classes else {})


def _check_choices(plan: SearchPlan, path: Path) -> None:
    """Refuse a knob of which no choice makes a valid workload while all others are as they are."""
    for knob in plan.knobs:
        errors = []
        for choice in knob.choices:
            try:
                load_config(plan.workload, overrides_of({**plan.set, **choice}))
            except ImssaError as error:
                errors.append(str(error))
        if len(errors) == len(knob.choices):
            raise InputError(f"{path}: knobs.{knob.name}: no choice can be: {errors[0]}")


def _count(value: Any, least: int, name: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{path}: {name}: expected an integer from {least} on, not {value!r}")
    return value


def _race(value: Any, path: Path) -> tuple[tuple[int, int], ...]:
    shape = "a list of [sequences, chips] such as [[24, 1], [96, 1]], or []"
    if not isinstance(value, list | tuple):
        raise InputError(f"{path}: race: expected {shape}")
    for heat in value:
        if not isinstance(heat, list | tuple) or len(heat) != 2:
            raise InputError(f"{path}: race: expected {shape}")
        for number in heat:
            _count(number, 1, "race", path)
    return tuple((int(n), int(c)) for n, c in value)


SHORT = {stat: name for name, stat in NAMED.items()}
"""Statistic -> short name."""
