"""``search``: knobs of a workload, several objectives, constraints; front, figure, workloads."""

from __future__ import annotations

from pathlib import Path

from imssa_sim.api.progress import TerminalProgress
from imssa_sim.api.search import run_search
from imssa_sim.cli.output import print_last


def search(file: Path, output: Path | None, trials: int | None, jobs: int, quiet: bool) -> None:
    """Run the trials that are not done yet, then print and store what all of them show.

    Raises
    ------
    InputError
        The file cannot be, Optuna is absent, or the folder belongs to another search.
    KeyboardInterrupt
        It was interrupted; what was there by then is printed and stored.
    """
    from imssa_sim.searches.plan import read_search

    plan = read_search(file, trials)
    with TerminalProgress(quiet) as progress:
        done = run_search(plan, output, jobs, progress)
    assert done.path is not None  # it was saved
    with print_last(done.path):
        if not quiet:
            print(done.summary())
            print(f"search: {done.path}")
            if done.interrupted:
                print(f"interrupted; to go on: the same command with -o {done.path}")
    if done.interrupted:
        raise KeyboardInterrupt
