"""A sweep at a glance: a panel a metric, a line a series, a row of panels a further value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels, plain_ticks
from imssa_sim.report.scale import scale_of
from imssa_sim.report.sweep_rows import Metric, PointRow, metrics_of, spread_meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imssa_sim.sweeps.plan import SweepPlan

MAIN = 4
"""Metrics that are drawn where the plan names none."""
MOST_LINES = len(PALETTE)
MOST_FACETS = 6
POINT = "point"
"""Name of the axis whose places are whole points."""


def cannot_be_drawn(plan: SweepPlan, rows: Sequence[PointRow]) -> str:
    """Return why a sweep has too many values to be told apart in a figure, or an empty text."""
    _, series, facets = _roles(plan)
    lines = len({_part(plan, row, series) for row in rows})
    parts = len({_part(plan, row, facets) for row in rows})
    if not any(row.measured(metric) for row in rows for metric in _drawn(plan)):
        return "no point has a result"
    if lines > MOST_LINES:
        return f"{', '.join(series)} has {lines} values, a figure shows {MOST_LINES} lines"
    if parts > MOST_FACETS:
        return (
            f"{parts} combinations of {', '.join(facets)}, a figure shows {MOST_FACETS}; "
            "choose 'x' and 'series' in the sweep file, or sweep fewer values"
        )
    return ""


@look
def sweep_figure(plan: SweepPlan, rows: Sequence[PointRow]) -> Figure:
    """Draw the metrics against ``x``; nothing but seeds is put together.

    Each value of the series has a colour, each combination of the other axes a row of panels.
    """
    axis, series, facets = _roles(plan)
    shown = [metric for metric in _drawn(plan) if any(row.measured(metric) for row in rows)]
    parts: dict[tuple[str, ...], list[PointRow]] = {}
    for row in rows:
        parts.setdefault(_part(plan, row, facets), []).append(row)
    names = list(dict.fromkeys(_part(plan, row, series) for row in rows))
    places = _places(plan, rows, axis)
    wide = 2 if len(parts) == 1 else len(shown)
    high = -(-len(shown) // wide) * len(parts)
    figure, grid = panels(high, wide, (4.5 if len(parts) == 1 else 3.4) * wide, 2.9 * high)
    scales = {
        m.statistic: scale_of([f.mean for r in rows if (f := r.measured(m))], m.unit) for m in shown
    }
    for number, (part, inside) in enumerate(parts.items()):
        for column, metric in enumerate(shown):
            panel = grid[number * len(shown) + column]
            lines = {
                name: [row for row in inside if _part(plan, row, series) == name] for name in names
            }
            _panel(panel, plan, lines, metric, scales[metric.statistic], places, axis)
            if facets and column == 0:
                text = ", ".join(f"{p} = {v}" for p, v in zip(facets, part, strict=True))
                panel.set_title(text, loc="left", fontsize=8)
    for panel in grid[len(parts) * len(shown) :]:
        panel.set_visible(False)
    if series:
        entries: dict[str, Any] = {}
        for panel in grid:
            handles, labels = panel.get_legend_handles_labels()
            entries |= dict(zip(map(str, labels), handles, strict=True))
        title = ", ".join(series)
        figure.legend(
            entries.values(),
            entries.keys(),
            loc="outside lower center",
            ncols=3,
            fontsize=8,
            title=title,
        )
    figure.suptitle(_title(plan, rows), fontsize=10)
    return figure


def _drawn(plan: SweepPlan) -> tuple[Metric, ...]:
    """Return the metrics that have panels: of accuracy and R², points have one."""
    return metrics_of(plan) if plan.y else metrics_of(plan)[: MAIN + 1]


def _roles(plan: SweepPlan) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the paths on the axis, in the legend, and of the rows of panels."""
    if plan.x is None:
        axis = tuple(path for path in plan.axes if path != plan.series)
        return axis, (() if plan.series is None else (plan.series,)), ()
    others = [path for path in plan.axes if path != plan.x]
    return (plan.x,), tuple(others[:1]), tuple(others[1:])


def _part(plan: SweepPlan, row: PointRow, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(row.labels[plan.axes.index(path)] for path in paths)


def _places(
    plan: SweepPlan, rows: Sequence[PointRow], axis: Sequence[str]
) -> dict[tuple[str, ...], float]:
    """Return where values lie: numbers at themselves, all others one after the other."""
    values: dict[tuple[str, ...], Any] = {}
    for row in rows:
        first = row.point.get(axis[0]) if axis else None
        values.setdefault(_part(plan, row, axis), first)
    if _numeric(axis, list(values.values())):
        return {name: float(value) for name, value in values.items()}
    return {name: float(place) for place, name in enumerate(values)}


def _numeric(axis: Sequence[str], values: Sequence[Any]) -> bool:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return len(axis) == 1 and numbers


def _panel(
    axes: Axes,
    plan: SweepPlan,
    lines: dict[tuple[str, ...], list[PointRow]],
    metric: Metric,
    scale: tuple[float, str],
    places: dict[tuple[str, ...], float],
    axis: tuple[str, ...],
) -> None:
    """Draw one metric."""
    factor, unit = scale
    drawn: list[dict[float, float]] = []
    for number, (name, rows) in enumerate(lines.items()):
        found = sorted(
            (places[_part(plan, row, axis)], m.mean / factor, (m.spread or 0.0) / factor)
            for row in rows
            if (m := row.measured(metric)) is not None
        )
        x, y, error = ([point[n] for point in found] for n in range(3))
        axes.errorbar(
            x, y, yerr=error, color=PALETTE[number % len(PALETTE)], marker="o", markersize=3.5,
            linewidth=1.3, capsize=2, label=", ".join(name),
            linestyle="-" if plan.x is not None else "",
        )  # fmt: skip
        drawn.append(dict(zip(x, y, strict=True)))
    _band(axes, drawn)
    values = [row.point.get(axis[0]) for rows in lines.values() for row in rows] if axis else []
    if _numeric(axis, values):
        if all(isinstance(value, int) for value in values):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        ticks = [", ".join(name) for name in places]
        axes.set_xticks(list(places.values()), ticks, fontsize=7)
        if max(map(len, ticks)) > 8:
            axes.tick_params(axis="x", rotation=20)
    axes.set_xlabel(axis[0] if len(axis) == 1 else POINT)
    axes.set_ylabel(f"{metric.words} [{unit}]" if unit else metric.words)
    every = [value for line in drawn for value in line.values()]
    if every and unit != "%" and min(every) > 0 and max(every) > 8 * min(every):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    elif every and unit != "%":
        axes.set_ylim(0, 1.08 * max(every))


def _title(plan: SweepPlan, rows: Sequence[PointRow]) -> str:
    text = plan.description or plan.name
    notes = []
    if any(m.spread is not None for r in rows for k in _drawn(plan) if (m := r.measured(k))):
        notes.append(f"bars: standard deviation {spread_meaning(rows)}")
    failed = sum(1 for row in rows for _ in row.failed)
    if failed:
        notes.append(f"{failed} points without a result are left out")
    return f"{text}\n{'; '.join(notes)}" if notes else text


def _band(axes: Axes, lines: Sequence[dict[float, float]]) -> None:
    """Fill between the lowest and the highest series at each place that several reach."""
    places = sorted({place for line in lines for place in line})
    found = [[line[place] for line in lines if place in line] for place in places]
    if len(lines) < 2 or max(map(len, found), default=0) < 2:
        return
    nothing = float("nan")
    low, high = (
        np.array([end(values) if len(values) > 1 else nothing for values in found])
        for end in (min, max)
    )
    if np.any(high > low):
        axes.fill_between(
            places, low, high, color="#999999", alpha=0.18, linewidth=0,
            label="lowest to highest",
        )  # fmt: skip
