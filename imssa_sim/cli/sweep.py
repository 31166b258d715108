"""``sweep``: one workload over many overrides; table, CSV and figure."""

from __future__ import annotations

import sys
from pathlib import Path

from imssa_sim.cli.progress import TerminalProgress


def sweep(file: Path, output: Path | None, jobs: int, quiet: bool) -> None:
    """Run the points of a sweep that are not done yet, then write its table and figure.

    Raises
    ------
    InputError
        If the sweep file or one of its points is invalid, or the folder belongs to another sweep.
    """
    from imssa_sim.report.sweep import print_table, write_sweep
    from imssa_sim.sweep.execute import execute
    from imssa_sim.sweep.plan import read_plan

    plan = read_plan(file)
    folder = output or Path("runs") / f"sweep-{plan.name}"
    with TerminalProgress(quiet) as progress:
        progress.phase(f"sweep {plan.name}", len(plan.points))
        results = execute(plan, folder, jobs, lambda done, total: progress.advance(done))
    table = write_sweep(plan, results, folder)
    if not quiet:
        print_table(plan, table, folder)
    failed = [result for result in results if result.error]
    if failed:
        print(
            f"{len(failed)} of {len(results)} points have no result, for example:\n"
            f"  {failed[0].error}",
            file=sys.stderr,
        )
