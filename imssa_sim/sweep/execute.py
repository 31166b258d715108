"""Runs the points of a sweep, in parallel, appending each result as it comes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.config.load import load_config
from imssa_sim.errors import ImssaError, InputError
from imssa_sim.simulation.run import functional_key, simulate
from imssa_sim.simulation.stats import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from imssa_sim.sweep.plan import SweepPlan

RESULTS = "results.jsonl"


@dataclass(frozen=True)
class PointResult:
    """One finished point: its overrides, its statistics by name, or why it has none."""

    point: Mapping[str, Any]
    stats: Mapping[str, float | int | str | None]
    error: str

    def to_json(self) -> str:
        """Return the line that stands for this result in the results file."""
        record = {"point": dict(self.point), "stats": dict(self.stats), "error": self.error}
        return json.dumps(record, sort_keys=True)


def overrides_of(point: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ``--set`` texts of a point."""
    return tuple(f"{path}={json.dumps(value)}" for path, value in point.items())


def execute(
    plan: SweepPlan,
    folder: Path,
    jobs: int,
    told: Callable[[int, int], None],
) -> list[PointResult]:
    """Run what is not yet in ``folder``, and return the results of all points in plan order.

    Every point is validated before the first one runs. Points that differ only in what values do
    not depend on (cost cards, clocks) share one functional execution.

    Parameters
    ----------
    plan : SweepPlan
    folder : Path
        Results folder; an interrupted sweep of the same plan goes on in it.
    jobs : int
        Worker processes.
    told : callable
        Called with (points done, points in all).

    Raises
    ------
    InputError
        If the folder belongs to another sweep, or a point is not a valid configuration.
    """
    from joblib import Parallel, delayed

    keys = [functional_key(load_config(plan.workload, overrides_of(p)).config) for p in plan.points]
    done = _resume(plan, folder)
    groups: dict[str, list[dict[str, Any]]] = {}
    for point, key in zip(plan.points, keys, strict=True):
        if _identity(point) not in done:
            groups.setdefault(key, []).append(point)
    told(len(done), len(plan.points))
    workers = Parallel(n_jobs=jobs, return_as="generator_unordered")
    batches = workers(delayed(_run_group)(plan.workload, group) for group in groups.values())
    with (folder / RESULTS).open("a", encoding="utf-8") as file:
        for batch in batches:
            for result in batch:
                file.write(result.to_json() + "\n")
                file.flush()
                done[_identity(result.point)] = result
            told(len(done), len(plan.points))
    return [done[_identity(point)] for point in plan.points]


def _run_group(workload: str, group: list[dict[str, Any]]) -> list[PointResult]:
    """Run points that share one functional execution."""
    memory: dict[str, Any] = {}
    results = []
    for point in group:
        try:
            result = simulate(load_config(workload, overrides_of(point)), memory=memory)
        except ImssaError as error:
            results.append(PointResult(point, {}, str(error)))
            continue
        stats = {stat.name: stat.value for stat in collect(result)}
        results.append(PointResult(point, stats, ""))
    return results


def _identity(point: Mapping[str, Any]) -> str:
    text = json.dumps(dict(point), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _resume(plan: SweepPlan, folder: Path) -> dict[str, PointResult]:
    """Open the folder for this plan and read what it already holds."""
    marker = folder / "sweep.json"
    if marker.exists():
        try:
            found = json.loads(marker.read_text(encoding="utf-8")).get("fingerprint")
        except (json.JSONDecodeError, AttributeError):
            found = None
        if found != plan.fingerprint:
            raise InputError(
                f"'{folder}' holds the results of another sweep: nothing is overwritten; "
                "choose another folder with -o"
            )
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"'{folder}' exists and is not a sweep's folder: nothing is overwritten; "
            "choose another with -o"
        )
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"sweep": plan.name, "fingerprint": plan.fingerprint}, indent=2)
            marker.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"'{folder}' cannot be written: {error.strerror or error}") from error
    wanted = {_identity(point) for point in plan.points}
    return {key: r for key, r in _read_results(folder / RESULTS) if key in wanted}


def _read_results(path: Path) -> Iterator[tuple[str, PointResult]]:
    """Yield finished points; a last line cut off by an interruption is dropped and removed."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    good: list[str] = []
    for line in lines:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        good.append(line)
        result = PointResult(record["point"], record["stats"], record["error"])
        yield _identity(result.point), result
    if len(good) != len(lines):
        path.write_text("".join(line + "\n" for line in good), encoding="utf-8")
