"""Word-line drivers: which analog value each code becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates, normals
from imssa_sim.circuits.energy import Encoding, read_duration
from imssa_sim.circuits.sense import unit_time
from imssa_sim.devices.conduction import Conduction

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class WordLineDriver:
    """Drivers of the word lines.

    Attributes
    ----------
    bits : int
        Sign included; at least 2, but for bit-serial drivers.
    encoding : str
    read_voltage : float
        [V]
    read_time : float
        Of an amplitude read, or of each bit of a bit-serial one [s].
    lsb_time : float
        Of one unit of a pulse-width code [s].
    inl, dnl : float
        Errors of the levels, see `levels` [steps].
    conduction : Conduction or None
        Of non-linear cells, which bend amplitudes.
    """

    bits: int
    encoding: Encoding
    read_voltage: float
    read_time: float
    lsb_time: float
    inl: float = 0.0
    dnl: float = 0.0
    conduction: Conduction | None = None

    def top(self, limit: int) -> int:
        """Return the step of the largest code, see `top_step`."""
        return top_step(limit, self.bits, self.encoding)

    def steps(self, limit: int) -> IntArray | None:
        """Return the step of each code -limit … limit, see `steps`."""
        return steps(limit, self.bits, self.encoding)

    def duration(self, limit: int) -> float:
        """Return the duration of a read with codes up to ``limit`` [s]."""
        return read_duration(self.encoding, self.top(limit), self.read_time, self.lsb_time)

    def unit_time(self, limit: int) -> float:
        """Return the duration of a full-voltage pulse with the charge of a code of one [s]."""
        top = self.top(limit)
        return unit_time(self.encoding, limit, top, self.read_time, self.lsb_time)

    def levels(self, limit: int, where: Coordinates) -> FloatArray | None:
        """Return the value of each code -limit … limit, see `levels`."""
        return levels(
            limit, self.bits, self.encoding, conduction=self.conduction,
            read_voltage=self.read_voltage, inl=self.inl, dnl=self.dnl, where=where,
        )  # fmt: skip


def top_step(limit: int, bits: int, encoding: Encoding) -> int:
    """Return how many steps the driver takes for the largest code.

    A driver with fewer levels than codes takes all of its ``2**(bits - 1) - 1`` steps; one with
    more takes a step for each code, and never its further ones. Bit-serial drivers apply the bits
    of the code, whatever their own.

    Raises
    ------
    ValueError
        A driver of one bit: the sign takes it, no level is left but zero.
    """
    if encoding == "bit_serial":
        return limit
    if bits < 2:
        raise ValueError(f"a driver of {bits} bit has no level but zero")
    return min((1 << (bits - 1)) - 1, limit)


def steps(limit: int, bits: int, encoding: Encoding) -> IntArray | None:
    """Return the steps that the driver takes for each code -limit … limit; None: the code's own.

    Codes are rounded half away from zero to the driver's grid, whose ends are those of the codes.
    """
    top = top_step(limit, bits, encoding)
    if top == limit:
        return None
    codes = np.arange(-limit, limit + 1)
    size = np.floor(np.abs(codes) * (top / limit) + 0.5).astype(np.int64)
    return np.asarray(np.sign(codes) * size)


def levels(
    limit: int,
    bits: int,
    encoding: Encoding,
    *,
    conduction: Conduction | None = None,
    read_voltage: float = 0.0,
    inl: float = 0.0,
    dnl: float = 0.0,
    where: Coordinates | None = None,
) -> FloatArray | None:
    """Return the value of each code -limit … limit, in units of codes.

    A driver of fewer bits than the codes have rounds them to its own grid (half away from zero),
    whose ends are those of the codes. Integral non-linearity is a cubic bow that leaves zero and
    the ends in place. A non-linear cell whose characteristic is I = G·f(V) is a driver of
    amplitudes f(V), gain restored at the ends; pulse widths and bits use one voltage and are
    immune. Differential non-linearity is a spread of the steps of one reference that all drivers
    share, equal for both signs; the ends are calibrated, so that errors add up to a bridge between
    them. Bit-serial drivers apply one bit after another and need no levels but two.

    Parameters
    ----------
    limit : int
        Largest code, ``2**(code bits - 1) - 1``.
    bits : int
        Of the driver, sign included.
    encoding : str
    conduction : object, optional
        Of the cells.
    read_voltage : float
        Of the largest code [V].
    inl : float
        Largest departure from the straight line, in steps of the driver.
    dnl : float
        Standard deviation of a step, in steps of the driver.
    where : Coordinates, optional
        Of the steps' draws; needed with ``dnl``.

    Returns
    -------
    array (2·limit + 1,) or None
        None: every code is its own value.
    """
    if encoding == "bit_serial":
        return None
    curved = conduction is not None and encoding == "amplitude"
    taken = steps(limit, bits, encoding)
    if taken is None and not inl and not dnl and not curved:
        return None
    codes = np.arange(-limit, limit + 1)
    top = top_step(limit, bits, encoding)
    place = codes if taken is None else taken
    part = place / top
    if inl:
        bow = (part - part**3) / (2 / 27**0.5)  # largest at 1/√3
        part = part + inl / top * bow
    if dnl and where is not None:
        part = part + dnl / top * np.sign(codes) * _bridge(where, top)[np.abs(place)]
    if curved and conduction is not None:
        ends = conduction.current(np.ones(1), np.full(1, read_voltage))[0]
        part = conduction.current(np.ones(part.shape), part * read_voltage) / ends
    return np.asarray(part * limit)


def _bridge(where: Coordinates, steps: int) -> FloatArray:
    """Return summed errors (steps + 1,) of standard normal steps, zero at both ends."""
    summed = np.cumsum(normals(where, 0, "dac_steps", 1, steps)[0])
    summed -= summed[-1] * np.arange(1, steps + 1) / steps
    return np.concatenate([[0.0], summed])
