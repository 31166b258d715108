"""Runs the points of a sweep, in parallel, storing each result as it comes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import ImssaError, InputError
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.basis import Bases, changes
from imssa_sim.sweeps.store import PointResult, Store, identity
from imssa_sim.sweeps.workers import run_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from imssa_sim.simulation.progress import Progress
    from imssa_sim.sweeps.basis import Basis
    from imssa_sim.sweeps.plan import SweepPlan

SHOWN = 4
"""Reasons that are shown in full."""


@dataclass(frozen=True)
class _Task:
    """A point to run."""

    workload: str
    point: Mapping[str, Any]
    accuracy: bool


def overrides_of(point: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ``--set`` texts of a point."""
    return tuple(f"{path}={json.dumps(value)}" for path, value in point.items())


def execute(
    plan: SweepPlan, folder: Path, jobs: int, progress: Progress, refuse_stale: bool = False
) -> list[PointResult]:
    """Run what is not yet in ``folder``, and return the results of all points in plan order.

    Every point is validated before the first one runs. Points that differ only in what values do
    not depend on (cost cards, clocks) share one functional execution. A stored point is run again
    if it failed, or if anything that its result depends on has changed since; the user is told.

    Parameters
    ----------
    plan : SweepPlan
    folder : Path
        Results folder; an interrupted sweep of the same plan goes on in it.
    jobs : int
        Worker processes, -1 for one a processor.
    progress : Progress
    refuse_stale : bool
        Refuse to go on where stored points are out of date, instead of running them again.

    Raises
    ------
    InputError
        If the folder belongs to another sweep or is in use, a point is not a valid configuration,
        or, if so asked, a stored point is out of date.
    """
    bases, keys, now = Bases(), {}, {}
    for point in plan.points:
        loaded = load_config(plan.workload, overrides_of(point))
        name = identity(point)
        keys[name], now[name] = functional_key(loaded.config), bases.of(loaded)
    progress.phase(f"sweep {plan.name}", len(plan.points))
    with Store(plan, folder) as store:
        done = _still_good(store, now, progress, refuse_stale, folder)
        groups: dict[str, list[_Task]] = {}
        for point in plan.points:
            if identity(point) not in done:
                tasks = groups.setdefault(keys[identity(point)], [])
                tasks.append(_Task(plan.workload, point, plan.accuracy))
        progress.advance(len(done))
        for found in run_groups(_run_group, list(groups.values()), jobs, _lost):
            name = identity(found.point)
            done[name] = replace(found, basis=now[name])
            store.append(done[name])
            progress.advance(len(done))
    return [done[identity(point)] for point in plan.points]


def _still_good(
    store: Store, now: Mapping[str, Basis], progress: Progress, refuse: bool, folder: Path
) -> dict[str, PointResult]:
    """Return the stored results that can be used, and leave no other in the store."""
    stored = store.read()
    good, failed, reasons, stale = {}, 0, Counter[str](), 0
    for result in stored:
        name = identity(result.point)
        if name not in now:
            continue
        found = changes(dict(result.basis), dict(now[name]))
        if found:
            stale += 1
            reasons.update(found)
        elif result.error:
            failed += 1
        else:
            good[name] = result
    if stale:
        text = f"{stale} of {len(stored)} stored points are out of date: {_listed(reasons)}"
        if refuse:
            raise InputError(
                f"'{folder}': {text}; without --refuse-stale they are run again, "
                "with -o DIR the sweep starts anew elsewhere"
            )
        progress.note(f"{text}; they are run again")
    if failed:
        progress.note(f"{failed} stored points failed; they are tried again")
    store.keep(good.values())
    return good


def _listed(reasons: Counter[str]) -> str:
    named = [text for text, _ in reasons.most_common(SHOWN)]
    more = len(reasons) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "") + " changed"


def _run_group(group: Sequence[_Task]) -> Iterator[PointResult]:
    """Run points that share one functional execution."""
    memory: dict[str, Any] = {}
    for task in group:
        try:
            loaded = load_config(task.workload, overrides_of(task.point))
            result = simulate(loaded, memory=memory, accuracy=task.accuracy)
            stats = {stat.name: stat.value for stat in collect(result)}
        except ImssaError as error:
            yield PointResult(task.point, {}, error=str(error))
        except Exception as error:
            text = " ".join(f"internal error: {type(error).__name__}: {error}".split())
            yield PointResult(task.point, {}, error=text)
        else:
            yield PointResult(task.point, stats, message=result.data.message)


def _lost(task: _Task, why: str) -> PointResult:
    return PointResult(task.point, {}, error=f"no result: {why}")
