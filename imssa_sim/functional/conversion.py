"""The nominal ADC of every column: step, offset, and the digital gain behind it.

``adc = clip(floor(acc * scale + offset), low, high)`` and the following quantiser's code is
``floor(sum(adc) * after + 1/2)``, clipped.

*Lossless* (ideal chip): ``adc = acc``. *Aligned*: the step is the following quantiser's step times
``2**-j`` with ``j = ADC bits - quantiser bits``; for j >= 1 the ADC truncates, the requantiser adds
half and shifts, exactly the rounding of the golden model; otherwise the ADC rounds. A sum that is
split over tiles is complete only after digital addition: its parts share one step, the finest
``2**-j`` at which none of them clips on calibration data, and each rounds. *max, percentile, mse*:
the range holds that part of the calibration sums, symmetric about zero.

The bias of a sum that one column holds alone is injected before its conversion (offset trim), so
that the range stays centred on the final value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.config.schema import AdcConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.columns import Columns

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

MULTIPLIER_BITS = 24


@dataclass(frozen=True)
class Conversion:
    """Nominal converters of a tile set, arrays (T, C).

    Attributes
    ----------
    step : float array
        Column sum per ADC code [weight units x code units].
    scale, offset : float array
        ``1 / step``, and the ADC's offset in codes (rounding and trimmed bias).
    low, high : int
        Range of the ADC's codes.
    after : float array
        Digital gain from ADC code to the quantiser's code, 24 significant bits; 1 without one.
    trimmed : bool
        Whether the biases of whole sums are in ``offset``.
    """

    step: FloatArray
    scale: FloatArray
    offset: FloatArray
    low: int
    high: int
    after: FloatArray
    trimmed: bool


def lossless(columns: Columns, weights: IntArray, limit: int) -> Conversion:
    """Return converters that pass every integer column sum unchanged.

    Parameters
    ----------
    columns : Columns
    weights : (T, R, C) integer weights
    limit : int
        Largest code on a word line.
    """
    bound = max(1, int(np.abs(weights).sum(axis=1).max()) * limit)
    ones, zeros = np.ones(columns.used.shape), np.zeros(columns.used.shape)
    after = np.where(columns.gain > 0, columns.gain, 1.0)
    return Conversion(ones, ones, zeros, -bound, bound, after, trimmed=False)


def nominal(
    columns: Columns, adc: AdcConfig, sums: ColumnSums | None, unit: FloatArray, path: str
) -> Conversion:
    """Return the converters that the configured range policy asks for.

    Parameters
    ----------
    columns : Columns
    adc : AdcConfig
    sums : ColumnSums or None
        Column sums on calibration data. ``aligned`` does without where no sum is split.
    unit : float array (T, C)
        Conductance per unit of weight [S], which relates ranges of current where a tile shares one.
    path : str
        Dotted path of the tile set, for the error.

    Raises
    ------
    InputError
        The policy needs calibration data and there is none.
    """
    high = (1 << (adc.bits - 1)) - 1
    low = -high - 1
    half = np.full(columns.used.shape, 0.5)
    ranged = columns.used & (columns.gain == 0)  # nothing to align with
    if adc.range != "aligned":
        ranged = columns.used
    step = np.ones(columns.used.shape)
    if ranged.any() or (columns.split & columns.used).any():
        if sums is None:
            raise InputError(
                f"{path}: the ADC range needs column sums on calibration data, none were given"
            )
        span = sums.span(adc)
        step[ranged] = np.where(span > 0, span / max(high, 1), 1.0)[ranged]
    scale = 1.0 / step
    if adc.range == "aligned":
        j = np.where(columns.used, adc.bits - columns.bits, 0)
        aligned = columns.used & ~ranged
        whole = aligned & ~columns.split
        half[whole & (j >= 1)] = 0.0
        parts = aligned & columns.split
        if parts.any():
            assert sums is not None  # checked above
            room = max(high, 1) / np.maximum(sums.maximum * columns.gain, 1e-30)
            fitting = np.floor(np.log2(np.minimum(room, 2.0**adc.bits))).astype(np.int64)
            j[parts] = fitting[parts]
        scale[aligned] = np.ldexp(columns.gain[aligned], j[aligned])
    if adc.scope == "tile":
        scale = _shared(scale, unit, columns)
    scale = _joined(scale, columns)
    after = np.where(columns.gain > 0, _rounded(columns.gain / scale), 1.0)
    # Truncation is right only where the requantiser's shift makes up for it.
    half[(np.frexp(after)[0] != 0.5) | (after >= 1)] = 0.5
    offset = half + columns.bias * scale
    return Conversion(1.0 / scale, scale, offset, low, high, after, trimmed=True)


def _shared(scale: FloatArray, unit: FloatArray, columns: Columns) -> FloatArray:
    """Give the columns of a tile one range of current, the widest of theirs.

    Parts of a sum have to share their step [weight units] too, so a tile set with split sums gets
    one step throughout.
    """
    if columns.split.any():
        narrowest = np.where(columns.used, scale, np.inf).min()
        return np.where(columns.used, narrowest, 1.0)
    per_current = np.where(columns.used, scale / unit, np.inf).min(axis=1, keepdims=True)
    return np.where(columns.used, per_current * unit, 1.0)


def _joined(scale: FloatArray, columns: Columns) -> FloatArray:
    """Give the parts of one sum the largest of their steps."""
    parts = columns.split & columns.used
    if not parts.any():
        return scale
    smallest = np.full(int(columns.group.max()) + 1, np.inf)
    np.minimum.at(smallest, columns.group[parts], scale[parts])
    joined = scale.copy()
    joined[parts] = smallest[columns.group[parts]]
    return joined


def _rounded(gain: FloatArray) -> FloatArray:
    """Round to the 24 significant bits of a requantiser's multiplier."""
    mantissa, exponent = np.frexp(gain)
    whole = np.rint(np.ldexp(mantissa, MULTIPLIER_BITS))
    return np.asarray(np.ldexp(whole, exponent - MULTIPLIER_BITS))
