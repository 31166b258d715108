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


def nominal(columns: Columns, adc: AdcConfig, sums: ColumnSums | None, path: str) -> Conversion:
    """Return the converters that the configured range policy asks for.

    Parameters
    ----------
    columns : Columns
    adc : AdcConfig
    sums : ColumnSums or None
        Column sums on calibration data. ``aligned`` does without where no sum is split.
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
    if adc.range == "aligned":
        j = np.where(columns.used, adc.bits - columns.bits, 0)
        aligned = columns.used & ~ranged
        whole = aligned & ~columns.split
        half[whole & (j >= 1)] = 0.0
        parts = aligned & columns.split
        if parts.any():
            assert sums is not None
            room = max(high, 1) / np.maximum(sums.maximum * columns.gain, 1e-30)
            fitting = np.floor(np.log2(np.minimum(room, 2.0**adc.bits))).astype(np.int64)
            j[parts] = fitting[parts]
        step[aligned] = np.ldexp(1.0 / columns.gain[aligned], -j[aligned])
    if adc.scope == "tile":
        step = _shared(step, columns)
        half[columns.used] = np.where(_is_aligned(step, columns), half, 0.5)[columns.used]
    step = _joined(step, columns)
    scale = 1.0 / step
    after = np.where(columns.gain > 0, _rounded(columns.gain * step), 1.0)
    return Conversion(step, scale, half + columns.bias * scale, low, high, after, trimmed=True)


def _shared(step: FloatArray, columns: Columns) -> FloatArray:
    """Give a tile one step, and all tiles the same where sums are split over them."""
    used = np.where(columns.used, step, 0.0)
    axis = None if columns.split.any() else 1
    largest = used.max(axis=axis, keepdims=True)
    return np.where(columns.used, largest, 1.0)


def _joined(step: FloatArray, columns: Columns) -> FloatArray:
    """Give the parts of one sum the largest of their steps."""
    parts = columns.split & columns.used
    if not parts.any():
        return step
    largest = np.zeros(int(columns.group.max()) + 1)
    np.maximum.at(largest, columns.group[parts], step[parts])
    joined = step.copy()
    joined[parts] = largest[columns.group[parts]]
    return joined


def _is_aligned(step: FloatArray, columns: Columns) -> NDArray[np.bool_]:
    """Return where the step is still the quantiser's times a power of two."""
    mantissa, _ = np.frexp(np.where(columns.gain > 0, columns.gain * step, 1.0))
    aligned: NDArray[np.bool_] = mantissa == 0.5
    return aligned


def _rounded(gain: FloatArray) -> FloatArray:
    """Round to the 24 significant bits of a requantiser's multiplier."""
    mantissa, exponent = np.frexp(gain)
    whole = np.rint(np.ldexp(mantissa, MULTIPLIER_BITS))
    return np.asarray(np.ldexp(whole, exponent - MULTIPLIER_BITS))
