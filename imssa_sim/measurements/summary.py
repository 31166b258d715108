"""What a fit to measurements found, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.measurements.fit import CONFIDENCE

if TYPE_CHECKING:
    from imssa_sim.measurements.fit import CellFit
    from imssa_sim.measurements.moments import Moments

MICRO = 1e6


def summary(fit: CellFit) -> str:
    """Return what was found, a line each; intervals are of 95 %."""
    held, stuck = fit.programming, fit.stuck
    ends = np.array([fit.data.target.min(), fit.data.target.max()])
    lines = [
        f"readings   {fit.data.rows} of {stuck.cells} cells, "
        f"targets {ends[0] * MICRO:.4g} to {ends[1] * MICRO:.4g} µS",
        f"bias       {held.mean.name}: {_ends(held, 'mean', ends, MICRO)} µS",
        f"spread     {held.spread.name}: {_ends(held, 'spread', ends, MICRO)} µS",
    ]
    if fit.drift is not None:
        lines += [
            f"drift      ν {_ends(fit.drift, 'mean', ends, 1)}",
            f"           σ(ν) {_ends(fit.drift, 'spread', ends, 1)}",
        ]
    if fit.relaxation is not None:
        last = fit.relaxation.sigmas[-1] * MICRO
        lines.append(
            f"relaxation σ {last[0]:.4g} to {last[-1]:.4g} µS after {fit.relaxation.times[-1]:g} s"
        )
    if fit.noise is not None:
        found = fit.noise.sigma_at(ends) * MICRO
        lines.append(f"read noise {fit.noise.curve.name}: {found[0]:.4g} to {found[1]:.4g} µS")
    lines += [
        f"stuck      {stuck.on} on, {stuck.off} off",
        f"normal     p = {fit.normal:.2g} (Anderson-Darling)",
        *(f"note       {note}" for note in fit.notes),
    ]
    return "\n".join(lines)


def _ends(held: Moments, what: str, ends: np.ndarray, unit: float) -> str:
    value = (held.mean_at(ends) if what == "mean" else held.spread_at(ends)) * unit
    error = CONFIDENCE * held.error_of(what, ends) * unit
    low, high = (f"{v:.4g} ± {e:.2g}" for v, e in zip(value, error, strict=True))
    return f"{low} at the lowest, {high} at the highest target"
