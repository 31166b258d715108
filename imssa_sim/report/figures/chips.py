"""One network on many chips: accuracy, latency, energy, area, TOPS/W side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter, StrMethodFormatter

from imssa_sim.report.chips import name_of, node_text, rows_of
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imssa_sim.comparison.chips import ChipsCompared

COSTS = (
    ("latency", "", "latency"),
    ("energy", "energy_at_node", "energy per inference"),
    ("area", "area_at_node", "area [mm²]"),
)
"""Column, that with digital parts at the common node, words."""


@look
def chips_figure(comparison: ChipsCompared) -> Figure:
    """Draw a line a chip in five panels; hollow marks have the digital parts at one node."""
    names = [name_of(o) for o in comparison.outcomes if o.result is not None]
    rows = [
        row for row, o in zip(rows_of(comparison), comparison.outcomes, strict=True) if o.result
    ]
    figure, axes = panels(1, 5, 11.5, 1.5 + 0.3 * len(rows))
    _accuracy(axes[0], comparison, rows)
    for place, (column, scaled, words) in zip(axes[1:4], COSTS, strict=True):
        factor = 1e6 if column == "area" else 1.0
        _dots(place, [factor * row[column] for row in rows], PALETTE[0], "o")
        if scaled:
            _dots(place, [factor * row[scaled] for row in rows], PALETTE[0], "o", hollow=True)
        place.set_xlabel(words)
    for rule, colour, mark in (("useful", PALETTE[1], "s"), ("array", PALETTE[3], "D")):
        column = f"tops_per_watt_{rule}"
        _dots(axes[4], [row[column] for row in rows], colour, mark, label=f"{rule} MACs")
        _dots(axes[4], [row[f"{column}_at_node"] for row in rows], colour, mark, hollow=True)
    axes[4].set_xlabel("TOPS/W")
    for number, place in enumerate(axes):
        place.set_ylim(len(rows) - 0.5, -0.5)
        place.set_yticks(range(len(rows)), names if number == 0 else [""] * len(rows))
        place.tick_params(axis="y", length=0)
        place.tick_params(axis="x", labelsize=8)
        if number:
            place.set_xscale("log")
            place.xaxis.set_major_locator(LogLocator(numticks=4))
            unit = {1: "s", 2: "J"}.get(number)
            place.xaxis.set_major_formatter(
                EngFormatter(unit) if unit else StrMethodFormatter("{x:g}")
            )
            place.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set_title(f"{comparison.loaded.config.workload} on published chips", loc="left")
    axes[1].plot([], [], "o", color=PALETTE[0], label="as built", markersize=5)
    axes[1].plot([], [], "o", fillstyle="none", color=PALETTE[0], markersize=7,
                 label=f"digital parts at {node_text(comparison)}")  # fmt: skip
    handles = [*axes[1].get_legend_handles_labels()[0], *axes[4].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside upper right", ncols=4, fontsize=8)
    return figure


def _accuracy(axes: Axes, comparison: ChipsCompared, rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        if not math.isnan(row["accuracy"]):
            axes.plot([100 * row["accuracy_low"], 100 * row["accuracy_high"]], [place, place],
                      color=PALETTE[2], linewidth=1.6, alpha=0.55)  # fmt: skip
            axes.plot([100 * row["accuracy"]], [place], "o", color=PALETTE[2], markersize=5)
        if not math.isnan(row["accuracy_quantised"]):
            axes.plot([100 * row["accuracy_quantised"]], [place], "|", color="#4D4D4D",
                      markersize=10)  # fmt: skip
    axes.axvline(100 * comparison.guessing, color="#999999", linestyle=":", linewidth=1.2)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("accuracy [%] (|: quantised)")


def _dots(
    axes: Axes, values: list[float], colour: str, mark: str, *, hollow: bool = False,
    label: str | None = None,
) -> None:  # fmt: skip
    axes.plot(
        values, range(len(values)), mark, color=colour, markersize=7 if hollow else 5, label=label,
        fillstyle="none" if hollow else "full",
    )  # fmt: skip
