"""``sweep``: one workload over many overrides; table, CSV and figure."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.cli.output import print_last
from imssa_sim.cli.progress import TerminalProgress
from imssa_sim.errors import InputError
from imssa_sim.report.run_directory import folder_name, writing


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
    from imssa_sim.report.sweep import print_table, write_sweep
    from imssa_sim.sweep.execute import execute
    from imssa_sim.sweep.plan import read_plan

    plan = read_plan(file)
    folder = output or Path("runs") / folder_name(f"sweep-{plan.name}")
    with TerminalProgress(quiet) as progress:
        try:
            results = execute(plan, folder, jobs, progress, refuse_stale)
        except KeyboardInterrupt:
            progress.note("what is finished is kept: the same command continues")
            raise
        for message in dict.fromkeys(result.message for result in results if result.message):
            progress.note(message)
    with writing(folder, "its results.jsonl is whole, and the same command writes the rest"):
        reason = write_sweep(plan, results, folder, figures)
    if not quiet:
        with print_last(folder):
            print_table(plan, results, folder)
            if reason:
                print(f"no figure: {reason}")
    if all(result.error for result in results):
        raise InputError(f"no point of the sweep has a result, for example: {results[0].error}")
