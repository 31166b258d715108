"""Time steps that arrive in real time: rates, latencies, and what waits in the input buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.page import timeline
from imssa_sim.report.page.bars import Span, spans
from imssa_sim.report.page.document import table
from imssa_sim.report.page.flow import Queue
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.provenance import shown_value
from imssa_sim.report.page.scales import Scale
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.report.record import Record

LEAD = (
    "Time steps come by a clock of their own; the chip takes each as soon as it can. Energy and "
    "power hold what it draws while it waits."
)
GATHERED = 5
"""Bins of the stored histogram in one bar."""
LEAST = 0.7
"""Where the logarithmic axis of numbers of time steps begins."""


def arrivals(record: Record) -> Markup:
    """Return statistics, latencies and the buffer's fill of a run with arrivals."""
    series: dict[str, list[tuple[float, int]]] = {"latency": [], "fill": []}
    for row in record.table("input"):
        series[row["series"]].append((row["x"], row["y"]))
    deadline = record.values.get("input.deadline")
    rows = [
        [stat.name, shown_value(stat.value, stat.unit), stat.description]
        for stat in record.stats
        if stat.name.startswith("input.")
    ]
    return element(
        "div",
        element("h3", "Latency of a time step"),
        _latencies(series["latency"], None if deadline is None else float(deadline)),
        element("h3", "Time steps in the input buffer"),
        _fill(series["fill"]),
        element("h3", "Statistics"),
        table(("statistic", "value", "meaning"), rows, "statistics of arrivals", numbers=(1,)),
    )


def gathered(bins: Sequence[tuple[float, int]]) -> list[tuple[float, float, int]]:
    """Return (from [s], to [s], time steps) of wider bins, those without any at both ends left out.

    Parameters
    ----------
    bins : sequence of (left edge [s], time steps)
        The last one is the right edge, with none.
    """
    edges = [edge for edge, _ in bins]
    last = len(bins) - 1
    found = [
        (edges[n], edges[min(n + GATHERED, last)], sum(c for _, c in bins[n : n + GATHERED]))
        for n in range(0, last, GATHERED)
    ]
    held = [n for n, (_, _, count) in enumerate(found) if count]
    return found[held[0] : held[-1] + 1] if held else []


def _latencies(bins: Sequence[tuple[float, int]], deadline: float | None) -> Markup:
    bars = gathered(bins)
    if not bars:
        return element("p", "No time step was served.", class_="hint")
    most = max(count for _, _, count in bars)
    rows = [
        Span(f"{format_si(low, 's')} to {format_si(high, 's')}", LEAST, max(count, LEAST), None,
             f"{count:,}", PALETTE[3] if _late(high, deadline) else "var(--accent)")
        for low, high, count in bars
    ]  # fmt: skip
    words = "time steps by latency, on a logarithmic axis"
    if deadline is not None:
        words += f"; the deadline is {format_si(deadline, 's')}"
    scale = Scale(LEAST, max(10.0, 1.2 * most), logarithmic=True)
    coloured = any(_late(high, deadline) for _, high, _ in bars)
    note = f"{words}{'; bars that hold later ones are orange' if coloured else ''}."
    drawn = spans(rows, scale, lambda value: f"{value:,.0f}", words)
    return element("div", drawn, element("p", note.capitalize(), class_="hint"))


def _late(end: float, deadline: float | None) -> bool:
    return deadline is not None and end > deadline


def _fill(steps: Sequence[tuple[float, int]]) -> Markup:
    end = steps[-1][0] if steps else 0.0
    if not end:
        return element("p", "Always empty: each is taken as it arrives.", class_="hint")
    queue = Queue("the chip", tuple(steps), end)
    note = f"The first changes, until {format_si(end, 's')} after the first arrival."
    chart = timeline.zoomed(end, timeline.waiting([queue], end), "fill of the input buffer")
    return element("div", chart, element("p", note, class_="hint"))
