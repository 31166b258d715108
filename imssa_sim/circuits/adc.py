"""Departures of analog-to-digital converters from the nominal one.

The nominal converter of a column gives ``clip(floor(acc·scale + offset), low, high)``. A real one
has its own gain and offset, left over from calibration, noise, and code transitions that are not
evenly spaced. A tile's converters serve neighbouring columns in turn, which then share its errors.
Shapes: T tiles, C logical columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.draws import Coordinates, normals, uniforms
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import AdcConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LARGEST_TABLE = 1 << 26
"""Entries of the code tables of a set of tiles; beyond it they would fill the memory."""


@dataclass(frozen=True)
class Converters:
    """Converters of a set of tiles, as the compiled reads take them.

    ``code = table[clip(floor(acc·scale + offset), low, high) - low]`` with noise of ``variance``
    added to ``acc``. With a table the inner code is finer than the outer one, so that transitions
    may lie between the nominal ones.

    Attributes
    ----------
    scale, offset : array (T, C)
    low, high : int
    variance : array (T, C)
        [(weight units x code units)²]
    table : array (T, C, high - low + 1) or None
    fine : int
        Inner codes per outer code.
    """

    scale: FloatArray
    offset: FloatArray
    low: int
    high: int
    variance: FloatArray | float = 0.0
    table: FloatArray | None = None
    fine: int = 1

    def trimmed(self, trim: Trim) -> Converters:
        """Return the converters with gain and offset set against what was measured.

        Their noise is one of codes, so it counts for more sum where the gain was raised.
        """
        return replace(
            self,
            scale=self.scale / trim.gain,
            offset=(self.offset - self.fine * trim.offset) / trim.gain,
            variance=self.variance * np.square(trim.gain),
        )


@dataclass(frozen=True)
class Trim:
    """Gain and offset that the columns were found to have, each array (T, C).

    Attributes
    ----------
    gain : array
        Relative to the nominal one.
    offset : array
        [codes]
    """

    gain: FloatArray
    offset: FloatArray


def real_converters(
    nominal: Converters, columns_used: IntArray, adc: AdcConfig, where: Coordinates
) -> Converters:
    """Return the converters of tiles with their errors.

    Parameters
    ----------
    nominal : Converters
        Without errors.
    columns_used : int array (T,)
    adc : AdcConfig
        ``noise`` [LSB rms], ``enob``, ``gain_spread``, ``offset_spread`` [LSB] and ``mismatch``.
    where : Coordinates

    Raises
    ------
    InputError
        The number of effective bits exceeds the bits, or the code tables would fill the memory.
    """
    tiles, columns = nominal.scale.shape
    served_by = _sharing(columns_used, columns, adc.per_tile)
    scale, offset, low, high = nominal.scale, nominal.offset, nominal.low, nominal.high

    def spread(purpose: str) -> FloatArray:
        drawn = [normals(where, t, purpose, 1, adc.per_tile)[0] for t in range(tiles)]
        return np.take_along_axis(np.reshape(drawn, (tiles, -1)), served_by, axis=1)

    if adc.gain_spread:
        gain = 1.0 + adc.gain_spread * spread("adc_gain")
        scale, offset = scale * gain, offset * gain
    if adc.offset_spread:
        offset = offset + adc.offset_spread * spread("adc_offset")
    noise = adc.noise**2 + _beyond_quantisation(adc)
    variance = noise / np.square(nominal.scale)
    if not adc.mismatch:
        return Converters(scale, offset, low, high, variance, None)
    levels = high - low + 1
    fine = max(1, min(8, 1024 // levels))
    if tiles * columns * levels * fine > LARGEST_TABLE:
        raise InputError(
            f"hardware.adc.mismatch with {adc.bits} bits needs code tables of "
            f"{tiles * columns * levels * fine:.1e} entries; use fewer bits or no mismatch"
        )
    table = np.empty((tiles, columns, levels * fine))
    for t in range(tiles):
        errors = normals(where, t, "adc_levels", adc.per_tile, adc.bits)
        codes = np.stack([sar_codes(adc.bits, adc.mismatch * e, fine) for e in errors])
        table[t] = codes[served_by[t]] + low
    return Converters(
        scale * fine, offset * fine, low * fine, high * fine + fine - 1, variance, table, fine
    )


def silence(
    converters: Converters,
    columns_used: IntArray,
    per_tile: int,
    probability: float,
    where: Coordinates,
) -> Converters:
    """Return the converters of tiles, some of which are dead: they give code 0 whatever comes in.

    Parameters
    ----------
    converters : Converters
    columns_used : int array (T,)
    per_tile : int
        Converters of a tile; all columns that a dead one serves are lost.
    probability : float
        Of a converter to be dead.
    where : Coordinates
    """
    tiles, columns = converters.scale.shape
    drawn = [uniforms(where, t, "dead_converter", 1, per_tile)[0] for t in range(tiles)]
    served_by = _sharing(columns_used, columns, per_tile)
    dead = np.take_along_axis(np.reshape(drawn, (tiles, -1)), served_by, axis=1) < probability
    table, zero = converters.table, 0.5
    if table is not None:
        table = np.where(dead[:, :, None], 0.0, table)
        zero += converters.low
    return replace(
        converters,
        scale=np.where(dead, 0.0, converters.scale),
        offset=np.where(dead, zero, converters.offset),
        table=table,
    )


def _sharing(columns_used: IntArray, columns: int, per_tile: int) -> IntArray:
    """Return which converter of its tile serves each column (T, C): neighbours share one."""
    each = -(-np.maximum(columns_used, 1) // per_tile)
    return np.asarray(np.minimum(np.arange(columns) // each[:, None], per_tile - 1))


def _beyond_quantisation(adc: AdcConfig) -> float:
    """Return the noise power that turns the bits into the effective ones [LSB²].

    Quantisation alone has LSB²/12; each effective bit less has four times the power.
    """
    if adc.enob is None:
        return 0.0
    if adc.enob > adc.bits:
        raise InputError(f"hardware.adc.enob {adc.enob} exceeds hardware.adc.bits {adc.bits}")
    return float(4.0 ** (adc.bits - adc.enob) - 1.0) / 12.0


def sar_codes(bits: int, errors: FloatArray, fine: int) -> IntArray:
    """Return the codes of a successive-approximation converter over its range.

    Its binary-weighted capacitors are off by ``errors`` of one unit capacitor each, times the
    square root of their size, as independent units in parallel are; the range is calibrated. Codes
    may be missing, the order never reverses by more than the trial allows.

    Parameters
    ----------
    bits : int
    errors : array (bits,)
        Relative errors of a unit capacitor, least significant first.
    fine : int
        Inputs per code.

    Returns
    -------
    int array (2**bits · fine,)
        Codes 0 … 2**bits - 1 for evenly spaced inputs, each in the middle of its interval.
    """
    size = 2.0 ** np.arange(bits)
    weight = size + np.sqrt(size) * errors
    weight *= (2.0**bits - 1.0) / weight.sum()
    inputs = (np.arange((1 << bits) * fine) + 0.5) / fine
    reached = np.zeros(len(inputs))
    code = np.zeros(len(inputs), dtype=np.int64)
    for k in reversed(range(bits)):
        taken = inputs >= reached + weight[k]
        reached += np.where(taken, weight[k], 0.0)
        code += taken.astype(np.int64) << k
    return code
