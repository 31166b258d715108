"""The nominal ADC of every column: step, offset, and the digital gain behind it.

``adc = clip(floor(acc * scale + offset), low, high)`` and the following quantiser's code is
``floor(sum(adc) * after + 1/2)``, clipped.

*Lossless* (ideal chip): ``adc = acc``. *Aligned*: the step is the following quantiser's step times
``2**-j`` with ``j = ADC bits - quantiser bits``; for j >= 1 the ADC truncates, the requantiser adds
half and shifts, exactly the rounding of the golden model; otherwise the ADC rounds. A sum that is
split over tiles is complete only after digital addition: its parts share one step, the finest
``2**-j`` at which none of them clips on calibration data, and each rounds. *max, percentile, mse*:
the range holds that part of the calibration sums, symmetric about zero. Increments of states in
accumulators have nothing to be aligned with; *aligned* gives them the power of two of the
accumulator's step nearest to what *max* gives, so that a shift follows.

The bias of a sum that one column holds alone is injected before its conversion (offset trim), so
that the range stays centred on the final value.

*Four lines*: the two columns of a sum, each of one sign, have codes from 0 on and one step, the
finest of the policy that holds the larger of them; their difference counts. Biases are added to it.

*Slices*: each has a step of a power of two, at least one, in units of its digits: the smallest with
which its range holds what the policy wants held (*aligned* then wants the same as *max*). Shift and
add give the sum in units of the weights, to which biases are added and which the requantiser's full
multiplier takes. With enough bits nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.circuits.slices import Slices
    from imssa_sim.config.schema import AdcConfig
    from imssa_sim.functional.calibrate_adc import ColumnSums
    from imssa_sim.functional.columns import Columns

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

MULTIPLIER_BITS = 24


@dataclass(frozen=True)
class Conversion:
    """Nominal converters of a tile set.

    Attributes
    ----------
    adc : Converters
        Without errors, (T, C · K); the offset is rounding and trimmed bias.
    slice_gain : float array (T, C · K)
        What shift and add multiply the codes of slices by; ones without.
    unit : float array (T, C)
        Column sum per code behind shift and add [weight units x code units].
    after : float array (T, C)
        Digital gain from that code to the quantiser's, 24 significant bits; 1 without one.
    trimmed : bool
        Whether the biases of whole sums are in ``offset``.
    """

    adc: Converters
    slice_gain: FloatArray
    unit: FloatArray
    after: FloatArray
    trimmed: bool

    @property
    def step(self) -> FloatArray:
        """Column sum per ADC code (T, C · K) [weight units, of digits with slices, x code]."""
        return np.asarray(1.0 / self.adc.scale)


def lossless(columns: Columns, slices: Slices, limit: int) -> Conversion:
    """Return converters that pass every integer column sum unchanged.

    Parameters
    ----------
    columns : Columns
    slices : Slices
        The weights on the tiles.
    limit : int
        Largest code on a word line.

    Raises
    ------
    InputError
        Codes of slices may add up to more than the 32 bits that shift and add are run in.
    """
    bound = max(1, int(np.abs(slices.weights).sum(axis=1).max()) * limit)
    joined = np.ldexp(1.0, slices.shift).reshape(-1, slices.number).sum(axis=1).max() * bound
    if slices.number > 1 and joined >= 2**31:
        raise InputError(
            f"hardware.ideal: {slices.number} slices of the sums of codes up to {limit} may take "
            "more than 32 bits; give fewer hardware.chip.tile.slices, or narrower bits.drive or "
            "hardware.dac.bits"
        )
    ones, zeros = np.ones(slices.shift.shape), np.zeros(slices.shift.shape)
    return Conversion(
        adc=Converters(ones, zeros, -bound, bound),
        slice_gain=slices.gain,
        unit=np.ones(columns.used.shape),
        after=np.where(columns.gain > 0, columns.gain, 1.0),
        trimmed=False,
    )


def sliced(
    columns: Columns, adc: AdcConfig, sums: ColumnSums | None, slices: Slices, path: str
) -> Conversion:
    """Return the converters of slices.

    Parameters
    ----------
    columns : Columns
    adc : AdcConfig
    sums : ColumnSums or None
        Of the slices' columns on calibration data.
    slices : Slices
    path : str
        Dotted path of the tile set, for the error.

    Raises
    ------
    InputError
        There is no calibration data.
    """
    if sums is None:
        raise without_sums(path)
    high = (1 << (adc.bits - 1)) - 1
    used = np.repeat(columns.used, slices.number, axis=1)
    span = np.where(used, sums.span(adc, adc.bits), 0.0) / max(high, 1)
    exponent = np.ceil(np.log2(np.maximum(span, 1.0))).astype(np.int64)
    if adc.scope == "tile":
        exponent = np.where(used, exponent.max(axis=1, keepdims=True), 0)
    step = np.ldexp(1.0, exponent)
    return Conversion(
        adc=Converters(1.0 / step, np.full(step.shape, 0.5), -high - 1, high),
        slice_gain=slices.gain * step,
        unit=np.ones(columns.used.shape),
        after=np.where(columns.gain > 0, columns.gain, 1.0),
        trimmed=False,
    )


def signs_apart(
    columns: Columns, adc: AdcConfig, sums: ColumnSums | None, unit: FloatArray, path: str
) -> Conversion:
    """Return the converters of columns that hold one sign each, two for a sum.

    Parameters
    ----------
    columns : Columns
    adc : AdcConfig
    sums : ColumnSums or None
        Of the columns on calibration data, what cells at rest add included.
    unit : float array (T, 2C)
        Conductance per unit of weight [S].
    path : str
        Dotted path of the tile set, for the error.

    Raises
    ------
    InputError
        There is no calibration data.
    """
    if sums is None:
        raise without_sums(path)
    high = (1 << adc.bits) - 1
    span = sums.span(adc, adc.bits + 1).reshape(*columns.used.shape, 2).max(axis=2)
    step = np.where(columns.used & (span > 0), span / high, 1.0)
    aligned = columns.used & (columns.gain > 0) & (adc.range == "aligned")
    least = np.log2(step * columns.gain, where=aligned, out=np.zeros(step.shape))
    exponent = np.ceil(least - 1e-12).astype(np.int64)
    step[aligned] = np.ldexp(1.0 / columns.gain[aligned], exponent[aligned])
    scale = 1.0 / step
    if adc.scope == "tile":
        scale = _shared(scale, unit[:, 0::2], columns)
    scale = _joined(scale, columns)
    both = scale.repeat(2, axis=1)
    return Conversion(
        adc=Converters(both, np.full(both.shape, 0.5), 0, high),
        slice_gain=np.tile([1.0, -1.0], both.shape[1] // 2) * np.ones(both.shape),
        unit=1.0 / scale,
        after=np.where(columns.gain > 0, _rounded(columns.gain / scale), 1.0),
        trimmed=True,
    )


def without_sums(path: str) -> InputError:
    """Return the error that a tile set's converters cannot be set."""
    return InputError(
        f"{path}: the converters need column sums on calibration data, none were given"
    )


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
    half = np.full(columns.used.shape, 0.5)
    # Nothing to align with, or not to be aligned.
    ranged = columns.used & ((columns.gain == 0) | columns.ranged)
    if adc.range != "aligned":
        ranged = columns.used
    step = np.ones(columns.used.shape)
    if ranged.any() or (columns.split & columns.used).any():
        if sums is None:
            raise without_sums(path)
        span = sums.span(adc, adc.bits)
        step[ranged] = np.where(span > 0, span / max(high, 1), 1.0)[ranged]
    scale = 1.0 / step
    if adc.range == "aligned":
        j = np.where(columns.used, adc.bits - columns.bits, 0)
        aligned = columns.used & ~ranged
        whole = aligned & ~columns.split
        half[whole & (j >= 1)] = 0.0
        parts = aligned & columns.split
        if parts.any():
            if sums is None:
                raise without_sums(path)
            room = max(high, 1) / np.maximum(sums.maximum * columns.gain, 1e-30)
            fitting = np.floor(np.log2(np.minimum(room, 2.0**adc.bits))).astype(np.int64)
            j[parts] = fitting[parts]
        scale[aligned] = np.ldexp(columns.gain[aligned], j[aligned])
        increments = ranged & (columns.gain > 0)
        whole_steps = np.rint(
            np.log2(step * columns.gain, where=increments, out=np.zeros(step.shape))
        )
        scale[increments] = np.ldexp(columns.gain, -whole_steps.astype(np.int64))[increments]
    if adc.scope == "tile":
        scale = _shared(scale, unit, columns)
    scale = _joined(scale, columns)
    after = np.where(columns.gain > 0, _rounded(columns.gain / scale), 1.0)
    # Truncation is right only where the requantiser's shift makes up for it.
    half[(np.frexp(after)[0] != 0.5) | (after >= 1)] = 0.5
    offset = half + columns.bias * scale
    return Conversion(
        adc=Converters(scale, offset, -high - 1, high),
        slice_gain=np.ones(scale.shape),
        unit=1.0 / scale,
        after=after,
        trimmed=True,
    )


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
