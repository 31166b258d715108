"""DAC, ADC and requantiser on vectors of codes held as floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from imssa_sim.kernels.ops import (
    add,
    convert,
    floor_affine,
    gather,
    less,
    mul,
    select,
    sub,
)


@njit
def magnitude(code: Any) -> Any:
    """|code|."""
    zero = sub(code, code)
    return select(less(code, zero), sub(zero, code), code)


@njit
def dac(a: Any, code: Any) -> Any:
    """Analog values of the DAC table."""
    return gather(a.dac_levels, add(convert(code, np.int32(0)), np.int32(a.dac_zero)))


@njit
def adc_table(a: Any, at: int, column: Any, code: Any) -> Any:
    """Codes of the ADC's table for a tile that starts at the padded column ``at``."""
    levels = np.int64(a.limits[1] - a.limits[0]) + 1
    index = mul(convert(sub(code, a.limits[0]), np.int32(0)), np.int32(a.pitch))
    return gather(a.adc_table, add(index, add(column, np.int32(at * levels))))


@njit
def requantise(adc: Any, gain: Any, limit: Any, one: Any) -> Any:
    """clip(floor(adc * gain + 1/2), -limit, limit), exact for ``gain`` of 24 bits."""
    code = floor_affine(adc, gain, mul(one, convert(0.5, one)), one)
    bottom = sub(sub(limit, limit), limit)
    code = select(less(code, bottom), bottom, code)
    return select(less(limit, code), limit, code)
