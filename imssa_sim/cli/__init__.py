"""Command line: ``python -m imssa_sim COMMAND …``.

One file per command, named after it, with one function of that name. `imssa_sim.cli.commands`
declares the options and imports the file only when its command runs: ``--help`` stays quick.
"""

from __future__ import annotations

from imssa_sim.cli.main import main

__all__ = ["main"]
