"""``sweep``: one workload over many overrides; table, CSV and figure."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.api.progress import TerminalProgress
from imssa_sim.api.sweep import run_plan
from imssa_sim.cli.output import print_last
from imssa_sim.errors import InputError


def sweep(
    file: Path,
    output: Path | None,
    jobs: int,
    quiet: bool,
    refuse_stale: bool = False,
    figures: bool = True,
) -> None:
    """Run the points of a sweep that are not done yet, then write its table and figure.

    Raises
    ------
    InputError
        If the sweep file or one of its points is invalid, the folder belongs to another sweep or
        is in use, stored points are out of date and ``refuse_stale``, or no point has a result.
    """
    from imssa_sim.report.sweep import print_table
    from imssa_sim.sweeps.plan import read_plan

    plan = read_plan(file)
    with TerminalProgress(quiet) as progress:
        done = run_plan(plan, output, jobs, progress, refuse_stale, figures)
    if not quiet:
        with print_last(done.folder):
            print_table(plan, done.results, done.folder)
            if done.no_figure:
                print(f"no figure: {done.no_figure}")
    if all(result.error for result in done.results):
        raise InputError(
            f"no point of the sweep has a result, for example: {done.results[0].error}"
        )
