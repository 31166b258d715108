"""The placement of a network as a table for the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.mapping.program import Program


@dataclass(frozen=True)
class PlacementRow:
    """One line of the table; the shares are of all cells of the layer's tiles, 0 to 1."""

    path: str
    tiles: int
    rows_used: int
    columns_used: int
    utilisation: float
    useful_share: float


def placement_rows(program: Program) -> list[PlacementRow]:
    """Return one row per layer on tiles, in the order of the flow, and a last one for the chip.

    The chip's row relates to all its tiles, the empty ones of a chip of fixed size too.
    """
    rows = [
        PlacementRow(
            use.path,
            use.tiles,
            use.rows_used,
            use.columns_used,
            use.cells_used / use.cells,
            use.cells_useful / use.cells,
        )
        for use in program.use
    ]
    if not program.use:
        return rows
    per_tile = program.use[0].cells // program.use[0].tiles
    cells = per_tile * program.tiles_available
    rows.append(
        PlacementRow(
            "chip",
            program.tiles_available,
            max(use.rows_used for use in program.use),
            max(use.columns_used for use in program.use),
            sum(use.cells_used for use in program.use) / cells,
            sum(use.cells_useful for use in program.use) / cells,
        )
    )
    return rows


def placement_table(program: Program) -> str:
    """Return the table as text: tiles, lines in use, utilisation, share of useful cells."""
    head = ("layer", "tiles", "rows", "bit lines", "cells used", "cells useful")
    body = [
        (r.path, str(r.tiles), str(r.rows_used), str(r.columns_used),
         f"{r.utilisation:.1%}", f"{r.useful_share:.1%}")
        for r in placement_rows(program)
    ]  # fmt: skip
    if not body:
        return "no layer stands on crossbar tiles"
    widths = [max(len(row[i]) for row in (head, *body)) for i in range(len(head))]
    lines = []
    for row in (head, *body):
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)
