"""Runs the trials of a search, here or in worker processes, and says what they found."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import InputError
from imssa_sim.file_lock import FileLock
from imssa_sim.searches.front import Member, front_of, knee_of, volumes
from imssa_sim.searches.study import Shared, optuna
from imssa_sim.searches.trial import Evaluation, Recent, evaluate
from imssa_sim.sweeps.basis import Bases, changes
from imssa_sim.sweeps.execute import overrides_of
from imssa_sim.sweeps.workers import run_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imssa_sim.searches.plan import SearchPlan
    from imssa_sim.simulation.progress import Progress
    from imssa_sim.sweeps.basis import Basis

MARKER = "search.json"
Judge = Callable[["SearchPlan", "Mapping[str, Any]", "Sequence[Evaluation]", Recent], Evaluation]
"""Gives the record of a point; see `evaluate`."""


@dataclass(frozen=True)
class Found:
    """What a search found, as far as it came.

    Attributes
    ----------
    plan : SearchPlan
    records : mapping
        Finished trials by their number.
    front : tuple of Member
        Whole trials that hold all constraints and that none of these dominates, in the order of
        the first objective, the best first.
    knee : Member or None
        That of the front nearest to the best of each objective, all scaled to the front's ranges.
    volumes : tuple of float
        Share of the box between the best and the worst values of feasible trials that the front
        dominates, after each trial.
    importances : mapping
        Statistic of an objective -> knob -> share of its variance.
    interrupted : bool
    """

    plan: SearchPlan
    records: Mapping[int, Evaluation]
    front: tuple[Member, ...]
    knee: Member | None
    volumes: tuple[float, ...]
    importances: Mapping[str, Mapping[str, float]]
    interrupted: bool = False


def search(
    plan: SearchPlan, folder: Path, jobs: int, progress: Progress, judge: Judge | None = None
) -> Found:
    """Run the trials that are not done yet, and return what all of them show.

    Parameters
    ----------
    plan : SearchPlan
    folder : Path
        Of the search; one that was interrupted goes on in it, and several processes may work there.
    jobs : int
        Worker processes; -1 for one a processor. With one, a search of one process is the same
        each time, however often it was interrupted.
    progress : Progress
    judge : callable, optional
        Instead of `evaluate`, with one worker process: one that remembers points, for example.

    Raises
    ------
    InputError
        Optuna is absent, the storage cannot be opened, or the folder belongs to another search or
        was made by another version.
    """
    optuna()
    _mark(plan, folder)
    interrupted = False
    with Shared(plan, folder) as shared:
        done = len(shared.records())
        if done:
            progress.note(f"{done} trials are there already; the search goes on after them")
        progress.phase(f"search {plan.name}", shared.limit)
        progress.advance(done)
        try:
            if jobs == 1:
                for _ in _work(shared, judge or evaluate):
                    progress.advance(len(shared.records()))
            else:
                workers = [[_Share(plan, folder)] for _ in range(_many(jobs))]
                for lost in run_groups(_worker, workers, jobs, _lost):
                    if lost:
                        progress.note(lost)
                    progress.advance(len(shared.records()))
        except KeyboardInterrupt:
            interrupted = True
        return found_of(plan, shared, interrupted)


def found_of(plan: SearchPlan, shared: Shared, interrupted: bool = False) -> Found:
    """Return what the finished trials show."""
    records = shared.records()
    front = front_of(plan, records)
    stats = [o.stat for o in plan.objectives]
    return Found(
        plan, records, front, knee_of(plan, front), volumes(plan, records),
        {stat: shared.importances(stat) for stat in stats}, interrupted,
    )  # fmt: skip


@dataclass(frozen=True)
class _Share:
    """What a worker process is told."""

    plan: SearchPlan
    folder: Path


def _worker(group: Sequence[_Share]) -> Iterator[str]:
    for share in group:
        with Shared(share.plan, share.folder) as shared:
            for _ in _work(shared, evaluate):
                pass
        yield ""


def _lost(_: _Share, why: str) -> str:
    return f"a worker is gone: {why}; the others go on, the same command finishes what it had"


def _many(jobs: int) -> int:
    from imssa_sim.threads import available

    return available() if jobs < 1 else jobs


def _work(shared: Shared, judge: Judge) -> Iterator[Evaluation]:
    """Yield the records of trials until there is nothing more to begin."""
    memory = Recent()
    while (begun := shared.next()) is not None:
        trial, choice = begun
        settings = shared.plan.settings(choice)
        others = list(shared.records().values())
        record = judge(shared.plan, settings, others, memory)
        shared.tell(trial, record)
        yield record


def _mark(plan: SearchPlan, folder: Path) -> None:
    """Write whose folder it is, or check it."""
    marker = folder / MARKER
    if folder.exists() and not folder.is_dir():
        raise InputError(f"'{folder}' is a file; choose another folder with -o")
    if folder.exists() and not marker.exists() and any(folder.iterdir()):
        raise InputError(
            f"'{folder}' exists and is not a search's folder: nothing is overwritten; "
            "choose another with -o"
        )
    now = _basis(plan)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".study.lock")
        with_lock = lock.acquire()
        if not marker.exists():
            tree = {"search": plan.name, "fingerprint": plan.fingerprint, "basis": now}
            partial = marker.with_name(f".{MARKER}.{os.getpid()}.partial")
            partial.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
            os.replace(partial, marker)
        if with_lock:
            lock.release()
        tree = json.loads(marker.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"'{marker}' is damaged: {error}; search in another folder") from error
    if tree.get("fingerprint") != plan.fingerprint:
        raise InputError(
            f"'{folder}' holds another search: nothing is overwritten; choose another folder with "
            "-o (only 'trials' and 'description' may change)"
        )
    found = changes(tree["basis"], now)
    if found:
        raise InputError(
            f"'{folder}': its trials are out of date: {', '.join(found[:4])} changed; search anew "
            "in another folder with -o"
        )


def _basis(plan: SearchPlan) -> Basis:
    """Return what all trials depend on: the workload, every card that a choice names, the code."""
    bases = Bases()
    basis = bases.of(load_config(plan.workload, overrides_of(plan.set)))
    files: dict[str, set[str]] = {}
    for knob in plan.knobs:
        for choice in knob.choices:
            try:
                loaded = load_config(plan.workload, overrides_of({**plan.set, **choice}))
            except InputError:  # alone it cannot be; together with others it may
                continue
            for key, contents in bases.of(loaded).items():
                if key.startswith(("card ", "checkpoint ", "file ")):
                    files.setdefault(key, set()).add(contents)
    return basis | {key: " ".join(sorted(contents)) for key, contents in files.items()}
