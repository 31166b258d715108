"""The commands and their options. Nothing heavy is imported before a command runs.

A new command: a file ``imssa_sim/cli/<name>.py`` with a function that does the work and prints, and
in ``imssa_sim/cli/commands/`` a function with its options and help that imports and calls it.
"""

from __future__ import annotations

import typer.core
import typer.main

from imssa_sim.cli.commands import configuration, execution, files, results
from imssa_sim.cli.group import app

COMMANDS = (configuration, execution, files, results)
"""Modules whose commands have joined the group, in the order of their import."""


def command() -> typer.core.TyperGroup:
    """Return the command group that `imssa_sim.cli.main` runs."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return group
