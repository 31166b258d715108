"""``run``: one workload through the chip, one run directory, one screen."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from imssa_sim.api.progress import TerminalProgress
from imssa_sim.api.run import run as run_workload
from imssa_sim.cli.allocator import keep_memory
from imssa_sim.cli.output import print_last

NARROWEST = 40
"""Columns below which a terminal wraps by itself."""


def run(
    workload: str,
    overrides: list[str],
    output: Path | None,
    engine: str,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    uncertainty: bool = False,
    figures: bool = True,
    trace: str | None = None,
    trace_window: str | None = None,
    accuracy: bool = True,
) -> None:
    """Run a workload and print its summary, or with ``as_json`` its statistics.

    Raises
    ------
    ImssaError
        Bad input (nothing is written then), a model outside its validity, a broken invariant.
    """
    keep_memory()
    with TerminalProgress(quiet, verbose) as progress:
        done = run_workload(
            workload,
            overrides,
            engine=engine,
            accuracy=accuracy,
            progress=progress,
            uncertainty=uncertainty,
            save=True if output is None else output,
            figures=figures,
            trace=trace,
            trace_window=trace_window,
            command=sys.argv,
        )
    assert done.path is not None  # it was saved
    with print_last(done.path):
        if as_json:
            print(json.dumps(dict(done.record.values), indent=2))
        elif not quiet:
            from imssa_sim.report.drawn import columns
            from imssa_sim.report.screen import WIDTH

            print(done.summary(max(NARROWEST, min(WIDTH, columns()))))
