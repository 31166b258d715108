"""Reads with every cell's fluctuation drawn apart: the reference for folded read noise.

Folding adds the cells' variances to one Gaussian per column, which is exact as long as no cell's
conductance is cut off at a physical bound. Here each cell is drawn and cut off; many times the
work, for tests and for finding out when folding errs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.weights import effective, joined_devices
from imssa_sim.circuits.written import WrittenTiles

FloatArray = NDArray[np.float64]


def literal_sums(
    written: WrittenTiles,
    tile: int,
    codes: NDArray[np.integer],
    time: float,
    rng: np.random.Generator,
    *,
    clipped: bool = True,
    electrons: float | None = None,
) -> FloatArray:
    """Return the column sums of one tile, each read with fresh fluctuations of all cells.

    Wires are left out: with them a cell's fluctuation reaches other columns too.

    Parameters
    ----------
    written : WrittenTiles
    tile : int
    codes : int array (n, R)
        Codes on the word lines, one read for each row of the array.
    time : float
        Since programming [s].
    rng : numpy.random.Generator
    clipped : bool
        False lets a conductance become negative, as folding does.
    electrons : float, optional
        Electrons through one siemens for a code of one, one pulse a code: each cell's are counted
        one by one (shot noise). By default charge flows evenly.

    Returns
    -------
    array (n, C)
        [weight units x code units]
    """
    cell = written.cell
    present = written.conductance(time)[tile]
    sigma = np.zeros_like(present)
    if written.read_noise:
        sigma = cell.read_sigma(present, written.conductance(0.0)[tile], time, written.read_time)
        sigma = sigma * written.in_use[tile]
    scale, devices = written.scale[tile : tile + 1], written.devices
    sums = np.empty((len(codes), scale.shape[1]))
    for n, code in enumerate(codes):
        read = present + sigma * rng.standard_normal(present.shape)
        if clipped:
            read = np.clip(read, cell.bound_low, cell.bound_high) * written.in_use[tile]
        if electrons is None:
            charge = code @ read
        else:
            counted = rng.poisson(np.abs(code)[:, None] * np.maximum(read, 0.0) * electrons)
            charge = np.sign(code) @ counted / electrons
        joined = joined_devices(charge[None, None], devices)
        sums[n] = effective(joined, scale, written.scheme)[0, 0]
    return sums
