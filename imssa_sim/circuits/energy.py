"""Energy that the cells dissipate in reads, from the codes that were applied.

E = Σ V²·G·t over rows and reads. With the row statistics that the reads gather (Σ code², Σ |code|,
bits set) the sum over time is exact; see docs/physics.md.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Encoding = Literal["pulse_width", "amplitude", "bit_serial"]


def read_energy(
    row_conductance: FloatArray,
    *,
    encoding: Encoding,
    top: int,
    read_voltage: float,
    read_time: float,
    lsb_time: float,
    sum_squares: NDArray[np.integer] | None = None,
    sum_magnitudes: NDArray[np.integer] | None = None,
    bits_set: NDArray[np.integer] | None = None,
) -> FloatArray:
    """Return the energy that was dissipated on each row [J].

    ``amplitude``: the driver's step sets the voltage, ``V = V_read·step/top`` for ``read_time``.
    ``pulse_width``: ``V_read`` for ``|step|·lsb_time``. ``bit_serial``: ``V_read`` for
    ``read_time`` for every bit of ``|code|`` that is one.

    Parameters
    ----------
    row_conductance : array (…)
        Conductance on each row [S].
    encoding : str
    top : int
        Step of the largest code, see `imssa_sim.circuits.dac.top_step`.
    read_voltage : float
        [V]
    read_time, lsb_time : float
        [s]
    sum_squares, sum_magnitudes : integer array (…)
        Of the steps that the drivers of each row took; the one that the encoding needs.
    bits_set : integer array (…)
        Of the codes, for bit-serial drivers.
    """
    if encoding == "amplitude":
        statistic, per_unit = sum_squares, (read_voltage / top) ** 2 * read_time
    elif encoding == "pulse_width":
        statistic, per_unit = sum_magnitudes, read_voltage**2 * lsb_time
    else:
        statistic, per_unit = bits_set, read_voltage**2 * read_time
    if statistic is None:
        raise ValueError(f"encoding {encoding} needs another statistic of the codes")
    return np.asarray(row_conductance * statistic * per_unit)


def read_duration(encoding: Encoding, top: int, read_time: float, lsb_time: float) -> float:
    """Return the duration of one read [s].

    Parameters
    ----------
    encoding : str
    top : int
        Step of the largest code, see `imssa_sim.circuits.dac.top_step`.
    read_time : float
        Of an amplitude read, or of each bit of a bit-serial one [s].
    lsb_time : float
        Of one unit of a pulse-width code [s].
    """
    if encoding == "amplitude":
        return read_time
    if encoding == "pulse_width":
        return top * lsb_time
    return max(1, top.bit_length()) * read_time
