"""Charts over simulated time that zoom together: occupancy, use, waiting tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.page.bars import tick
from imssa_sim.report.page.flow import Lane, Occupied, Queue, below_chip
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import Scale
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNITS = 1000.0
"""Width of a chart in its own units; the page stretches it."""
FAINTEST = 0.02
"""Use below which a bin is not drawn."""


def zoomed(end: float, charts: Sequence[Markup], label: str) -> Markup:
    """Return charts over 0 to ``end`` [s] with one axis and the controls that zoom them."""
    buttons = [
        element("button", sign, type="button", data_zoom=what, aria_label=words, title=words)
        for sign, what, words in (
            ("−", "out", "zoom out"),
            ("+", "in", "zoom in"),
            ("←", "left", "earlier"),
            ("→", "right", "later"),
            ("reset", "reset", "show all"),
        )
    ]
    help_text = "drag to move, Ctrl and wheel to zoom, or + − ← → 0 on the keyboard"
    scale = Scale(0.0, end)
    ticks = [tick(scale(t), format_si(t, "s") if t else "0") for t in scale.ticks()]
    return element(
        "div",
        element("div", *buttons, element("span", help_text, class_="hint"), class_="zoom-bar"),
        element(
            "div", *charts,
            element("div", element("div"), element("div", ticks, class_="time-axis"),
                    class_="lane axis-lane"),
            class_="zoom-body",
        ),
        class_="zoom", tabindex=0, role="group", aria_label=f"{label}; {help_text}",
        data_end=f"{end:.9g}",
    )  # fmt: skip


def _strip(name: str, shapes: Iterable[Markup | None], height: float, aside: str = "",
           class_: str = "") -> Markup:  # fmt: skip
    """Return one lane: its name, and shapes in a box of `UNITS` by ``height``."""
    drawn = element(
        "svg", shapes, viewBox=f"0 0 {UNITS:g} {height:g}", preserveAspectRatio="none",
        aria_hidden="true",
    )  # fmt: skip
    return element(
        "div",
        element("div", element("span", name), element("small", aside), class_="lane-name"),
        element("div", drawn, class_="lane-plot"),
        class_=f"lane {class_}".strip(),
    )


def occupancy(rows: Sequence[Occupied], end: float) -> list[Markup]:
    """Return a lane a component; a colour a time step."""
    found = []
    for path in dict.fromkeys(row.path for row in rows):
        bars = [
            element(
                "rect", x=UNITS * row.start / end, width=UNITS * (row.end - row.start) / end,
                y=1, height=8, fill=PALETTE[row.token % 7],
                data_tip=f"{below_chip(path)}: {row.action}, step {row.token}, "
                f"{format_si(row.start, 's')} to {format_si(row.end, 's')}",
            )
            for row in rows
            if row.path == path
        ]  # fmt: skip
        found.append(_strip(below_chip(path), bars, 10))
    return found


def use(lanes: Sequence[Lane], end: float, mean: dict[str, float]) -> list[Markup]:
    """Return a strip a component, the darker the more of the time it is in use."""
    found = []
    for lane in lanes:
        width = UNITS / len(lane.shares)
        cells: list[Markup | None] = [
            element(
                "rect", x=number * width, width=width * 1.02, y=0, height=10, class_="heat",
                fill_opacity=float(share),
                data_tip=f"{below_chip(lane.path)}: {share:.0%} in use at "
                f"{format_si(end * (number + 0.5) / len(lane.shares), 's')}",
            )
            for number, share in enumerate(lane.shares)
            if share >= FAINTEST
        ]  # fmt: skip
        cells.append(_unknown(lane.known, end, 10))
        aside = f"{mean[lane.path]:.0%}" if lane.path in mean else ""
        found.append(_strip(below_chip(lane.path), cells, 10, aside))
    return found


def waiting(queues: Sequence[Queue], end: float) -> list[Markup]:
    """Return a step curve a stage: tokens that wait before it."""
    most = max((queue.longest for queue in queues), default=0) or 1
    found = []
    for queue in queues:
        ends = [*(time for time, _ in queue.steps[1:]), queue.known]
        bars: list[Markup | None] = [
            element(
                "rect", x=UNITS * start / end, width=UNITS * (stop - start) / end,
                y=20 - 19 * count / most, height=19 * count / most, class_="queue",
                data_tip=f"{count} waiting before {below_chip(queue.stage)} from "
                f"{format_si(start, 's')} to {format_si(stop, 's')}",
            )
            for (start, count), stop in zip(queue.steps, ends, strict=True)
            if count and stop > start
        ]  # fmt: skip
        bars.append(_unknown(queue.known, end, 20))
        aside = f"max {queue.longest}"
        found.append(_strip(below_chip(queue.stage), bars, 20, aside, "tall"))
    return found


def _unknown(known: float, end: float, height: float) -> Markup | None:
    if known >= end:
        return None
    return element(
        "rect", x=UNITS * known / end, width=UNITS * (end - known) / end, y=0, height=height,
        class_="unknown", data_tip="not recorded: later steps come by here too",
    )  # fmt: skip
