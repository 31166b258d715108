"""Points of a sweep, one row each: only seeds are put together."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.errors import nearest
from imssa_sim.sweeps.plan import SEED, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imssa_sim.sweeps.plan import SweepPlan
    from imssa_sim.sweeps.store import PointResult


@dataclass(frozen=True)
class Metric:
    """One statistic of a sweep: its name, in words, as heading, its unit, that of its spread."""

    statistic: str
    words: str
    heading: str
    unit: str
    spread: str = ""


METRICS = (
    Metric(
        "accuracy.analog.mean", "accuracy on the chip", "acc.", "%", "accuracy.analog.deviation"
    ),
    Metric("energy.inference", "energy per inference", "E", "J"),
    Metric("tops_per_watt.useful", "TOPS/W (useful MACs)", "TOPS/W", ""),
    Metric("area", "area", "A", "m2"),
    Metric("time.end_to_end", "end-to-end latency", "t", "s"),
)
R2 = Metric(
    "regression.r2.analog.mean", "R² on the chip", "R²", "", "regression.r2.analog.deviation"
)
"""Of regressions, in the place of the accuracy."""
_ERRORS = tuple(
    Metric(
        f"regression.{name}.analog.mean", f"{name.upper()} on the chip", name.upper(), "",
        f"regression.{name}.analog.deviation",
    )
    for name in ("rmse", "mse")
)  # fmt: skip
"""Of regressions, where a sweep asks for them."""

_UNITS = (
    (r"accuracy\..*|.*_share|utilisation\..*", "%"),
    (r"(.*\.)?energy(\..*)?", "J"),
    (r"power\..*", "W"),
    (r"area(\..*)?", "m2"),
    (r"time\.(first_output|interval|end_to_end|sequence_interval)|.*\.latency|.*\.time", "s"),
)
"""Units of statistics by their names; of others, values are shown as they are stored."""


def metrics_of(plan: SweepPlan) -> tuple[Metric, ...]:
    """Return what table and figure of a sweep show: the plan's ``y``, else the main statistics."""
    main = (METRICS[0], R2, *METRICS[1:])
    known = {metric.statistic: metric for metric in (*main, *_ERRORS)}
    return tuple(known.get(name) or _metric(name) for name in plan.y) or main


def main_metrics(results: Sequence[PointResult]) -> tuple[Metric, ...]:
    """Return the main statistics, beginning with the accuracy, or R² where points have that."""
    regression = any(R2.statistic in result.stats for result in results)
    return (R2, *METRICS[1:]) if regression else METRICS


def _metric(name: str) -> Metric:
    unit = next((unit for form, unit in _UNITS if re.fullmatch(form, name)), "")
    return Metric(name, name, ".".join(name.split(".")[-2:]), unit)


def unknown(plan: SweepPlan, rows: Sequence[PointRow]) -> list[str]:
    """Return a line for each ``y`` that no point has, though some have results."""
    names = dict.fromkeys(name for row in rows for r in row.results for name in r.stats)
    lines = []
    for name in plan.y:
        if names and name not in names:
            close = nearest(name, names)
            hint = f"; did you mean '{close}'?" if close else ""
            lines.append(f"y: no point has the statistic '{name}'{hint}")
    return lines


@dataclass(frozen=True)
class Measured:
    """Mean of a metric over the seeds of a point.

    ``spread``: sample standard deviation over seeds, over the chips where there is one seed; None
    if neither is there.
    """

    mean: float
    spread: float | None


@dataclass(frozen=True)
class PointRow:
    """A point: the labels of its axes, and its results, one a seed."""

    labels: tuple[str, ...]
    point: Mapping[str, Any]
    results: tuple[PointResult, ...]

    @property
    def failed(self) -> tuple[PointResult, ...]:
        """The results that are none."""
        return tuple(result for result in self.results if result.error)

    def measured(self, metric: Metric) -> Measured | None:
        """Return a metric, or None if no seed has it."""
        values = _numbers(self.results, metric.statistic)
        if not values:
            return None
        if len(values) > 1:
            return Measured(statistics.fmean(values), statistics.stdev(values))
        spreads = _numbers(self.results, metric.spread) if metric.spread else []
        return Measured(values[0], spreads[0] if spreads else None)


def _numbers(results: Sequence[PointResult], statistic: str) -> list[float]:
    values = [result.stats.get(statistic) for result in results]
    return [float(value) for value in values if isinstance(value, (int, float))]


def rows_of(plan: SweepPlan, results: Sequence[PointResult]) -> tuple[PointRow, ...]:
    """Return the points in the order of the plan."""
    groups: dict[tuple[str, ...], list[PointResult]] = {}
    for result in results:
        labels = tuple(label(result.point, path) for path in plan.axes)
        groups.setdefault(labels, []).append(result)
    return tuple(PointRow(labels, found[0].point, tuple(found)) for labels, found in groups.items())


def short_labels(rows: Sequence[PointRow]) -> list[tuple[str, ...]]:
    """Return the labels of all rows, without a folder that all values of an axis share."""
    columns = [list(column) for column in zip(*(row.labels for row in rows), strict=True)]
    for column in columns:
        folders = {text.rsplit("/", 1)[0] if "/" in text else None for text in column}
        if len(folders) == 1 and None not in folders:
            column[:] = [text.rsplit("/", 1)[1] for text in column]
    return list(zip(*columns, strict=True)) or [()] * len(rows)


def csv_rows(results: Sequence[PointResult]) -> list[dict[str, Any]]:
    """Return one row a result as text: see `result_rows`; overrides as their labels."""
    paths = dict.fromkeys(path for result in results for path in result.point)
    rows = []
    for result, row in zip(results, result_rows(results), strict=True):
        for path in paths:
            row[path] = label(result.point, path) if path in result.point else ""
        rows.append({name: "" if value is None else value for name, value in row.items()})
    return rows


def result_rows(results: Sequence[PointResult]) -> list[dict[str, Any]]:
    """Return one row a result: its overrides, all statistics, and why it failed.

    A statistic that is called as an override is, is prefixed with ``result.``.
    """
    paths = dict.fromkeys(path for result in results for path in result.point)
    names = dict.fromkeys(name for result in results for name in result.stats)
    columns = {name: f"result.{name}" if name in paths else name for name in names}
    return [
        {path: result.point.get(path) for path in paths}
        | {column: result.stats.get(name) for name, column in columns.items()}
        | {"error": result.error}
        for result in results
    ]


def has_seeds(rows: Sequence[PointRow]) -> bool:
    """Tell whether any point was run with several seeds."""
    return any(len(row.results) > 1 for row in rows)


def spread_meaning(rows: Sequence[PointRow]) -> str:
    """Return what stands behind ``±``."""
    return f"over {SEED}s" if has_seeds(rows) else "over chips"
