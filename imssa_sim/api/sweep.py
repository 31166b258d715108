"""Many runs of one workload as a table."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imssa_sim.api.progress import told_of
from imssa_sim.api.workload import one_of
from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import RunDirectory, folder_name, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from imssa_sim.simulation.progress import Progress
    from imssa_sim.simulation.result import RunResult
    from imssa_sim.simulation.stats import Stat
    from imssa_sim.sweeps.executors import Executor
    from imssa_sim.sweeps.plan import SweepPlan
    from imssa_sim.sweeps.store import PointResult

FORMATS = ("parquet", "latex")


@dataclass(frozen=True)
class SweepDone:
    """A finished sweep; ``folder`` holds its results, ``no_figure`` says why there is none."""

    plan: SweepPlan
    results: Sequence[PointResult]
    folder: Path
    no_figure: str

    def frame(self) -> pd.DataFrame:
        """Return a row a run: the values that were set, all statistics in SI, and ``error``.

        A statistic that is called as an override is, is prefixed with ``result.``.
        """
        import pandas as pd

        from imssa_sim.report.sweep_rows import result_rows

        return pd.DataFrame(result_rows(self.results))


def sweep(
    source: str | Path,
    grid: Mapping[str, Iterable[Any]] | None = None,
    *,
    points: Iterable[Mapping[str, Any]] | None = None,
    set: Mapping[str, Any] | None = None,
    seeds: Iterable[int] = (),
    accuracy: bool = True,
    jobs: int = -1,
    backend: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | bool = False,
    save: str | Path | None = None,
    figures: bool = True,
    keep_runs: bool = False,
    formats: Iterable[str] = (),
) -> pd.DataFrame:
    """Run a workload over many values.

    Parameters
    ----------
    source : str or Path
        The workload, a file or a shipped name; without ``grid`` and ``points`` a sweep file.
    grid : mapping, optional
        Dotted path -> values; all combinations run.
    points : iterable of mapping, optional
        Instead of a grid: the values of each run.
    set : mapping, optional
        Values common to all runs.
    seeds : iterable of int
        Each point runs once with each.
    accuracy : bool
        False: latency, energy and area alone, as `imssa_sim.run` gives them.
    jobs : int
        Worker processes; -1: one for each processor.
    backend : {"local", "dask"}
        Where runs take place: in processes here, or on Dask workers. Results are the same.
    scheduler : str, optional
        Address of a Dask scheduler; by default one is started here.
    workers : int, optional
        Dask workers to start here, or to wait for elsewhere.
    progress : bool or Progress
        As for `imssa_sim.run`.
    save : str or Path, optional
        Folder for results, table and figure; an interrupted sweep of the same points goes on in
        it. Without it nothing is kept.
    figures : bool
        Whether the folder gets a figure.
    keep_runs : bool
        Whether each point's run directory is kept, ``runs/NUMBER`` in the folder.
    formats : iterable of {"parquet", "latex"}
        Of further tables beside ``table.csv``.

    Returns
    -------
    DataFrame
        A row a run: the values that were set, all statistics by name in SI, and ``error``, why a
        run has no result (empty otherwise). A statistic that is called as an override is, is
        prefixed with ``result.``.

    Raises
    ------
    InputError
        If a point is not a valid configuration, the folder belongs to another sweep, or the
        backend cannot be had.
    """
    from imssa_sim.sweeps.executors import executor_of
    from imssa_sim.sweeps.plan import plan_of, read_plan

    path = Path(source).expanduser()
    if grid is None and points is None:
        if set is not None or list(seeds) or not accuracy:
            raise InputError(
                "sweep: 'set', 'seeds' and 'accuracy' go with a grid or points; a file has its own"
            )
        plan = read_plan(path)
    else:
        document: dict[str, Any] = {"sweep": path.stem, "workload": str(source)}
        document |= {"set": dict(set or {}), "seeds": list(seeds), "accuracy": accuracy}
        if grid is not None:
            document["grid"] = {key: _listed(key, values) for key, values in grid.items()}
        if points is not None:
            document["list"] = [dict(point) for point in points]
        plan = plan_of(document, Path("sweep"))
    with ExitStack() as stack:
        folder = Path(save).expanduser() if save is not None else None
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "sweep"
        told = stack.enter_context(told_of(progress))
        place = executor_of(backend, jobs, scheduler, workers, told)
        how = Output(figures and save is not None, keep_runs, tuple(formats))
        done = run_plan(plan, folder, place, told, how)
    return done.frame()


def _listed(path: str, values: Any) -> list[Any]:
    """Return values as a list of what JSON knows.

    Raises
    ------
    InputError
        If they are not several.
    """
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InputError(f"sweep: grid.{path}: expected values such as [4, 6, 8], not {values!r}")
    return [value.item() if hasattr(value, "item") else value for value in values]


@dataclass(frozen=True)
class Output:
    """What the folder of a sweep gets beside results and ``table.csv``.

    ``formats``: of further tables, ``parquet`` and ``latex``.
    """

    figures: bool = True
    runs: bool = False
    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.formats:
            one_of("format", name, FORMATS)


def _keep(result: RunResult, stats: tuple[Stat, ...], place: Path) -> None:
    """Write the run directory of a point, in the place of one of an earlier result."""
    from imssa_sim.api.result import Run
    from imssa_sim.report.record import LiveRecord

    if place.is_dir():
        shutil.rmtree(place)
    command = ("imssa_sim", "sweep")
    with RunDirectory(place) as directory:
        Run(LiveRecord(result, stats, command, place, None)).write(directory, figures=False)


def run_plan(
    plan: SweepPlan,
    folder: Path | None,
    executor: Executor,
    told: Progress,
    output: Output,
    refuse_stale: bool = False,
    watch: Callable[[PointResult], None] = lambda result: None,
) -> SweepDone:
    """Run the points of a sweep that are not done yet, and write its tables and figure.

    Raises
    ------
    InputError
        As `imssa_sim.sweeps.execute.execute`; the folder cannot be written.
    """
    from imssa_sim.report.sweep import write_sweep
    from imssa_sim.sweeps.execute import Keep, execute

    folder = folder or Path("runs") / folder_name(f"sweep-{plan.name}")
    keep = Keep(_keep) if output.runs else None
    try:
        results = execute(plan, folder, executor, told, refuse_stale, keep, watch)
    except KeyboardInterrupt:
        told.note("what is finished is kept: the same command continues")
        raise
    for message in dict.fromkeys(result.message for result in results if result.message):
        told.note(message)
    with writing(folder, "its results.jsonl is whole, and the same command writes the rest"):
        reason = write_sweep(plan, results, folder, output.figures, output.formats)
    return SweepDone(plan, results, folder, reason)
