"""Table, CSV and figure of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from imssa_sim.sweep.execute import PointResult
    from imssa_sim.sweep.plan import SweepPlan

#: statistic, label of the axis, heading of the table, statistic of its spread, factor
PANELS = (
    (
        "accuracy.analog.mean",
        "accuracy on the chip [%]",
        "acc. [%]",
        "accuracy.analog.deviation",
        100.0,
    ),
    ("energy.inference", "energy per inference [µJ]", "E [µJ]", "", 1e6),
    ("tops_per_watt.useful", "TOPS/W (useful MACs)", "TOPS/W", "", 1.0),
    ("area", "area [mm²]", "A [mm²]", "", 1e6),
    ("time.end_to_end", "end-to-end latency [µs]", "t [µs]", "", 1e6),
)


def write_sweep(plan: SweepPlan, results: Sequence[PointResult], folder: Path) -> pd.DataFrame:
    """Write ``table.csv``, ``sweep.png`` and ``sweep.svg``; return the table, a row a point."""
    import pandas as pd

    from imssa_sim.report.figures.style import save
    from imssa_sim.report.figures.sweep import sweep_panels

    table = pd.DataFrame([{**r.point, **r.stats, "error": r.error} for r in results])
    table.to_csv(folder / "table.csv", index=False)
    scaled = table.copy()
    shown = [panel for panel in PANELS if panel[0] in table]
    for statistic, _, _, _, factor in shown:
        scaled[statistic] = scaled[statistic].astype(float) * factor
    for _, _, _, spread, factor in shown:
        if spread in scaled:
            scaled[spread] = scaled[spread].astype(float) * factor
    if shown:
        panels = [(statistic, label, spread) for statistic, label, _, spread, _ in shown[:4]]
        figure = sweep_panels(scaled, plan.x, plan.series, panels, plan.description or plan.name)
        save(figure, [folder / "sweep.png", folder / "sweep.svg"])
    return table


def print_table(plan: SweepPlan, table: pd.DataFrame, folder: Path) -> None:
    """Print the points with their main statistics, seeds averaged, then where the files are."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None)
    view = Table(
        title=plan.description or plan.name, title_justify="left", box=SIMPLE, padding=(0, 1)
    )
    keys = [plan.x] if plan.series is None else [plan.series, plan.x]
    for key in keys:
        view.add_column(key.rsplit(".", 1)[-1], no_wrap=True)
    shown = [panel for panel in PANELS if panel[0] in table]
    for _, _, heading, _, _ in shown:
        view.add_column(escape(heading), justify="right", no_wrap=True)
    for values, part in table.groupby(keys, sort=False):
        cells = [str(value).removeprefix("adc/") for value in values]
        for statistic, _, _, spread, factor in shown:
            cells.append(_cell(part, statistic, spread, factor))
        view.add_row(*cells)
    console.print(view)
    console.print(f"table and figure: {folder}", soft_wrap=True)


def _cell(part: pd.DataFrame, statistic: str, spread: str, factor: float) -> str:
    values = part[statistic].dropna().astype(float)
    if values.empty:
        return "-"
    text = f"{values.mean() * factor:.3g}"
    if spread and spread in part and part[spread].notna().any():
        return f"{text}±{float(part[spread].astype(float).mean()) * factor:.2g}"
    return f"{text}±{values.std() * factor:.2g}" if len(values) > 1 else text
