"""Post-training quantisation of what surrounds the kernels: linear maps, norms, tables, sums."""

from __future__ import annotations

import numpy as np

from imssa_sim.model.elementwise import FUNCTIONS
from imssa_sim.model.network import Norm
from imssa_sim.model.quantised import QuantisedLinear, QuantisedNorm
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.quantisers import (
    FloatArray,
    IntArray,
    code_limit,
    quantise_codes,
    scale_of_range,
    weight_range,
)
from imssa_sim.quantisation.requantiser import Requantiser, requantiser_from

SUM_BITS = 30
"""``|v| * H < 2**30`` for the wide residual sum, so that layer normalisation fits 64 bits."""
NORM_GAIN_BITS = 20
RATIO_ERROR = 2.0**-13
"""Relative error allowed between the scales of product and residual in the wide sum."""
BIAS_BITS = 40


def quantise_linear(
    weight: FloatArray,
    bias: FloatArray,
    input_scale: float,
    output_scale: FloatArray,
    widths: tuple[int, int, int],
    options: CalibrationOptions,
) -> QuantisedLinear:
    """Quantise a linear map.

    Parameters
    ----------
    weight, bias : array (out, in), (out,)
    input_scale : float
    output_scale : array (out,)
    widths : (int, int, int)
        Bits of inputs, weights and outputs.
    options : CalibrationOptions
        Granularity ``channel`` gives each output its own scale.
    """
    input_bits, weight_bits, output_bits = widths
    step = _linear_steps(weight, bias, input_scale, weight_bits, options)
    codes = quantise_codes(weight, step[:, None], weight_bits)
    offset = np.floor(bias / (step * input_scale) + 0.5).astype(np.int64)
    bound = np.abs(codes).sum(axis=1) * code_limit(input_bits) + np.abs(offset)
    requant = requantiser_from(step * input_scale / output_scale, output_bits, bound)
    return QuantisedLinear(codes, offset, weight_bits, requant, float(output_scale[0]))


def _linear_steps(
    weight: FloatArray,
    bias: FloatArray,
    input_scale: float,
    bits: int,
    options: CalibrationOptions,
) -> FloatArray:
    grain = options.granularity.linear
    largest = weight_range(weight[:, None, :], grain, options.weights, bits, options.percentile)
    step = scale_of_range(largest[:, 0], bits)
    # An output of nearly zero weights must not blow its bias up beyond the accumulator.
    return np.asarray(np.maximum(step, np.abs(bias) / (input_scale * 2.0**BIAS_BITS)))


def quantise_decoder(
    weight: FloatArray,
    bias: FloatArray,
    input_scale: float,
    bits: int,
    options: CalibrationOptions,
) -> tuple[QuantisedLinear, FloatArray]:
    """Quantise the decoder, weight (K, H), bias (K,); also return the scale of each logit, (K,)."""
    step = _linear_steps(weight, bias, input_scale, bits, options)
    codes = quantise_codes(weight, step[:, None], bits)
    scale = step * input_scale
    offset = np.floor(bias / scale + 0.5).astype(np.int64)
    ones = np.ones(len(bias), dtype=np.int64)
    identity = Requantiser(2 * ones, ones, 32)
    return QuantisedLinear(codes, offset, bits, identity, float(scale[0])), scale


def quantise_norm(
    norm: Norm, input_scale: float, output_scale: float | FloatArray, bits: int
) -> QuantisedNorm:
    """Quantise a normalisation of integers of one scale to codes of one, or one a channel."""
    width = len(norm.weight)
    if norm.running_mean is not None and norm.running_variance is not None:
        factor = norm.weight / np.sqrt(norm.running_variance + norm.epsilon)
        gain = factor * input_scale / output_scale
        bias = (norm.bias - norm.running_mean * factor) / output_scale
        fraction = _fraction(np.abs(gain).max(), 40)
        epsilon = 0
    else:
        gain, bias = norm.weight / output_scale, norm.bias / output_scale
        fraction = _fraction(max(np.abs(gain).max(), np.abs(bias).max()), 24)
        epsilon = round(min(width**2 * norm.epsilon / input_scale**2, 2.0**60))
    return QuantisedNorm(
        kind="layer" if norm.running_mean is None else "batch",
        gain=_fixed(gain, fraction),
        bias=_fixed(bias, fraction),
        epsilon=epsilon,
        fraction=fraction,
        bits=bits,
        output_scale=output_scale,
    )


def _fraction(largest: float, most: int) -> int:
    """Return the fractional bits that give the largest gain `NORM_GAIN_BITS` bits."""
    if largest <= 0.0:
        return 1
    return int(np.clip(NORM_GAIN_BITS - np.ceil(np.log2(largest)), 1, most))


def _fixed(values: FloatArray, fraction: int) -> IntArray:
    return np.asarray(np.floor(np.ldexp(values, fraction) + 0.5).astype(np.int64))


def gate_limit(bits: int) -> int:
    """Return the largest code of the gate, which is unsigned."""
    return (1 << bits) - 1


def function_table(
    function: str, input_scale: float, input_bits: int, output_scale: float, bits: int
) -> IntArray:
    """Return the codes after one of `FUNCTIONS` of all input codes, (2*limit+1,)."""
    limit = code_limit(input_bits)
    every = np.arange(-limit, limit + 1, dtype=np.float64) * input_scale
    return quantise_codes(FUNCTIONS[function](every), output_scale, bits)


def gate_table(input_scale: float, bits: int) -> IntArray:
    """Return the unsigned codes of the logistic function of all input codes, (2*limit+1,)."""
    from scipy.special import expit

    limit = code_limit(bits)
    gate = expit(np.arange(-limit, limit + 1) * input_scale)
    return np.asarray(np.floor(gate * gate_limit(bits) + 0.5).astype(np.int64))


def sum_factors(
    product_scale: float, residual_scale: float, bounds: tuple[int, int], width: int
) -> tuple[int, int, int, float]:
    """Return how a block's branch, the gated product for one, and the residual get one scale.

    The smallest factors whose ratio is that of the scales within `RATIO_ERROR`, and a shift that
    keeps the sum within `SUM_BITS`. ``bounds`` are the largest magnitudes of both.

    Returns
    -------
    product_multiplier, residual_multiplier, shift : int
    scale : float
        Value of one unit of the (shifted) sum.
    """
    ratio = residual_scale / product_scale
    larger = max(ratio, 1 / ratio)
    smallest = np.arange(1, 4097)
    others = np.floor(smallest * larger + 0.5)
    index = int(np.argmax(np.abs(others / (smallest * larger) - 1) <= RATIO_ERROR))
    pair = (int(smallest[index]), int(min(others[index], 2.0**24)))
    product, residual = pair if ratio >= 1 else pair[::-1]
    largest = bounds[0] * product + bounds[1] * residual
    shift = max(0, (largest * width).bit_length() - SUM_BITS + 1)
    return product, residual, shift, product_scale / product * 2.0**shift
