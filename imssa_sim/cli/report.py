"""``report``: the screen that ended a run, or an HTML file of runs or a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def report(runs: list[Path], html: bool, output: Path | None) -> None:
    """Print the screen of a run, or with ``html`` write a report and print where it is.

    Raises
    ------
    InputError
        A directory is neither a run's nor a sweep's, several runs without ``html``, or a file
        without it.
    """
    if html:
        from imssa_sim.api.report import write_report

        print(write_report(runs, output))
        return
    if output is not None:
        raise InputError("-o goes with --html; the screen goes to standard output")
    if len(runs) > 1:
        raise InputError("one run has one screen: add --html, or see `imssa_sim compare`")
    from imssa_sim.api.result import open_run

    print(open_run(runs[0]).summary())
