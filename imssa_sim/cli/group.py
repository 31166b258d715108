"""The group that the commands join, its help and its own options."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core

from imssa_sim import __version__


class ClosedPipeError(Exception):
    """Whoever read the output has closed it."""


class _Group(typer.core.TyperGroup):
    """Keeps Typer from turning a closed pipe into a failure."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ClosedPipeError from None


app = typer.Typer(
    cls=_Group,
    help="Accuracy, latency, energy and area of quantised S4D networks on memristive hardware.",
    epilog="Exit codes: 0 ok, 2 bad input, 3 a model outside its validity, 4 internal error, "
    "130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: quick to print, the same in a terminal and in a pipe
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imssa_sim {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere.")
    ] = False,
) -> None:
    """Accuracy, latency, energy and area of quantised S4D networks on memristive hardware."""
