"""``sweep``: one workload over many overrides; tables and figure."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from imssa_sim.api.progress import TerminalProgress
from imssa_sim.api.sweep import Output, run_plan
from imssa_sim.cli.output import print_last
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from imssa_sim.report.sweep_live import LiveTable
    from imssa_sim.sweeps.plan import SweepPlan


def sweep(
    file: Path,
    folder: Path | None,
    output: Output,
    quiet: bool,
    *,
    jobs: int = -1,
    backend: str = "local",
    scheduler: str | None = None,
    workers: int | None = None,
    refuse_stale: bool = False,
) -> None:
    """Run the points of a sweep that are not done yet, then write its tables and figure.

    Raises
    ------
    InputError
        If the sweep file or one of its points is invalid, the folder belongs to another sweep or
        is in use, the backend cannot be had, stored points are out of date and ``refuse_stale``,
        or no point has a result.
    """
    from imssa_sim.report.sweep import print_table
    from imssa_sim.sweeps.executors import executor_of
    from imssa_sim.sweeps.plan import read_plan

    plan = read_plan(file)
    with ExitStack() as stack:
        live = None if quiet else _live(plan)
        told: LiveTable | TerminalProgress = live or TerminalProgress(quiet)
        stack.enter_context(told)
        place = executor_of(backend, jobs, scheduler, workers, told)
        watch = (lambda result: None) if live is None else live.add
        done = run_plan(plan, folder, place, told, output, refuse_stale, watch)
    if not quiet:
        with print_last(done.folder):
            print_table(plan, done.results, done.folder)
            if done.no_figure:
                print(f"no figure: {done.no_figure}")
    if all(result.error for result in done.results):
        raise InputError(
            f"no point of the sweep has a result, for example: {done.results[0].error}"
        )


def _live(plan: SweepPlan) -> LiveTable | None:
    """Return a table that grows, on a terminal that can draw one."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return None
    from rich.console import Console

    from imssa_sim.report.sweep_live import LiveTable

    return LiveTable(plan, Console(stderr=True))
