"""The report of several runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.compare import ROWS, Comparison, compare
from imssa_sim.report.page.bars import BarSegment, Span, legend, spans, stacked
from imssa_sim.report.page.document import Chapter, document, fold, table
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import Scale, fitted
from imssa_sim.report.page.sections import SMALLEST_SHARE, number, percent
from imssa_sim.report.tables import energy_of_record
from imssa_sim.simulation.intervals import wilson
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imssa_sim.report.record import Record

SHOWN = (
    ("time.end_to_end", "Latency", "s"),
    ("time.interval", "Interval per step", "s"),
    ("energy.inference", "Energy per inference", "J"),
    ("power.average", "Average power", "W"),
    ("tops_per_watt.useful", "TOPS/W, useful MACs", ""),
    ("area", "Area", "m^2"),
)


def compare_page(records: Sequence[Record]) -> str:
    """Return the report of runs side by side; the first is what the others are held against."""
    comparison = compare(records)
    found = [
        _quality(records),
        Chapter("costs", "Costs", _costs(records)),
        Chapter("energy", "Energy", _energy(records), "By component kind, on one scale."),
        Chapter("latency", "Latency", _latency(records), "Of the first step, by component kind."),
        Chapter("results", "Results", _results(comparison),
                "In brackets: times the first run's."),
        Chapter("configuration", "What differs", _differences(comparison)),
    ]  # fmt: skip
    head = element(
        "div", element("h1", f"{len(records)} runs side by side"),
        element("ul", [_named(n, r) for n, r in enumerate(records)], class_="runs"), class_="head",
    )  # fmt: skip
    foot = element(
        "div",
        [
            fold(record.name, element("pre", record.summary()))
            for record in records
        ],
    )  # fmt: skip
    return document(f"{' · '.join(r.name for r in records)} · imssa_sim", head, found, foot)


def _named(place: int, record: Record) -> Markup:
    return element("li", element("i", style=f"background:{_colour(place)}"), record.name)


def _colour(place: int) -> str:
    return PALETTE[place % len(PALETTE)]


def _quality(records: Sequence[Record]) -> Chapter:
    """Return accuracies, or R² where the first run is a regression."""
    if "regression.samples" not in records[0].values:
        words = "On the chip, mean over chips, with 95 % Wilson intervals over the sequences."
        return Chapter("accuracy", "Accuracy", _accuracy(records), words)
    rows = []
    for place, record in enumerate(records):
        found = [number(record, f"regression.r2.analog.{end}") for end in ("low", "mean", "high")]
        if None not in found:
            low, mean, high = (float(value or 0.0) for value in found)
            text = f"{mean:.4g} ({low:.4g}–{high:.4g})"
            rows.append(Span(record.name, low, high, mean, text, _colour(place)))
    shown = element("p", "No run has an R² of a chip.", class_="hint")
    if rows:
        scale = fitted([end for row in rows for end in (row.low, row.high)], 0.15)
        shown = spans(rows, scale, lambda value: f"{value:.4g}", "R² of the runs")
    words = "On the chip, mean over chips, with 95 % intervals by bootstrap over the sequences."
    return Chapter("fit", "R²", shown, words)


def _accuracy(records: Sequence[Record]) -> Markup:
    rows = []
    for place, record in enumerate(records):
        mean = number(record, "accuracy.analog.mean")
        if mean is not None:
            each = number(record, "accuracy.analog.samples") or 1.0
            share = wilson(mean, int(each))
            text = f"{share.value:.1%} ({share.low:.1%}–{share.high:.1%})"
            rows.append(Span(record.name, share.low, share.high, share.value, text, _colour(place)))
    if not rows:
        return element("p", "No run evaluated a chip.", class_="hint")
    scale = fitted([end for row in rows for end in (row.low, row.high)], 0.15)
    scale = Scale(max(0.0, scale.low), min(1.0, scale.high))
    return spans(rows, scale, percent, "accuracies of the runs")


def _costs(records: Sequence[Record]) -> Markup:
    parts = []
    for name, words, unit in SHOWN:
        values = [number(record, name) for record in records]
        most = max((v for v in values if v is not None), default=0.0)
        if most <= 0:
            continue
        rows = [
            Span(record.name, 0.0, value, value,
                 format_si(value, unit) if unit else f"{value:.4g}", _colour(place))
            for place, (record, value) in enumerate(zip(records, values, strict=True))
            if value is not None
        ]  # fmt: skip
        show = _show(unit)
        scale = Scale(0.0, 1.05 * most)
        parts.append(element("div", element("h3", words), spans(rows, scale, show, words)))
    return element("div", parts, class_="two even")


def _show(unit: str) -> Callable[[float], str]:
    return lambda value: (format_si(value, unit, 3) if unit else f"{value:.3g}") if value else "0"


def _energy(records: Sequence[Record]) -> Markup:
    rows: list[tuple[str, list[BarSegment]]] = []
    kinds: dict[str, None] = {}
    for record in records:
        shown = energy_of_record(record).gathered(SMALLEST_SHARE)
        sums = shown.energy.sum(axis=0)
        segments = [
            BarSegment(kind, float(value), f"{record.name}, {kind.replace('_', ' ')}: "
                    f"{format_si(float(value), 'J')}, {float(value) / shown.total:.1%}")
            for kind, value in zip(shown.kinds, sums, strict=True)
        ]  # fmt: skip
        rows.append((record.name, segments))
        kinds |= dict.fromkeys(shown.kinds)
    return element("div", stacked(rows, "J", "energy of the runs by component kind"), legend(kinds))


def _latency(records: Sequence[Record]) -> Markup:
    rows: list[tuple[str, list[BarSegment]]] = []
    kinds: dict[str, None] = {}
    for record in records:
        sums: dict[str, float] = {}
        for row in record.table("latency"):
            sums[row["kind"]] = sums.get(row["kind"], 0.0) + row["service_s"]
            sums["waiting"] = sums.get("waiting", 0.0) + row["waiting_s"]
        segments = [
            BarSegment(kind, value, f"{record.name}, {kind.replace('_', ' ')}: "
                    f"{format_si(value, 's')}")
            for kind, value in sorted(sums.items(), key=lambda item: -item[1]) if value > 0
        ]  # fmt: skip
        rows.append((record.name, segments))
        kinds |= dict.fromkeys(segment.kind for segment in segments)
    return element("div", stacked(rows, "s", "latency of the first step by kind"), legend(kinds))


def _results(comparison: Comparison) -> Markup:
    head = ("", *(run.name for run in comparison.runs))
    rows = [[heading.strip(), *cells] for heading, cells in comparison.rows]
    return table(head, rows, f"{len(ROWS)} main results", numbers=range(1, len(head)))


def _differences(comparison: Comparison) -> Markup:
    if not comparison.differences:
        return element("p", "The configurations are the same.", class_="hint")
    head = ("setting", *(run.name for run in comparison.runs))
    rows = [[path, *(str(value) for value in values)] for path, values in comparison.differences]
    return table(head, rows, "settings that differ", searched=True)
