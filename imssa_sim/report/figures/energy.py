"""Where the energy goes: stacked bars by layer and kind, and a sunburst of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from imssa_sim.report.figures.style import canvas, engineering, kind_colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


SMALLEST_SHARE = 0.005
"""Component kinds with a smaller share of the energy are drawn as one."""


def _gathered(energy: pd.DataFrame, smallest: float) -> pd.DataFrame:
    """Put kinds below the share ``smallest`` of the total into one, ``other``."""
    share = energy.sum(axis=0) / float(energy.to_numpy().sum())
    small = [kind for kind in energy.columns if share[kind] < smallest]
    if len(small) < 2:
        return energy
    kept = energy.drop(columns=small)
    kept["other"] = energy[small].sum(axis=1)
    return kept


def energy_bars(energy: pd.DataFrame) -> Figure:
    """Stacked horizontal bars, one a layer.

    Parameters
    ----------
    energy : DataFrame
        Rows: layers (in the order of the flow); columns: component kinds; values: energy per
        inference [J].
    """
    energy = _gathered(energy, SMALLEST_SHARE)
    factor, prefix = engineering(energy.sum(axis=1))
    figure, axes = canvas(7.2, 1.4 + 0.42 * len(energy))
    left = [0.0] * len(energy)
    for kind in energy.columns:
        width = [float(value) / factor for value in energy[kind]]
        axes.barh(list(energy.index), width, left=left, color=kind_colour(kind), label=kind)
        left = [a + b for a, b in zip(left, width, strict=True)]
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"energy per inference [{prefix}J]")
    axes.set_title(f"Energy by layer and component kind, total {sum(left):.4g} {prefix}J")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
    return figure


def energy_sunburst(energy: pd.DataFrame, smallest_label: float = 0.03) -> Figure:
    """Two rings: component kinds inside, their layers outside.

    Parameters
    ----------
    energy : DataFrame
        As for `energy_bars`.
    smallest_label : float
        Wedges with a smaller share of the total carry no label.
    """
    energy = _gathered(energy, SMALLEST_SHARE)
    total = float(energy.to_numpy().sum())
    kinds = energy.sum(axis=0).sort_values(ascending=False)
    kinds = kinds[kinds > 0]
    outer, outer_colours, outer_labels = [], [], []
    for kind in kinds.index:
        column = energy[kind]
        column = column[column > 0]
        for place, (layer, value) in enumerate(column.items()):
            outer.append(float(value))
            alpha = f"{int(225 - 120 * place / max(len(column), 1)):02x}"
            outer_colours.append(kind_colour(kind) + alpha)
            outer_labels.append(str(layer) if float(value) >= smallest_label * total else "")
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
        [float(value) for value in kinds],
        radius=0.66,
        colors=[kind_colour(kind) for kind in kinds.index],
        wedgeprops=edge,
        startangle=90,
        counterclock=False,
    )[0]
    names = [f"{kind}  {value / total:.1%}" for kind, value in kinds.items()]
    axes.legend(wedges, names, loc="center left", bbox_to_anchor=(1.08, 0.5), fontsize=8)
    factor, prefix = engineering([total])
    axes.text(0, 0, f"{total / factor:.4g}\n{prefix}J", ha="center", va="center", fontsize=11)
    figure.suptitle("Energy per inference: component kind (inner), layer (outer)", fontsize=10)
    plt.setp(wedges, alpha=1.0)
    return figure
