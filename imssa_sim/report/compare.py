"""Runs side by side: what differs in their configurations, and in their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.report.record import Record

#: statistic, heading, unit
ROWS = (
    ("accuracy.float", "accuracy, float", "%"),
    ("accuracy.digital", "accuracy, quantised", "%"),
    ("accuracy.analog.mean", "accuracy, chip", "%"),
    ("accuracy.analog.deviation", "  ± over chips", "%"),
    ("regression.r2.float", "R², float", ""),
    ("regression.r2.digital", "R², quantised", ""),
    ("regression.r2.analog.mean", "R², chip", ""),
    ("regression.r2.analog.deviation", "  ± over chips", ""),
    ("regression.rmse.analog.mean", "RMSE, chip", ""),
    ("time.first_output", "first output", "s"),
    ("time.interval", "interval per step", "s"),
    ("time.end_to_end", "end to end", "s"),
    ("energy.inference", "energy per inference", "J"),
    ("energy.account.leakage", "  of which leakage", "J"),
    ("power.average", "average power", "W"),
    ("tops_per_watt.useful", "TOPS/W, useful MACs", "TOPS/W"),
    ("tops_per_watt.array", "TOPS/W, array MACs", "TOPS/W"),
    ("programming.energy", "programming once", "J"),
    ("programming.time", "  takes", "s"),
    ("area", "area", "m^2"),
    ("tiles.needed", "tiles", ""),
    ("energy.assumed_share", "energy on assumed numbers", "%"),
)


#: what stands where a statistic has no value
ABSENT = {"programming.energy": "not modelled", "programming.time": "not modelled"}


@dataclass(frozen=True)
class Comparison:
    """Differences of configurations by dotted path, and the table of results."""

    runs: tuple[Record, ...]
    differences: tuple[tuple[str, tuple[Any, ...]], ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def compare(runs: Sequence[Record]) -> Comparison:
    """Compare two or more runs; later ones carry their ratio to the first."""
    paths = sorted({path for run in runs for path in run.config})
    differences = []
    for path in paths:
        values = tuple(run.config.get(path) for run in runs)
        if any(value != values[0] for value in values):
            differences.append((path, values))
    rows = []
    for statistic, heading, unit in ROWS:
        values = tuple(run.values.get(statistic) for run in runs)
        absent = ABSENT.get(statistic, "-")
        unknown = statistic in ABSENT and any(statistic in run.values for run in runs)
        if unknown or any(isinstance(value, (int, float)) for value in values):
            cells = (_cell(value, values[0], unit, absent) for value in values)
            rows.append((heading, tuple(cells)))
    return Comparison(tuple(runs), tuple(differences), tuple(rows))


def ratio(value: Any, first: Any) -> float:
    """Return ``value`` over ``first``; not a number where one is none or ``first`` zero."""
    if isinstance(value, (int, float)) and isinstance(first, (int, float)) and first:
        return value / first
    return float("nan")


def _cell(value: Any, first: Any, unit: str, absent: str) -> str:
    if not isinstance(value, (int, float)):
        return absent
    if unit == "%":
        return f"{value:.1%}"
    text = f"{value:.4g} {unit}".rstrip() if unit in ("", "TOPS/W") else format_si(value, unit)
    times = ratio(value, first)
    return text if value is first or times != times or times == 1.0 else f"{text} (×{times:.3g})"
