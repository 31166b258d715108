"""DAC, ADC table and requantiser on codes held as floats; ``t`` is the tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from imssa_sim.kernels.ops import add, convert, floor_affine, gather, inner, less, mul, select, sub


@inner
def dac(t: Any, code: Any) -> Any:
    """Analog values of the DAC table."""
    return gather(t.chain.dac_levels, add(convert(code, np.int32(0)), np.int32(t.chain.dac_zero)))


@inner
def pulse_power(t: Any, code: Any) -> Any:
    """Shot noise of the pulses that stand for codes."""
    return gather(t.chain.pulse_power, add(convert(code, np.int32(0)), np.int32(t.chain.dac_zero)))


@inner
def adc_table(t: Any, column: Any, code: Any) -> Any:
    """Codes of the ADC's table."""
    index = mul(convert(sub(code, t.chain.adc_low), np.int32(0)), np.int32(t.array.pitch))
    return gather(t.chain.adc_table, add(index, column))


@inner
def requantise(t: Any, adc: Any, gain: Any, limit: Any) -> Any:
    """clip(floor(adc * gain + 1/2), -limit, limit), exact for ``gain`` of 24 bits."""
    code = floor_affine(adc, gain, t.chain.half)
    bottom = sub(t.chain.zero, limit)
    code = select(less(code, bottom), bottom, code)
    return select(less(limit, code), limit, code)
