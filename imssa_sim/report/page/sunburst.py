"""Energy as two rings: component kinds inside, their layers outside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.report.colours import kind_colour
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.report.tables import EnergyTable

RINGS = ((46.0, 74.0), (75.5, 99.0))
"""Radii of the rings, of 100."""
SMALLEST = 0.0015
"""Share of a turn below which a wedge is not drawn."""


def sunburst(table: EnergyTable) -> Markup:
    """Return the rings; each wedge tells its share, and leads to what its kind rests on."""
    total = table.total
    sums = table.energy.sum(axis=0)
    title = f"Energy per inference, {format_si(total, 'J')}, by component kind and layer"
    wedges, start = [], 0.0
    for place in np.argsort(-sums, kind="stable"):
        kind, share = table.kinds[place], float(sums[place]) / total
        tip = f"{kind.replace('_', ' ')}: {format_si(float(sums[place]), 'J')}, {share:.1%}"
        wedges.append(_wedge(RINGS[0], start, share, kind, tip, 1.0))
        wedges += _layers(table, int(place), start, total)
        start += share
    number, unit = format_si(total, "J").rsplit(" ", 1)
    middle = [
        element("text", number, x=0, y=-2, class_="burst-number"),
        element("text", f"{unit} per inference", x=0, y=13, class_="burst-unit"),
    ]
    return element(
        "svg", element("title", title), *wedges, *middle,
        viewBox="-100 -100 200 200", class_="sunburst", role="group", aria_label=title,
    )  # fmt: skip


def _layers(table: EnergyTable, column: int, start: float, total: float) -> Iterator[Markup]:
    kind = table.kinds[column]
    shares = [float(value) / total for value in table.energy[:, column]]
    for number, (layer, share) in enumerate(zip(table.layers, shares, strict=True)):
        if share > 0:
            tip = f"{layer}, {kind.replace('_', ' ')}: {format_si(share * total, 'J')}, {share:.1%}"
            opacity = 0.85 - 0.5 * number / max(1, len(shares) - 1)
            drawn = _wedge(RINGS[1], start, share, kind, tip, opacity)
            if drawn:
                yield drawn
        start += share


def _wedge(
    ring: tuple[float, float], start: float, share: float, kind: str, tip: str, opacity: float
) -> Markup | None:
    if share < SMALLEST:
        return None
    inner, outer = ring
    end = start + min(share, 0.9999)
    large = 1 if end - start > 0.5 else 0
    (ax, ay), (bx, by) = _at(outer, start), _at(outer, end)
    (cx, cy), (dx, dy) = _at(inner, end), _at(inner, start)
    path = (
        f"M{ax:.2f} {ay:.2f}A{outer} {outer} 0 {large} 1 {bx:.2f} {by:.2f}"
        f"L{cx:.2f} {cy:.2f}A{inner} {inner} 0 {large} 0 {dx:.2f} {dy:.2f}Z"
    )
    return element(
        "path", d=path, fill=kind_colour(kind), fill_opacity=opacity, class_="seg", data_kind=kind,
        data_tip=tip, aria_label=tip, data_goto=f"kind-{kind}", role="button",
        tabindex=0 if ring is RINGS[0] else None,
    )  # fmt: skip


def _at(radius: float, turn: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn - math.pi / 2
    return radius * math.cos(angle), radius * math.sin(angle)
