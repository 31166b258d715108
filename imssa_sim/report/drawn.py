"""Tables as text, so that one place prints and hears when nobody reads."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def columns() -> int:
    """Return the columns of the terminal, ``COLUMNS``, or 80."""
    return shutil.get_terminal_size((80, 24)).columns


def drawn(table: Table) -> str:
    """Return a table as lines no wider than the terminal."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=columns(), highlight=False)
    with console.capture() as text:
        console.print(table)
    return "\n".join(line.rstrip() for line in text.get().rstrip().splitlines())
