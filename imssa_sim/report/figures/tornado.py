"""What drives a total: a bar for each card entry, and one for the choice of the ADC model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import canvas, look
from imssa_sim.report.scale import engineering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imssa_sim.ledger.uncertainty import Uncertainty

BARS = 12


@look
def tornado(found: Uncertainty, total: str = "energy", unit: str = "J") -> Figure:
    """Draw the strongest drivers of a total over its interval.

    Parameters
    ----------
    found : Uncertainty
    total : str
        One of `imssa_sim.ledger.uncertainty.UNITS`.
    unit : str
        Of the total.
    """
    drivers = found.drivers[total][:BARS]
    interval = found.intervals[total]
    ends = [d.low for d in drivers] + [d.high for d in drivers]
    models = [model.centres[total] for model in found.span(total)] if found.models[1:] else []
    factor, prefix = engineering([interval.low, interval.high, *ends, *models])
    figure, axes = canvas(8.0, 1.7 + 0.34 * max(1, len(drivers) + len(models[1:])))
    axes.axvspan(interval.low / factor, interval.high / factor, color="#eeeeee")
    axes.axvline(interval.nominal / factor, color="#4D4D4D", linewidth=1)
    start = found.centres[total] / factor
    for place, driver in enumerate(drivers):
        # The entry's lower end in one colour, its upper end in the other.
        for value, colour in ((driver.low, PALETTE[0]), (driver.high, PALETTE[3])):
            axes.barh(place, value / factor - start, left=start, color=colour, height=0.7)
    names = [f"{d.card} {d.entry}" for d in drivers]
    if models:
        names.append(f"which of {len(found.models)} ADC models")
        low, high = (value / factor for value in models)
        axes.barh(len(drivers), high - low, left=low, color=PALETTE[2], height=0.7)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"{total} [{prefix}{unit}]")
    axes.set_title(
        f"What moves the {total}: entries at their {(1 - found.level) / 2:.0%} (blue) and "
        f"{(1 + found.level) / 2:.0%} (orange) ends;\ngrey: {found.level:.0%} of all draws, "
        "line: the cards' own numbers"
        + ("; last bar: the choice of the ADC's cost model" if models else ""),
        fontsize=9,
    )
    return figure
