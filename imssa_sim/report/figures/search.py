"""The front of a search in pairs of objectives, hypervolume against trials, importances."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels
from imssa_sim.report.scale import scale_of
from imssa_sim.report.search import short_path
from imssa_sim.searches.front import dominates
from imssa_sim.searches.plan import SHORT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imssa_sim.searches.goals import Objective
    from imssa_sim.searches.run import Found

_PAIRS = 3
"""Pairs of objectives that are drawn."""
_GREY = "#9a9a9a"


@look
def search_figure(found: Found) -> Figure:
    """Draw pairs of objectives with the front, hypervolume against trials, and importances."""
    objectives = found.plan.objectives
    pairs = list(itertools.combinations(objectives, 2))[:_PAIRS]
    count = len(pairs) + 2
    rows = 1 if count <= 3 else 2
    columns = math.ceil(count / rows)
    figure, axes = panels(rows, columns, 4.1 * columns, 3.5 * rows)
    for place, pair in zip(axes, pairs, strict=False):
        _pair(place, found, *pair)
    _volume(axes[len(pairs)], found)
    _importances(axes[len(pairs) + 1], found)
    for spare in axes[count:]:
        spare.set_visible(False)
    figure.suptitle(found.plan.description or f"Search {found.plan.name}")
    return figure


def _pair(axes: Axes, found: Found, first: Objective, second: Objective) -> None:
    """Draw the second objective across, the first one up."""
    plan = found.plan
    whole = [r for r in found.records.values() if r.whole]
    values = {o.stat: [r.value(o.stat) for r in whole] for o in (first, second)}
    scales = {s: scale_of(v, _unit(plan.units[s], s)) for s, v in values.items()}

    def at(records: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
        return (
            [y / scales[second.stat][0] for _, y in records],
            [x / scales[first.stat][0] for x, _ in records],
        )

    front = [p.record for p in found.front]
    places = [(r.value(first.stat), r.value(second.stat)) for r in front]
    for records, colour, words in (
        ([r for r in whole if not r.feasible], "#e0b4b4", "breaks a constraint"),
        ([r for r in whole if r.feasible and r not in front], _GREY, "dominated"),
    ):
        if records:
            xy = at([(r.value(first.stat), r.value(second.stat)) for r in records])
            axes.plot(*xy, "o", color=colour, markersize=3.2, label=words)
    axes.plot(*at(places), "o", color=PALETTE[0], markersize=5, label="front")
    edge = sorted(
        (p for p in places if not any(_worse(first, second, p, q) for q in places)),
        key=lambda p: p[1],
    )
    axes.plot(*at(edge), drawstyle="default", color=PALETTE[0], linewidth=0.9, alpha=0.6)
    if found.knee is not None:
        knee = (found.knee.record.value(first.stat), found.knee.record.value(second.stat))
        axes.plot(*at([knee]), "D", color=PALETTE[3], markersize=6.5, label="knee")
    for objective, label in ((second, axes.set_xlabel), (first, axes.set_ylabel)):
        unit = scales[objective.stat][1]
        name = SHORT.get(objective.stat, objective.stat)
        label(f"{name} [{unit}]" if unit else name)
    axes.legend(fontsize=7.5)


def _worse(
    first: Objective, second: Objective, p: tuple[float, float], q: tuple[float, float]
) -> bool:
    signed = [(first.signed(x), second.signed(y)) for x, y in (p, q)]
    return dominates(signed[1], signed[0])


def _unit(unit: str, stat: str) -> str:
    return "%" if stat.startswith("accuracy.") else "" if unit == "1" else unit


def _volume(axes: Axes, found: Found) -> None:
    axes.step(range(1, len(found.volumes) + 1), found.volumes, where="post", color=PALETTE[0])
    axes.set_ylim(0, 1)
    axes.set_xlabel("trials")
    axes.set_ylabel("hypervolume of the feasible box")


def _importances(axes: Axes, found: Found) -> None:
    shown = {stat: shares for stat, shares in found.importances.items() if shares}
    axes.grid(axis="y", visible=False)
    if not shown:
        axes.text(0.5, 0.5, "too few trials to tell\nwhich knob matters", ha="center",
                  transform=axes.transAxes)  # fmt: skip
        axes.set_axis_off()
        return
    names = sorted(
        (knob.name for knob in found.plan.knobs),
        key=lambda name: sum(shares.get(name, 0.0) for shares in shown.values()),
    )
    height = 0.8 / len(shown)
    for k, (stat, shares) in enumerate(shown.items()):
        axes.barh(
            [row + 0.4 - height * (k + 0.5) for row in range(len(names))],
            [100 * shares.get(name, 0.0) for name in names],
            height, color=PALETTE[k], label=SHORT.get(stat, stat),
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [short_path(found.plan, name) for name in names], fontsize=8)
    axes.set_xlabel("share of the variance [%]")
    axes.legend(fontsize=7.5)
