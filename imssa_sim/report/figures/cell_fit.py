"""Measured cells and what was fitted to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.measurements.curves import knots_of
from imssa_sim.measurements.fit import CONFIDENCE
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import look, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from imssa_sim.measurements.fit import CellFit

MICRO = 1e6


@look
def cell_fit(fit: CellFit) -> Figure:
    """Draw deviations, spread, what time does, and whether the errors are normal."""
    figure, (errors, spread, time, normal) = panels(2, 2, 8.4, 6.4)
    _errors(errors, fit)
    _spread(spread, fit)
    _time(time, fit)
    _normal(normal, fit)
    return figure


def _errors(axes: Axes, fit: CellFit) -> None:
    early = fit.data.part(fit.data.time == fit.first)
    away = (early.achieved - early.target) * MICRO
    axes.plot(early.target * MICRO, away, ".", color=PALETTE[8], markersize=2, label="cells")
    x = np.linspace(early.target.min(), early.target.max(), 200)
    mean, sigma = (f(x) * MICRO for f in (fit.programming.mean_at, fit.programming.spread_at))
    axes.plot(x * MICRO, mean, color=PALETTE[0], label=f"mean ({fit.programming.mean.name})")
    axes.fill_between(x * MICRO, mean - 2 * sigma, mean + 2 * sigma, color=PALETTE[0], alpha=0.15,
                      linewidth=0, label="± 2 σ")  # fmt: skip
    axes.set(title="Programming", xlabel="target [µS]", ylabel="achieved − target [µS]")
    axes.legend(fontsize=7)


def _spread(axes: Axes, fit: CellFit) -> None:
    early = fit.data.part(fit.data.time == fit.first)
    knots = knots_of(early.target)
    part = np.abs(early.target[:, None] - knots).argmin(axis=1)
    away = early.achieved - early.target
    for n in range(len(knots)):
        here = part == n
        if here.sum() > 2:
            variance = away[here].var(ddof=1)
            if fit.noise is not None:
                variance -= (fit.noise.sigma_at(early.achieved[here]) ** 2).mean()
            sigma = np.sqrt(max(variance, 0.0)) * MICRO
            bar = CONFIDENCE * sigma / np.sqrt(2 * here.sum())
            label = "by target, 95 %" if n == 0 else None
            axes.errorbar(early.target[here].mean() * MICRO, sigma, bar, fmt="o", markersize=3,
                          color=PALETTE[7], label=label)  # fmt: skip
    x = np.linspace(early.target.min(), early.target.max(), 200)
    sigma = fit.programming.spread_at(x) * MICRO
    band = CONFIDENCE * fit.programming.error_of("spread", x) * MICRO
    axes.plot(x * MICRO, sigma, color=PALETTE[0], label=fit.programming.spread.name)
    axes.fill_between(x * MICRO, sigma - band, sigma + band, color=PALETTE[0], alpha=0.2,
                      linewidth=0, label="95 % of the fit")  # fmt: skip
    axes.set(title="Spread", xlabel="target [µS]", ylabel="σ [µS]")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7)


def _time(axes: Axes, fit: CellFit) -> None:
    x = np.linspace(fit.data.target.min(), fit.data.target.max(), 200)
    if fit.drift is not None:
        for what, colour in (("mean", PALETTE[0]), ("spread", PALETTE[1])):
            held = fit.drift.mean_at(x) if what == "mean" else fit.drift.spread_at(x)
            band = CONFIDENCE * fit.drift.error_of(what, x)
            axes.plot(x * MICRO, held, color=colour, label=f"{what} of ν")
            axes.fill_between(x * MICRO, held - band, held + band, color=colour, alpha=0.2,
                              linewidth=0)  # fmt: skip
        axes.set(title="Drift exponent", xlabel="target [µS]", ylabel="ν")
        axes.legend(fontsize=7)
    elif fit.relaxation is not None:
        relaxed = fit.relaxation
        for n, (moment, sigma) in enumerate(zip(relaxed.times, relaxed.sigmas, strict=True)):
            axes.plot(relaxed.targets * MICRO, sigma * MICRO, color=PALETTE[n % len(PALETTE)],
                      label=f"{moment:g} s")  # fmt: skip
        axes.set(title="Relaxation", xlabel="target [µS]", ylabel="σ, total [µS]")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)
    else:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "readings at one time alone", ha="center", transform=axes.transAxes)


def _normal(axes: Axes, fit: CellFit) -> None:
    from scipy.special import ndtri

    found = np.sort(fit.residuals)
    ideal = ndtri((np.arange(len(found)) + 0.5) / len(found))
    axes.plot(ideal, found, ".", color=PALETTE[7], markersize=3)
    ends = [ideal[0], ideal[-1]]
    axes.plot(ends, ends, color=PALETTE[0], linewidth=1)
    axes.set(
        title=f"Normal? Anderson-Darling p = {fit.normal:.2g}",
        xlabel="normal quantile",
        ylabel="standardised deviation",
    )
