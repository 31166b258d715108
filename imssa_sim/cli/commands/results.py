"""What finished runs say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imssa_sim.cli.group import app


@app.command("compare")
def compare_command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Directories of runs.")],
    figure: Annotated[
        Path | None,
        typer.Option("-f", "--figure", metavar="FILE", help="Draw the comparison (png, svg, pdf)."),
    ] = None,
) -> None:
    """Compare finished runs: what differs in their configurations and results."""
    from imssa_sim.cli.compare import compare_runs

    compare_runs(runs, figure)


@app.command("report")
def report_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Directories of runs, or that of a sweep.")
    ],
    html: Annotated[
        bool, typer.Option("--html", help="Write one HTML file that opens offline.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="With --html; report.html in the run by default."
        ),
    ] = None,
) -> None:
    """Print the screen that ended a run once more, or write a report of runs or a sweep."""
    from imssa_sim.cli.report import report

    report(runs, html, output)
