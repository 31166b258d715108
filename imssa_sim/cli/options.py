"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Workload = Annotated[
    str, typer.Argument(metavar="WORKLOAD", help="A workload file, or a name that `list` shows.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Override a value of the workload, for example hardware.adc.bits=6. Repeatable.",
    ),
]

Figures = Annotated[
    bool, typer.Option("--figures/--no-figures", help="Draw the figures (PNG and SVG).")
]
