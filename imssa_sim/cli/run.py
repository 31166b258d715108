"""``run``: one workload through the chip, one run directory, one screen."""

from __future__ import annotations

import json
import sys
import threading
from datetime import datetime
from importlib import import_module
from pathlib import Path

from imssa_sim.cli.output import print_last
from imssa_sim.cli.progress import TerminalProgress
from imssa_sim.config import load_config
from imssa_sim.report.drawn import columns
from imssa_sim.report.run_directory import RunDirectory, default_path, writing

FIGURES = "imssa_sim.report.figures.style"
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
) -> None:
    """Run a workload and print its summary, or with ``as_json`` its statistics.

    Raises
    ------
    ImssaError
        Bad input (nothing is written then), a model outside its validity, a broken invariant.
    """
    loaded = load_config(workload, overrides)
    path = output or default_path(Path("runs"), loaded.config.workload, datetime.now())
    with (
        RunDirectory(path, numbered=output is None) as directory,
        TerminalProgress(quiet, verbose) as progress,
    ):
        from imssa_sim.report.screen import WIDTH, screen
        from imssa_sim.report.stored import SUMMARY
        from imssa_sim.report.write import write_run
        from imssa_sim.simulation.run import simulate
        from imssa_sim.simulation.stats import collect

        if figures:  # loads while compiled loops leave the interpreter free
            threading.Thread(target=import_module, args=(FIGURES,), daemon=True).start()
        result = simulate(loaded, progress, engine=engine)
        stats = collect(result)
        width = max(NARROWEST, min(WIDTH, columns()))
        summary, shown = (screen(result, directory.path, size) for size in (WIDTH, width))
        if uncertainty:
            from imssa_sim.report.uncertainty import (
                run_uncertainty,
                uncertainty_lines,
                uncertainty_stats,
                write_uncertainty,
            )

            progress.phase("uncertainty", 0)
            found = run_uncertainty(result)
            stats = (*stats, *uncertainty_stats(found[0]))
            lines = "\n".join(["", "", *uncertainty_lines(*found)])
            summary, shown = summary + lines, shown + lines
        progress.phase("writing tables and figures", 0)
        with writing(directory.path, "nothing was kept"):
            write_run(directory, result, stats, command=sys.argv, figures=figures)
            if uncertainty:
                write_uncertainty(directory, *found, figures=figures)
            directory.file(SUMMARY).write_text(summary + "\n", "utf-8")
    with print_last(directory.path):
        if as_json:
            print(json.dumps({stat.name: stat.value for stat in stats}, indent=2))
        elif not quiet:
            print(shown)
