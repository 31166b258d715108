"""Runs the points of a sweep, in parallel, storing each result as it comes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import ImssaError, InputError
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps.basis import Bases, changes
from imssa_sim.sweeps.store import PointResult, Store, identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.result import RunResult
    from imssa_sim.simulation.stats import Stat
    from imssa_sim.sweeps.basis import Basis
    from imssa_sim.sweeps.executors import Executor
    from imssa_sim.sweeps.plan import SweepPlan

SHOWN = 4
"""Reasons that are shown in full."""
COSTS_AT_ONCE = 50
"""Points without values that one process is given at a time: they share no execution."""
KEPT = "runs"
"""Folder of the run directories of points, where they are wanted."""


@dataclass(frozen=True)
class Keep:
    """Writes a run directory a point.

    Attributes
    ----------
    write : callable
        Of a result, its statistics and the directory; a function of a module, as workers call it.
    """

    write: Callable[[RunResult, tuple[Stat, ...], Path], None]


@dataclass(frozen=True)
class _Task:
    """A point to run; ``place``: its run directory, where one is wanted."""

    workload: str
    point: Mapping[str, Any]
    accuracy: bool
    place: Path | None


def overrides_of(point: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ``--set`` texts of a point."""
    return tuple(f"{path}={json.dumps(value)}" for path, value in point.items())


def execute(
    plan: SweepPlan,
    folder: Path,
    executor: Executor,
    progress: Progress,
    refuse_stale: bool = False,
    keep: Keep | None = None,
    watch: Callable[[PointResult], None] = lambda result: None,
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
    executor : Executor
        Where points run.
    progress : Progress
    refuse_stale : bool
        Refuse to go on where stored points are out of date, instead of running them again.
    keep : Keep, optional
        Each point's run directory, ``runs/NUMBER`` by its place in the plan, is written so.
    watch : callable
        Told of each result, those that were there first.

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
    places = _places(plan, folder, keep)
    progress.phase(f"sweep {plan.name}", len(plan.points))
    with Store(plan, folder) as store:
        done = _still_good(store, now, places, progress, refuse_stale, folder)
        for result in done.values():
            watch(result)
        groups: dict[str, list[_Task]] = {}
        for point in plan.points:
            name = identity(point)
            if name not in done:
                task = _Task(plan.workload, point, plan.accuracy, places.get(name))
                groups.setdefault(keys[name], []).append(task)
        work = partial(_run_elsewhere if executor.elsewhere else _run_group, keep)
        progress.advance(len(done))
        for found in executor.run(work, _parts(plan, groups), _lost):
            name = identity(found.point)
            done[name] = _checked(found, now[name])
            store.append(done[name])
            progress.advance(len(done))
            watch(done[name])
    return [done[identity(point)] for point in plan.points]


def _places(plan: SweepPlan, folder: Path, keep: Keep | None) -> dict[str, Path]:
    """Return the run directory of each point, by its identity; none where none is wanted."""
    if keep is None:
        return {}
    digits, root = len(str(len(plan.points))), folder.absolute() / KEPT
    return {
        identity(point): root / f"{number:0{digits}}" for number, point in enumerate(plan.points, 1)
    }


def _parts(plan: SweepPlan, groups: Mapping[str, list[_Task]]) -> list[list[_Task]]:
    """Return what each process is given at a time."""
    if plan.accuracy:
        return list(groups.values())
    return [
        tasks[start : start + COSTS_AT_ONCE]
        for tasks in groups.values()
        for start in range(0, len(tasks), COSTS_AT_ONCE)
    ]


def _checked(found: PointResult, now: Basis) -> PointResult:
    """Return a result with its basis; none if a worker found it on another one."""
    if found.basis and (differs := changes(dict(now), dict(found.basis))):
        why = f"its worker has other files or code, or had when it began: {', '.join(differs)}"
        return PointResult(found.point, {}, error=why, basis=now)
    return replace(found, basis=now)


def _still_good(
    store: Store,
    now: Mapping[str, Basis],
    places: Mapping[str, Path],
    progress: Progress,
    refuse: bool,
    folder: Path,
) -> dict[str, PointResult]:
    """Return the stored results that can be used, and leave no other in the store."""
    stored = store.read()
    good, failed, reasons, stale, bare = {}, 0, Counter[str](), 0, 0
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
        elif name in places and not places[name].is_dir():
            bare += 1
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
    if bare:
        progress.note(f"{bare} stored points have no run directory; they are run again")
    store.keep(good.values())
    return good


def _listed(reasons: Counter[str]) -> str:
    named = [text for text, _ in reasons.most_common(SHOWN)]
    more = len(reasons) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "") + " changed"


def _run_group(keep: Keep | None, group: Sequence[_Task]) -> Iterator[PointResult]:
    """Run points that share one functional execution."""
    memory: dict[str, Any] = {}
    for task in group:
        try:
            loaded = load_config(task.workload, overrides_of(task.point))
            result = simulate(loaded, memory=memory, accuracy=task.accuracy)
            stats = collect(result)
            if keep is not None and task.place is not None:
                keep.write(result, stats, task.place)
        except ImssaError as error:
            yield PointResult(task.point, {}, error=str(error))
        except Exception as error:
            text = " ".join(f"internal error: {type(error).__name__}: {error}".split())
            yield PointResult(task.point, {}, error=text)
        else:
            values = {stat.name: stat.value for stat in stats}
            yield PointResult(task.point, values, message=result.data.message)


def _run_elsewhere(keep: Keep | None, group: Sequence[_Task]) -> Iterator[PointResult]:
    """Run points where files, data and code may be others; say on what each result rests."""
    for task, found in zip(group, _run_group(keep, group), strict=True):
        if not found.error:
            loaded = load_config(task.workload, overrides_of(task.point))
            found = replace(found, basis=_bases().of(loaded))
        yield found


@cache
def _bases() -> Bases:
    return Bases()


def _lost(task: _Task, why: str) -> PointResult:
    return PointResult(task.point, {}, error=f"no result: {why}")
