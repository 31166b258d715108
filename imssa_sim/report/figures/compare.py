"""Runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.compare import Comparison, ratio
from imssa_sim.report.figures.style import canvas, look, plain_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINEAR = 8.0
"""Ratio of the largest to the smallest number from which the axis is logarithmic."""


@look
def comparison_figure(comparison: Comparison) -> Figure:
    """Bars of the main results, one colour a run, each relative to the first run."""
    regression = "regression.samples" in comparison.runs[0].values
    shown = [
        ("regression.rmse.analog.mean", "RMSE")
        if regression
        else ("accuracy.analog.mean", "accuracy"),
        ("time.end_to_end", "latency"),
        ("energy.inference", "energy"),
        ("tops_per_watt.useful", "TOPS/W"),
        ("area", "area"),
    ]
    runs = comparison.runs
    figure, axes = canvas(8.0, 3.8)
    width = 0.8 / len(runs)
    for number, run in enumerate(runs):
        heights = [ratio(run.values.get(name), runs[0].values.get(name)) for name, _ in shown]
        places = [place + number * width for place in range(len(shown))]
        axes.bar(places, heights, width, color=PALETTE[number % len(PALETTE)], label=run.name)
    ratios = [ratio(run.values.get(n), runs[0].values.get(n)) for run in runs for n, _ in shown]
    found = [value for value in ratios if value > 0]
    if found and max(found) > LINEAR * min(found):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    middle = 0.4 - width / 2
    axes.set_xticks([place + middle for place in range(len(shown))], [label for _, label in shown])
    axes.axhline(1.0, color="#4D4D4D", linewidth=0.8)
    axes.set_ylabel(f"relative to {runs[0].name}")
    axes.legend(fontsize=8)
    return figure
