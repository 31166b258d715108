"""Published figures of chips beside ours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels
from imssa_sim.units import parse_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from imssa_sim.validation.figure import Figure

CASES = {
    "out of sample": (PALETTE[0], "o"),
    "calibrated": (PALETTE[1], "s"),
    "arithmetic": (PALETTE[8], "x"),
}
"""Case -> its colour and mark; component models are no figures of a chip."""
BAND = 0.1


@look
def validation_figure(figures: Sequence[Figure]) -> Drawing:
    """Draw ours against published in SI, and the ratios of both by chip with a band of 10 %."""
    shown = [f for f in figures if f.published and f.ours > 0 and f.reproducible]
    drawing, (plane, ratios) = panels(1, 2, 9.4, 4.2)
    for case in CASES:
        _plane(plane, case, [f for f in shown if f.case == case])
        _ratios(ratios, case, shown)
    ends = plane.get_xlim()
    plane.plot(ends, ends, color="#4D4D4D", linewidth=0.8, zorder=0)
    plane.fill_between(ends, [(1 - BAND) * x for x in ends], [(1 + BAND) * x for x in ends],
                       color="#4D4D4D", alpha=0.15, linewidth=0)  # fmt: skip
    plane.set_xlabel("published, SI units")
    plane.set_ylabel("ours, SI units")
    plane.legend(fontsize=8)
    ratios.axhspan(1 - BAND, 1 + BAND, color="#4D4D4D", alpha=0.15, linewidth=0)
    ratios.axhline(1, color="#4D4D4D", linewidth=0.8)
    ratios.set_ylabel("ours over published, band of 10 %")
    return drawing


def _plane(axes: Axes, case: str, figures: Sequence[Figure]) -> None:
    colour, mark = CASES[case]
    factors = [float(parse_unit(figure.unit).factor) for figure in figures]
    x = [(f.published or math.nan) * by for f, by in zip(figures, factors, strict=True)]
    y = [f.ours * by for f, by in zip(figures, factors, strict=True)]
    axes.plot(x, y, mark, color=colour, markersize=4.5, label=f"{case}, {len(figures)}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(_power)
    axes.yaxis.set_major_formatter(_power)


def _ratios(axes: Axes, case: str, shown: Sequence[Figure]) -> None:
    """Spread each chip's figures about its place, in their order."""
    chips = list(dict.fromkeys(figure.chip for figure in shown))
    places, heights = [], []
    for number, chip in enumerate(chips):
        own = [figure for figure in shown if figure.chip == chip and figure.case in CASES]
        for place, figure in enumerate(own):
            if figure.case == case:
                places.append(number + 0.7 * ((place + 0.5) / len(own) - 0.5))
                heights.append(figure.ours / (figure.published or math.nan))
    colour, mark = CASES[case]
    axes.plot(places, heights, mark, color=colour, markersize=4.5)
    axes.set_xticks(range(len(chips)), chips, fontsize=8, rotation=20)
    axes.grid(axis="x", visible=False)


def _power(value: float, _: float) -> str:
    return f"1e{math.log10(value):.0f}"
