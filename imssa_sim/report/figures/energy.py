"""Where the energy goes: stacked bars by layer and kind, and a sunburst of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.report.colours import kind_colour
from imssa_sim.report.figures.style import canvas, look
from imssa_sim.report.scale import engineering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imssa_sim.report.tables import EnergyTable


SMALLEST_SHARE = 0.005
"""Component kinds with a smaller share of the energy are drawn as one."""


@look
def energy_bars(table: EnergyTable) -> Figure:
    """Stacked horizontal bars, one a layer."""
    table = table.gathered(SMALLEST_SHARE)
    factor, prefix = engineering(table.energy.sum(axis=1))
    figure, axes = canvas(7.2, 1.4 + 0.42 * len(table.layers))
    lanes = range(len(table.layers))
    left = [0.0] * len(lanes)
    for place, kind in enumerate(table.kinds):
        width = [float(value) / factor for value in table.energy[:, place]]
        axes.barh(lanes, width, left=left, color=kind_colour(kind), label=kind)
        left = [a + b for a, b in zip(left, width, strict=True)]
    axes.set_yticks(lanes, table.layers)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"energy per inference [{prefix}J]")
    axes.set_title(f"Energy by layer and component kind, total {sum(left):.4g} {prefix}J")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return figure


@look
def energy_sunburst(table: EnergyTable, smallest_label: float = 0.03) -> Figure:
    """Two rings: component kinds inside, their layers outside.

    Parameters
    ----------
    table : EnergyTable
    smallest_label : float
        Wedges with a smaller share of the total carry no label.
    """
    table = table.gathered(SMALLEST_SHARE)
    total = table.total
    sums = table.energy.sum(axis=0)
    places = [int(place) for place in np.argsort(-sums, kind="stable") if sums[place] > 0]
    kinds = {table.kinds[place]: float(sums[place]) for place in places}
    outer, outer_colours, outer_labels = [], [], []
    for kind, column in zip(kinds, table.energy.T[places], strict=True):
        parts = [
            (layer, float(value))
            for layer, value in zip(table.layers, column, strict=True)
            if value > 0
        ]
        for place, (layer, value) in enumerate(parts):
            outer.append(value)
            alpha = f"{int(225 - 120 * place / len(parts)):02x}"
            outer_colours.append(kind_colour(kind) + alpha)
            outer_labels.append(layer if value >= smallest_label * total else "")
    figure, axes = canvas(6.4, 5.2)
    edge = {"width": 0.32, "edgecolor": "white", "linewidth": 0.6}
    axes.pie(
        outer,
        radius=1.0,
        colors=outer_colours,
        labels=outer_labels,
        labeldistance=1.04,
        textprops={"fontsize": 7},
        wedgeprops=edge,
        startangle=90,
        counterclock=False,
    )
    wedges = axes.pie(
        list(kinds.values()),
        radius=0.66,
        colors=[kind_colour(kind) for kind in kinds],
        wedgeprops=edge,
        startangle=90,
        counterclock=False,
    )[0]
    names = [f"{kind}  {value / total:.1%}" for kind, value in kinds.items()]
    axes.legend(wedges, names, loc="center left", bbox_to_anchor=(1.08, 0.5), fontsize=8)
    factor, prefix = engineering([total])
    axes.text(0, 0, f"{total / factor:.4g}\n{prefix}J", ha="center", va="center", fontsize=11)
    axes.set_title("Energy per inference: component kind (inner), layer (outer)", fontsize=10)
    return figure
