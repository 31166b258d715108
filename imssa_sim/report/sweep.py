"""Table, CSV and figure of a sweep."""

from __future__ import annotations

import csv
import os
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imssa_sim.report.drawn import columns, drawn
from imssa_sim.report.scale import scale_of
from imssa_sim.report.sweep_rows import (
    Metric,
    PointRow,
    csv_rows,
    metrics_of,
    result_rows,
    rows_of,
    short_labels,
    spread_meaning,
    unknown,
)
from imssa_sim.sweeps.plan import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from imssa_sim.sweeps.plan import SweepPlan
    from imssa_sim.sweeps.store import PointResult

NARROWEST = 8
"""Characters to which an axis's column of the table may shrink."""
REASONS = 5
"""Reasons for failures that the screen shows."""


def write_sweep(
    plan: SweepPlan,
    results: Sequence[PointResult],
    folder: Path,
    figures: bool = True,
    formats: Sequence[str] = (),
) -> str:
    """Write ``table.csv``, ``sweep.png`` and ``sweep.svg``, each whole or not at all.

    ``formats``: also ``table.parquet``, all that ``table.csv`` has with its types, and
    ``table.tex``, the table of the screen.

    Returns
    -------
    str
        Why there is no figure; empty if there is one, or none was wanted.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    table = csv_rows(results)
    with (
        _whole(folder / "table.csv") as path,
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    if "parquet" in formats:
        import pandas as pd

        with _whole(folder / "table.parquet") as path:
            pd.DataFrame(result_rows(results)).to_parquet(path, index=False)
    if "latex" in formats:
        from imssa_sim.report.sweep_latex import latex_table

        with _whole(folder / "table.tex") as path:
            path.write_text(latex_table(plan, results), encoding="utf-8")
    if not figures:
        return ""
    from imssa_sim.report.figures.style import save
    from imssa_sim.report.figures.sweep import cannot_be_drawn, sweep_figure

    rows = rows_of(plan, results)
    reason = cannot_be_drawn(plan, rows)
    if not reason:
        with _whole(folder / "sweep.png") as png, _whole(folder / "sweep.svg") as svg:
            save(sweep_figure(plan, rows), [png, svg])
    return reason


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a file beside ``path`` to write, which takes its place at the end."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def print_table(plan: SweepPlan, results: Sequence[PointResult], folder: Path) -> None:
    """Print a row a point with its axes and main statistics, seeds averaged; then the failures.

    Where a table is too wide for the terminal, a paragraph a point.
    """
    rows, wide = rows_of(plan, results), columns()
    shown = [metric for metric in metrics_of(plan) if any(row.measured(metric) for row in rows)]
    head, cells = head_and_cells(plan, rows)
    title = plan.description or plan.name
    widths = [max(len(row[place]) for row in [head, *cells]) + 2 for place in range(len(head))]
    narrow = [min(width, NARROWEST + 2) for width in widths[: len(plan.axes)]]
    narrow += widths[len(plan.axes) :]
    if sum(narrow) + 2 <= wide:
        print(drawn(as_table(title, head, cells, len(plan.axes))))
    else:
        print(title)
        for row in cells:
            print(_paragraph(head, row, len(plan.axes), wide))
    if any(m.spread for row in rows for metric in shown if (m := row.measured(metric))):
        print(f"± standard deviation {spread_meaning(rows)}")
    for line in (*unknown(plan, rows), *failures(plan, rows)):
        print(line)
    print(f"table and figure: {folder}")


def head_and_cells(plan: SweepPlan, rows: Sequence[PointRow]) -> tuple[list[str], list[list[str]]]:
    """Return headings and a row a point: its axes, then the main statistics that there are."""
    shown = [metric for metric in metrics_of(plan) if any(row.measured(metric) for row in rows)]
    axes = [_short(path, plan.axes) for path in plan.axes]
    head = [*axes, *("\n".join(filter(None, (m.heading, _unit(rows, m)))) for m in shown)]
    return head, [
        [*labels, *(_cell(rows, row, metric) for metric in shown)]
        for row, labels in zip(rows, short_labels(rows), strict=True)
    ]


def as_table(title: str, head: Sequence[str], cells: Sequence[Sequence[str]], axes: int) -> Table:
    """Return a table for a terminal, its first ``axes`` columns aligned left."""
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table

    view = Table(title=escape(title), title_justify="left", box=SIMPLE, padding=(0, 1))
    for place, text in enumerate(head):
        if place < axes:
            view.add_column(escape(text), overflow="fold")
        else:
            view.add_column(escape(text), justify="right", no_wrap=True)
    for row in cells:
        view.add_row(*map(escape, row))
    return view


def _paragraph(head: Sequence[str], row: Sequence[str], axes: int, width: int) -> str:
    pairs = [f"{name.replace(chr(10), ' ')} {text}" for name, text in zip(head, row, strict=True)]
    text = f"{', '.join(pairs[:axes])}: {', '.join(pairs[axes:])}"
    return "\n".join(textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False))


def failures(plan: SweepPlan, rows: Sequence[PointRow]) -> list[str]:
    """Return which points have no result and why, a line a reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for result in row.failed:
            names = [f"{p} = {text}" for p, text in zip(plan.axes, row.labels, strict=True)]
            if len(row.results) > 1:
                names.append(f"{SEED} = {result.point.get(SEED)}")
            reasons.setdefault(result.error, []).append(", ".join(names) or "the only point")
    if not reasons:
        return []
    count = sum(map(len, reasons.values()))
    lines = [f"{count} of {sum(len(row.results) for row in rows)} points have no result:"]
    for reason, points in list(reasons.items())[:REASONS]:
        more = f" and {len(points) - 1} more" if len(points) > 1 else ""
        lines.append(f"  {points[0]}{more}: {reason}")
    if len(reasons) > REASONS:
        lines.append(f"  {len(reasons) - REASONS} more reasons are in table.csv")
    return lines


def _short(path: str, axes: Sequence[str]) -> str:
    """Return the end of a path that tells it from the other axes."""
    words = path.split(".")
    for length in range(1, len(words)):
        end = ".".join(words[-length:])
        if sum(f".{other}".endswith(f".{end}") for other in axes) == 1:
            return end
    return path


def _scale(rows: Sequence[PointRow], metric: Metric) -> tuple[float, str]:
    found = [measured.mean for row in rows if (measured := row.measured(metric)) is not None]
    return scale_of(found, metric.unit)


def _unit(rows: Sequence[PointRow], metric: Metric) -> str:
    unit = _scale(rows, metric)[1]
    return f"[{unit}]" if unit else ""


def _cell(rows: Sequence[PointRow], row: PointRow, metric: Metric) -> str:
    measured = row.measured(metric)
    if measured is None:
        return "failed" if row.failed else "-"
    factor, _ = _scale(rows, metric)
    text = (
        f"{measured.mean / factor:.4g}" if metric.unit == "%" else f"{measured.mean / factor:.3g}"
    )
    if measured.spread:
        text += f"±{measured.spread / factor:.2g}"
    if row.failed:
        text += f" ({len(row.results) - len(row.failed)} of {len(row.results)})"
    return text
