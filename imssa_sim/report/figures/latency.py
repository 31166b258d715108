"""Where the time goes: the step's stages, and a timeline of the first steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.path import Path

from imssa_sim.components.path import ComponentPath
from imssa_sim.report.colours import PALETTE, kind_colour
from imssa_sim.report.figures.style import canvas, look
from imssa_sim.report.scale import engineering

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from imssa_sim.timing.result import Occupancy


@look
def latency_bars(rows: Sequence[tuple[str, str, float]]) -> Figure:
    """Stacked bars of one token's service time, one bar a stage.

    Parameters
    ----------
    rows : sequence of (stage, component kind, time [s])
        In the order of the flow.
    """
    stages = list(dict.fromkeys(stage for stage, _, _ in rows))
    factor, prefix = engineering(
        [sum(time for stage, _, time in rows if stage == name) for name in stages]
    )
    figure, axes = canvas(7.2, 1.4 + 0.3 * len(stages))
    lanes = {stage: n for n, stage in enumerate(stages)}
    left = [0.0] * len(stages)
    bars: dict[str, list[tuple[int, float, float]]] = {}
    for stage, kind, time in rows:
        lane = lanes[stage]
        bars.setdefault(kind, []).append((lane, time / factor, left[lane]))
        left[lane] += time / factor
    for kind, places in bars.items():
        lane_of, width, start = zip(*places, strict=True)
        axes.barh(lane_of, width, left=start, color=kind_colour(kind), label=kind)
    axes.set_yticks(range(len(stages)), stages)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"service time of one time step [{prefix}s]")
    axes.set_title("Latency by stage and component kind")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return figure


def _bars(places: Sequence[tuple[int, float, float]]) -> Path:
    """Return bars (lane, start, end) as one outline."""
    lane, start, end = np.array(places).T
    low, high = lane - 0.4, lane + 0.4
    corners = [(start, low), (end, low), (end, high), (start, high), (start, low)]
    turn = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(np.array(corners).transpose(2, 0, 1).reshape(-1, 2), turn * len(places))


@look
def timeline(rows: Sequence[Occupancy]) -> Figure:
    """Gantt chart: one lane a component, one colour a time step.

    Parameters
    ----------
    rows : sequence of occupancies
        ``path``, ``token`` (time step), ``start``, ``end`` [s].
    """
    # What runs once a sequence comes long after the first steps and would squeeze them.
    last = max(row.end for row in rows if ".layer" in row.path or row.path.endswith("encoder"))
    rows = [row for row in rows if row.end <= last]
    factor, prefix = engineering([last])
    lanes = {path: n for n, path in enumerate(dict.fromkeys(row.path for row in rows))}
    figure, axes = canvas(8.5, 1.3 + 0.2 * len(lanes))
    tokens = sorted({row.token for row in rows})
    colours = {token: PALETTE[n % len(PALETTE)] for n, token in enumerate(tokens)}
    places: dict[int, list[tuple[int, float, float]]] = {token: [] for token in tokens}
    for row in rows:
        places[row.token].append((lanes[row.path], row.start / factor, row.end / factor))
    # One outline a step: drawing a thousand bars as a thousand artists takes a second.
    bars = PathCollection(
        [_bars(places[token]) for token in tokens],
        facecolors=[colours[token] for token in tokens],
        edgecolors="face",
        linewidths=0.4,
    )
    axes.add_collection(bars)
    axes.autoscale_view()
    axes.set_yticks(
        range(len(lanes)), [ComponentPath(path).below_chip for path in lanes], fontsize=7
    )
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"simulated time [{prefix}s]")
    axes.set_title(f"The first {len(tokens)} time steps (one colour a step)")
    return figure
