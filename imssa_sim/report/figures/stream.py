"""Accuracy against time since programming."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import canvas, look, plain_ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

MOST_LINES = 60
"""Writings that are drawn one by one; more would fill the picture."""


@look
def accuracy_over_time(
    points: Sequence[tuple[float, Sequence[float]]],
    writings: Sequence[float],
    reference: float | None,
    *,
    logarithmic: bool,
) -> Figure:
    """Mean and band of the chips' accuracy, with the times at which they were written again.

    Parameters
    ----------
    points : sequence of (time [s], accuracies of the chips, 0 to 1)
    writings : sequence of float
        Times of later programmings [s].
    reference : float or None
        Accuracy of the quantised network, 0 to 1.
    logarithmic : bool
        Whether time is drawn so; a first time of zero is then left out.
    """
    shown = [point for point in points if point[0] > 0 or not logarithmic]
    last = max(time for time, _ in shown)
    unit, length = next(
        (entry for entry in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)) if last >= 2 * entry[1]),
        ("s", 1.0),
    )
    figure, axes = canvas(6.4, 3.6)
    times = [time / length for time, _ in shown]
    middle = [100 * sum(found) / len(found) for _, found in shown]
    low, high = ([100 * ends(found) for _, found in shown] for ends in (min, max))
    if reference is not None:
        axes.axhline(100 * reference, color=PALETTE[7], linestyle="--", linewidth=1,
                     label="quantised, digital")  # fmt: skip
    for number, time in enumerate(writings[:MOST_LINES]):
        label = "written again" if number == 0 else None
        axes.axvline(time / length, color=PALETTE[3], linestyle=":", linewidth=1, label=label)
    axes.plot(times, middle, "o-", color=PALETTE[0], label="mean of the chips")
    if len(shown[0][1]) > 1:
        axes.fill_between(times, low, high, color=PALETTE[0], alpha=0.2, linewidth=0,
                          label="lowest to highest chip")  # fmt: skip
    if logarithmic:
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
    axes.set_ylim(0, 102)
    axes.set_xlabel(f"time since the first programming [{unit}]")
    axes.set_ylabel("accuracy [%]")
    axes.set_title("Accuracy over the stream")
    axes.legend(fontsize=8, loc="lower left")
    return figure
