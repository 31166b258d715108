"""Latency of time steps that arrive in real time, and the input buffer's fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels, plain_ticks
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@look
def latency_and_fill(
    bins: Sequence[tuple[float, int]],
    fill: Sequence[tuple[float, int]],
    deadline: float | None,
    median: float,
) -> Figure:
    """Histogram of latencies with the deadline, beside the first changes of the buffer's fill.

    Parameters
    ----------
    bins : sequence of (left edge [s], time steps)
        The last one is the right edge, with none.
    fill : sequence of (time [s], time steps in the buffer)
    deadline : float or None
        Drawn where it is near the latencies [s].
    median : float
        [s]
    """
    figure, (left, right) = panels(1, 2, 8.0, 3.2)
    scale, unit = _unit(bins[-1][0])
    edges = [edge / scale for edge, _ in bins]
    left.stairs([count for _, count in bins[:-1]], edges, fill=True, color=PALETTE[0])
    left.axvline(median / scale, color=PALETTE[1], linewidth=1.2, label="median")
    if deadline is not None:
        near = deadline <= 3 * bins[-1][0]
        where = [deadline / scale] if near else []
        text = f"deadline {format_si(deadline, 's')}{'' if near else ', beyond'}"
        left.vlines(where, 0, 1, transform=left.get_xaxis_transform(), color=PALETTE[3],
                    linestyle="--", label=text)  # fmt: skip
    left.set_yscale("log")
    left.set_ylim(bottom=0.7)
    plain_ticks(left.yaxis)
    left.set_xlabel(f"latency of a time step [{unit}]")
    left.set_ylabel("time steps")
    left.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    scale, unit = _unit(fill[-1][0] if len(fill) > 1 else 1.0)
    right.step([at / scale for at, _ in fill], [n for _, n in fill], where="post",
               color=PALETTE[0], linewidth=0.9)  # fmt: skip
    right.set_ylim(bottom=0, top=max(1.05 * max(n for _, n in fill), 1.05))
    right.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xlabel(f"time since the first arrival [{unit}]")
    right.set_ylabel("time steps in the input buffer")
    if len(fill) == 1:
        right.text(0.5, 0.5, "always empty: each is taken as it arrives", ha="center",
                   transform=right.transAxes)  # fmt: skip
    return figure


def _unit(largest: float) -> tuple[float, str]:
    return next((entry for entry in _UNITS if largest >= 2 * entry[0]), _UNITS[-1])
