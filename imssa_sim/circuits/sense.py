"""Noise of the sense nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BOLTZMANN = 1.380649e-23  # [J/K], SI 2019, exact


def thermal_variance(
    column_conductance: FloatArray,
    scale: FloatArray,
    *,
    limit: int,
    read_voltage: float,
    duration: float,
    temperature: float,
) -> FloatArray:
    """Return the Johnson noise of the cells in a column's sum.

    A conductance G at a virtual ground, integrated over t, gives a charge of variance 2·k·T·G·t
    (Nyquist, Phys. Rev. 32, 110, 1928; white current noise of two-sided density 2·k·T·G). One unit
    of the sum, a weight of one times a code of one, is the charge ``V_read·scale·t/limit``, whether
    the code is an amplitude or a pulse width.

    Parameters
    ----------
    column_conductance : array (…)
        On the lines of a column; undriven rows are at ground and count as well [S].
    scale : array (…)
        Conductance per unit of weight [S].
    limit : int
        Largest code.
    read_voltage : float
        [V]
    duration : float
        Of a whole read [s].
    temperature : float
        [K]

    Returns
    -------
    array (…)
        [(weight units x code units)²]
    """
    charge = 2.0 * BOLTZMANN * temperature * column_conductance * duration
    unit = read_voltage * scale * duration / limit
    return np.asarray(charge / unit**2)
