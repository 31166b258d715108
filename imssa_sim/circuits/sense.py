"""Noise of the sense nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.energy import Encoding

FloatArray = NDArray[np.float64]

ELEMENTARY_CHARGE = 1.602176634e-19  # [C], SI 2019, exact
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


def shot_variance(
    cell_conductance: FloatArray, scale: FloatArray, *, read_voltage: float, unit_time: float
) -> FloatArray:
    """Return the shot noise of cells in a column's sum per `pulse_power` of the code.

    A current of independent charges has a white noise of the two-sided density q·I (Schottky, Ann.
    Phys. 362, 541, 1918: 2·q·I·B over the one-sided band B), so the charge of a pulse has the
    variance q·|Q|: that of counting electrons. Each cell is a source of its own, whatever the sign
    of its current.

    Parameters
    ----------
    cell_conductance : array (T, R, C)
        Between a word line and the lines of a column [S].
    scale : array (T, C)
        Conductance per unit of weight [S].
    read_voltage : float
        [V]
    unit_time : float
        Duration of a pulse of full voltage that stands for a code of one [s]; of amplitudes, the
        time with the same charge.

    Returns
    -------
    array (T, R, C)
        [(weight units x code units)²]
    """
    electrons = read_voltage * unit_time / ELEMENTARY_CHARGE
    return np.asarray(cell_conductance / (np.square(scale)[:, None, :] * electrons))


def pulse_power(levels: FloatArray, encoding: Encoding) -> FloatArray:
    """Return Σ charge · weight of the pulses that stand for codes, in charges of a code of one.

    One pulse is its own weight: |level|. Bit-serial pulses are equal charges which are weighted
    2^b before they are added, so that their variances are weighted 4^b.

    Parameters
    ----------
    levels : array (2·limit + 1,)
        Analog values of the codes [code units].
    encoding : str
    """
    sizes = np.abs(levels)
    if encoding != "bit_serial":
        return sizes
    codes = np.rint(sizes).astype(np.int64)
    bits = np.arange(max(1, int(codes.max(initial=0)).bit_length()))
    return np.asarray((((codes[:, None] >> bits) & 1) * 4.0**bits).sum(axis=1))


def unit_time(encoding: Encoding, limit: int, top: int, read_time: float, lsb_time: float) -> float:
    """Return the duration of a full-voltage pulse that has the charge of a code of one [s].

    Parameters
    ----------
    encoding : str
    limit : int
        Largest code.
    top : int
        Step of the largest code, see `imssa_sim.circuits.dac.top_step`.
    read_time : float
        Of an amplitude read, or of each bit of a bit-serial one [s].
    lsb_time : float
        Of one step of a pulse width [s].
    """
    if encoding == "amplitude":
        return read_time / limit
    return lsb_time * (top / limit) if encoding == "pulse_width" else read_time
