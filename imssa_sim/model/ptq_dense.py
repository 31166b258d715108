"""Post-training quantisation of models whose one state mixes all channels (S5, LRU).

B and C become linear maps of their own, which a chip splits over tiles and whose partial sums it
adds digitally; what closes the loop is the diagonal A alone, in digital words that add up
increments (docs/decisions/0019-blocks.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imssa_sim.model.ptq_digital import quantise_linear
from imssa_sim.model.quantised import QuantisedDense, QuantisedModes
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.quantisers import (
    FloatArray,
    code_limit,
    quantise_codes,
    scale_of_range,
    weight_range,
)
from imssa_sim.quantisation.requantiser import requantiser_from, requantiser_scale
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.ssm.quantise import state_matrix_codes
from imssa_sim.ssm.recurrence import ComplexArray, Recurrence

GAIN_BITS = 20
"""Of the factor behind the products with A; with 16-bit codes and states all fits 64 bits."""
INPUT_GAIN_BITS = 44
"""Most bits of the factor of an increment of 16 bits."""


@dataclass(frozen=True)
class DenseRanges:
    """Largest represented magnitudes: increments and states (P,); scales of inputs and outputs."""

    increment: FloatArray
    state: FloatArray
    input_scale: float | FloatArray
    output_scale: float
    length: int


def quantise_dense(
    directions: tuple[Recurrence, ...],
    ranges: DenseRanges,
    bits: BitWidths,
    options: CalibrationOptions,
) -> QuantisedDense:
    """Quantise a layer's model, all directions, which share A and B."""
    causal = directions[0]
    a, b = causal.a[0], causal.b[0]
    width = bits.kernel_output
    increment_scale = scale_of_range(ranges.increment, width)
    state_scale = scale_of_range(ranges.state, bits.state)
    # Weights are per code, so that each column and row has a scale of its own.
    per_code = np.broadcast_to(np.asarray(ranges.input_scale), (causal.channels,))
    into = quantise_linear(
        np.concatenate([b.real, b.imag]) * per_code, np.zeros(2 * a.size), 1.0,
        np.tile(increment_scale, 2), (bits.kernel_input, bits.B, width), options,
    )  # fmt: skip
    modes = _modes(a, increment_scale / state_scale, ranges.length, bits, options)
    drive_scale = np.ldexp(state_scale, bits.state - bits.driving)
    rows = [part * drive_scale for r in directions for part in (r.c[0].real, -r.c[0].imag)]
    out = quantise_linear(
        np.concatenate(rows, axis=1), np.zeros(causal.channels), 1.0,
        np.full(causal.channels, ranges.output_scale), (bits.driving, bits.C, width), options,
    )  # fmt: skip
    method, percentile, grain = options.weights, options.percentile, options.granularity
    d = causal.d * per_code
    d_step = scale_of_range(
        weight_range(d[:, None, None], grain.D, method, bits.D, percentile)[:, 0], bits.D
    )
    bound = code_limit(bits.D) * code_limit(bits.kernel_input)
    through = requantiser_from(d_step / ranges.output_scale, width, bound)
    d_codes = quantise_codes(d, requantiser_scale(through) * ranges.output_scale, bits.D)
    return QuantisedDense(into, modes, out, d_codes, through, len(directions) > 1)


def _modes(
    a: ComplexArray,
    increment: FloatArray,
    length: int,
    bits: BitWidths,
    options: CalibrationOptions,
) -> QuantisedModes:
    """Quantise the diagonal; ``increment`` (P,) is an increment's unit in units of the states."""
    less_one = np.stack([a.real - 1.0, a.imag], axis=-1)[None]
    grain = options.granularity.A
    largest = weight_range(less_one, grain, options.weights, bits.A, options.percentile)
    step = np.broadcast_to(scale_of_range(largest, bits.A), (1, a.size))[0]
    # One shift for both factors: as fine as that of A allows, with room for that of increments.
    fine = GAIN_BITS - np.ceil(np.log2(step)).astype(np.int64)
    room = INPUT_GAIN_BITS - np.ceil(np.log2(np.maximum(increment, 2.0**-60))).astype(np.int64)
    shift = np.clip(np.minimum(fine, room), 1, 62 - bits.state)
    gain = np.maximum(np.floor(np.ldexp(step, shift) + 0.5), 1.0).astype(np.int64)
    grid = np.ldexp(gain.astype(np.float64), -shift)
    codes = state_matrix_codes(a[None], grid[None], bits.A, length, 1.0)[0]
    input_gain = np.floor(np.ldexp(increment, shift) + 0.5).astype(np.int64)
    return QuantisedModes(
        codes[:, 0], codes[:, 1], gain, input_gain, shift, bits.state, bits.driving
    )
