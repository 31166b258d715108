"""A sweep at a glance: one panel a metric, a line a series, the band between the series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from imssa_sim.report.figures.style import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def sweep_panels(
    table: pd.DataFrame,
    x: str,
    series: str | None,
    panels: Sequence[tuple[str, str, str]],
    title: str,
) -> Figure:
    """Panels of metrics against the swept value.

    Parameters
    ----------
    table : DataFrame
        One row a finished point: the columns ``x``, ``series`` and each panel's statistic.
        Rows that share ``x`` and ``series`` are seeds.
    x, series : str
        Columns of the axis and of the legend.
    panels : sequence of (statistic, label, spread)
        ``spread`` names a column that holds a standard deviation, or is "" (the spread over the
        rows that share a point is drawn then).
    title : str
    """
    rows = -(-len(panels) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(9.0, 3.1 * rows), layout="constrained")
    names = sorted(table[series].unique()) if series else [""]
    for place, (statistic, label, spread) in enumerate(panels):
        axes = grid.flat[place]
        lines = []
        for number, name in enumerate(names):
            part = table[table[series] == name] if series else table
            part = part.dropna(subset=[statistic])
            if part.empty:
                continue
            points = part.groupby(x)[statistic]
            mean = points.mean()
            lines.append(mean)
            if spread and spread in part:
                error = part.groupby(x)[spread].mean().reindex(mean.index)
            else:
                error = points.std()
            axes.errorbar(
                mean.index,
                mean.to_numpy(),
                yerr=error.fillna(0.0).to_numpy(),
                color=PALETTE[number % len(PALETTE)],
                marker="o",
                markersize=3.5,
                linewidth=1.3,
                capsize=2,
                label=str(name).removeprefix("adc/"),
            )
        _band(axes, lines)
        axes.set_xlabel(x)
        axes.set_ylabel(label)
        axes.grid(color="#e6e6e6")
        share = statistic.startswith("accuracy")
        if lines and not share and min(float(line.min()) for line in lines) > 0:
            highest = max(float(line.max()) for line in lines)
            if highest > 8 * min(float(line.min()) for line in lines):
                axes.set_yscale("log")
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    if series:
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(title)
    return figure


def _band(axes: Axes, lines: Sequence[pd.Series]) -> None:
    """Fill between the lowest and the highest series at each place."""
    if len(lines) < 2:
        return
    places = sorted(set().union(*(line.index for line in lines)))
    values = np.array([[line.get(place, np.nan) for place in places] for line in lines], float)
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    if np.any(high > low):
        axes.fill_between(places, low, high, color="#999999", alpha=0.18, linewidth=0)
