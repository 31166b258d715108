"""Fits made by hand: every number of its own, so that none can stand for another."""

from __future__ import annotations

import numpy as np

from imssa_sim.measurements.curves import logarithmic, polynomial, saturating, table
from imssa_sim.measurements.fit import CellFit, Relaxation, Stuck
from imssa_sim.measurements.moments import Moments
from imssa_sim.measurements.noise import FittedNoise
from imssa_sim.measurements.read import Measurements

KNOTS = np.array([0.1, 0.35, 0.8, 1.0])

MEANS = {
    "none": (polynomial("none", ()), []),
    "offset": (polynomial("offset", (0,)), [0.11]),
    "gain": (polynomial("gain", (1,)), [0.07]),
    "gain and offset": (polynomial("gain and offset", (0, 1)), [0.13, -0.05]),
    "table": (table(KNOTS), [0.02, -0.03, 0.05, 0.17]),
}
SPREADS = {
    "constant": (polynomial("constant", (0,)), [0.31]),
    "degree 1": (polynomial("polynomial of degree 1", (0, 1)), [0.21, 0.37]),
    "degree 3": (polynomial("polynomial of degree 3", (0, 1, 2, 3)), [0.21, 0.3, -0.19, 0.09]),
    "saturating": (saturating(), [0.41, 0.23]),
    "table": (table(KNOTS), [0.2, 0.31, 0.43, 0.29]),
}
EXPONENTS = {
    "constant": (polynomial("constant", (0,)), [0.61], [0.19]),
    "logarithm": (logarithmic(), [-0.17, 0.53, 0.57], [-0.05, 0.21, 0.23]),
    "table": (table(KNOTS), [0.4, 0.5, 0.55, 0.7], [0.1, 0.13, 0.17, 0.12]),
    "gains": (polynomial("constant", (0,)), [-0.61], [0.19]),
}
NOISES = {
    "constant": (polynomial("constant", (0,)), [0.37]),
    "relative": (polynomial("relative", (1,)), [0.43]),
    "saturating": (saturating(), [0.51, 0.29]),
    "table": (table(KNOTS), [0.2, 0.3, 0.45, 0.6]),
}


def moments(mean, spread, scale_x, scale_y, rows=321):
    """Return moments whose parameters have errors of 3, 5, 7 % … of one unit."""
    parameters = np.array([*mean[1], *spread[1]])
    errors = 0.01 * (3 + 2 * np.arange(len(parameters)))
    return Moments(
        mean[0], spread[0], parameters, np.diag(errors**2), scale_x, scale_y, 0.05, {}, -17.0, rows
    )


def measurements(times=(2.0, 500.0), reads=0, warm=None):
    """Return readings over 4 to 24 µS, twelve cells at every time."""
    cells = np.arange(12)
    target = np.tile(4e-6 + 20e-6 * cells / 11, len(times))
    wave = np.sin(np.arange(len(target)))
    return Measurements(
        target,
        target * 1.02 + 0.4e-6 * wave,
        np.repeat(times, 12).astype(float),
        np.tile(cells, len(times)),
        np.column_stack([target + 0.1e-6 * wave * n for n in range(1, reads + 1)])
        if reads
        else np.empty((len(target), 0)),
        warm,
    )


def made(
    mean="none", spread="constant", drift=None, relaxation=False, noise=None,
    stuck=(0, 0), warmth=None, notes=(), normal=0.37, warm=None,
):  # fmt: skip
    """Return a fit of the named curves."""
    times = (2.0, 500.0) if drift or relaxation else (2.0,)
    data = measurements(times, reads=2 if noise else 0, warm=warm)
    held = None
    if drift:
        curve, middle, wide = EXPONENTS[drift]
        held = moments((curve, middle), (curve, wide), 24e-6, 0.09, rows=77)
    relaxed = None
    if relaxation:
        targets = np.array([5e-6, 13e-6, 22e-6])
        sigmas = np.array([[0.5, 0.7, 0.8], [0.9, 1.1, 1.3]]) * 1e-6
        shifts = np.array([[0.0, 0.0, 0.0], [-0.2, -0.3, 0.1]]) * 1e-6
        relaxed = Relaxation(targets, np.array(times), sigmas, sigmas / 17, shifts)
    heard = None
    if noise:
        curve, parameters = NOISES[noise]
        heard = FittedNoise(curve, np.array(parameters), 25e-6, 0.6e-6, 640)
    on, off = stuck
    return CellFit(
        data, times[0], times[-1], moments(MEANS[mean], SPREADS[spread], 24e-6, 3e-6), held,
        relaxed, heard,
        Stuck(1000, on, off, (31e-6, 37e-6) if on else None, (0.3e-6, 0.9e-6) if off else None),
        normal, warmth, notes,
    )  # fmt: skip
