"""What a workload says and rests on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imssa_sim.cli.group import app
from imssa_sim.cli.options import Overrides, Workload


@app.command("validate")
def validate_command(workload: Workload, overrides: Overrides = None) -> None:
    """Check a workload, its overrides and its cards; or the file of a card."""
    from imssa_sim.cli.validate import validate

    validate(workload, overrides or [])


@app.command("explain")
def explain_command(
    workload: Annotated[
        str,
        typer.Argument(metavar="WORKLOAD", help="A workload file, a name, or a run's directory."),
    ],
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            help="A dotted path, for example hardware.adc; of a run a statistic, energy.inference.",
        ),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Show each value, and the line that it comes from; of a run, where a statistic comes from."""
    from imssa_sim.cli.explain import explain

    explain(workload, path, overrides or [])


@app.command("list")
def list_command(
    what: Annotated[
        str | None, typer.Argument(metavar="[cards|workloads|chips|data]", help="All by default.")
    ] = None,
    own: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="With cards: your own, files or folders of them."),
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Cards of this kind only.")] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write docs/cards.md, number by number."),
    ] = None,
) -> None:
    """List the cards, workloads, chips to run on (hardware.base), and data sets."""
    from imssa_sim.cli.list import list_available, write_page

    if page is not None:
        write_page(page)
    else:
        list_available(what, kind, own or [])


@app.command("cite")
def cite_command(
    source: Annotated[
        str, typer.Argument(metavar="RUN_OR_WORKLOAD", help="A run's folder, or a workload.")
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write to this file instead.")
    ] = None,
) -> None:
    """Print the BibTeX of a run or a workload."""
    from imssa_sim.cli.cite import cite

    cite(source, overrides or [], output)
