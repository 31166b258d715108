"""Post-training quantisation (PTQ): a float S4D network becomes integer codes and requantisers.

The arithmetic is that of docs/decisions/0001-architecture.md; ranges come from calibration data
(`imssa_sim.model.calibration`), the kernels from `imssa_sim.model.ptq_kernel`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.errors import InputError
from imssa_sim.model.calibration import CalibrationOptions, LayerRanges, Ranges, calibrate
from imssa_sim.model.discretise import discretise
from imssa_sim.model.forward import gelu
from imssa_sim.model.network import Layer, Network, Norm, S4DKernel
from imssa_sim.model.ptq_kernel import DiscreteKernel, quantise_kernel
from imssa_sim.model.quantised import (
    BitWidths,
    FloatArray,
    IntArray,
    OutputForm,
    QuantisedLayer,
    QuantisedLinear,
    QuantisedNetwork,
    QuantisedNorm,
    Requantiser,
)
from imssa_sim.model.quantisers import (
    Granularity,
    code_limit,
    quantise_codes,
    requantiser_from,
    scale_of_range,
    weight_range,
)

SUM_BITS = 30
"""``|v| * H < 2**30`` for the wide residual sum, so that layer normalisation fits 64 bits."""
NORM_GAIN_BITS = 20
RATIO_ERROR = 2.0**-13
"""Relative error allowed between the scales of product and residual in the wide sum."""
BIAS_BITS = 40


def quantise(
    network: Network,
    bits: BitWidths,
    calibration_inputs: ArrayLike,
    form: OutputForm = "lookahead",
    options: CalibrationOptions | None = None,
) -> QuantisedNetwork:
    """Quantise a float network after training.

    dt is quantised first, as log dt; the discrete-time weights and all ranges follow from the
    quantised value.

    Parameters
    ----------
    network : Network
    bits : BitWidths
        2 to 16 bits each.
    calibration_inputs : array (B, L, d_in)
        Sequences of the length that the network will run on.
    form : {"lookahead", "separate"}
        How the kernels' outputs are formed (`QuantisedKernel`).
    options : CalibrationOptions or None
        None: mean-squared-error ranges of activations and states, full ranges of weights.

    Raises
    ------
    InputError
        Bit widths outside 2 to 16, an unknown form, or unusable calibration data.
    """
    options = options or CalibrationOptions()
    for name, value in vars(bits).items():
        if not 2 <= value <= 16:
            raise InputError(f"bits.{name} is {value}: give 2 to 16")
    if form not in ("lookahead", "separate"):
        raise InputError(f"unknown output form '{form}' (one of lookahead, separate)")
    network = with_quantised_time_step(network, bits.dt, options.granularity.dt)
    ranges = calibrate(network, calibration_inputs, bits, options)
    residuals = [layer.residual for layer in ranges.layers] + [ranges.final]
    stream = [float(scale_of_range(r, bits.activations)) for r in residuals]
    input_scale = float(scale_of_range(ranges.input, bits.activations))
    grain = options.granularity.linear
    encoder = quantise_linear(
        network.encoder_weight,
        network.encoder_bias,
        input_scale,
        np.full(network.width, stream[0]),
        (bits.activations, bits.linear, bits.activations),
        options,
        grain,
    )
    layers = tuple(
        _quantise_layer(
            network, layer, ranges.layers[i], (stream[i], stream[i + 1]), bits, form, options
        )
        for i, layer in enumerate(network.layers)
    )
    length = int(np.asarray(calibration_inputs).shape[1])
    pooled_scale = float(scale_of_range(ranges.pooled, bits.activations))
    pool_requant = requantiser_from(
        stream[-1] / length / pooled_scale, bits.activations, length * code_limit(bits.activations)
    )
    decoder, logit_scale = _quantise_decoder(network, pooled_scale, bits, options)
    return QuantisedNetwork(
        bits=bits,
        input_scale=input_scale,
        encoder=encoder,
        layers=layers,
        pool_requant=pool_requant,
        sequence_length=length,
        decoder=decoder,
        logit_scale=logit_scale,
    )


def with_quantised_time_step(network: Network, bits: int, granularity: Granularity) -> Network:
    """Return the network with each kernel's log dt rounded to a symmetric uniform grid.

    With granularity ``channel`` every time step has its own scale and stays as it is.
    """

    def rounded(kernel: S4DKernel) -> S4DKernel:
        values = kernel.log_dt
        scale = scale_of_range(
            weight_range(values[:, None, None], granularity, "max", bits)[:, 0], bits
        )
        return replace(kernel, log_dt=quantise_codes(values, scale, bits) * scale)

    layers = tuple(replace(layer, kernel=rounded(layer.kernel)) for layer in network.layers)
    return replace(network, layers=layers)


def _quantise_layer(
    network: Network,
    layer: Layer,
    ranges: LayerRanges,
    stream: tuple[float, float],
    bits: BitWidths,
    form: OutputForm,
    options: CalibrationOptions,
) -> QuantisedLayer:
    """Quantise one block; ``stream`` holds the residual stream's scales on entry and exit."""
    activations = bits.activations
    residual_scale, next_scale = stream
    input_scale = float(scale_of_range(ranges.kernel_input, bits.kernel_input))
    output_scale = float(scale_of_range(ranges.kernel_output, bits.kernel_output))
    gelu_scale = float(scale_of_range(ranges.gelu, activations))
    value_scale = float(scale_of_range(ranges.value, activations))
    # The logistic function is within half a code of one beyond this argument.
    gate_range = min(ranges.gate, float(np.log(2.0 ** (activations + 1) - 1)))
    gate_scale = float(scale_of_range(gate_range, activations))

    width = network.width
    linear = quantise_linear(
        layer.weight,
        layer.bias,
        gelu_scale,
        np.repeat([value_scale, gate_scale], width),
        (activations, bits.linear, activations),
        options,
        options.granularity.linear,
    )
    product, residual, shift, sum_scale = sum_factors(
        value_scale / gate_limit(activations), residual_scale, activations, width
    )
    kernels = [
        quantise_kernel(discrete, input_scale, output_scale, bits, form, options)
        for discrete in _directions(network, layer.kernel, ranges)
    ]
    position = network.norm_position if layer.norm is not None else "none"
    norm: QuantisedNorm | None = None
    input_requant: Requantiser | None = None
    output_requant: Requantiser | None = None
    if position == "pre" and layer.norm is not None:
        norm = quantise_norm(layer.norm, residual_scale, input_scale, bits.kernel_input)
    else:
        input_requant = requantiser_from(residual_scale / input_scale, bits.kernel_input)
    if position == "post" and layer.norm is not None:
        norm = quantise_norm(layer.norm, sum_scale, next_scale, activations)
    else:
        output_requant = requantiser_from(
            sum_scale / next_scale, activations, (1 << SUM_BITS) // width
        )
    return QuantisedLayer(
        norm_position=position,
        norm=norm,
        input_requant=input_requant,
        kernel=kernels[0],
        kernel_reverse=kernels[1] if len(kernels) > 1 else None,
        gelu_table=gelu_table(output_scale, bits.kernel_output, gelu_scale, activations),
        linear=linear,
        gate_table=gate_table(gate_scale, activations),
        product_multiplier=product,
        residual_multiplier=residual,
        output_requant=output_requant,
        input_scale=input_scale,
        residual_scale=residual_scale,
        sum_shift=shift,
    )


def _directions(network: Network, kernel: S4DKernel, ranges: LayerRanges) -> list[DiscreteKernel]:
    a, b = discretise(kernel, network.discretisation)
    found = [DiscreteKernel(a, b, kernel.C, kernel.D, ranges.state, reverse=False)]
    if kernel.C_reverse is not None and ranges.state_reverse is not None:
        nothing = np.zeros_like(kernel.D)
        found.append(
            DiscreteKernel(a, b, kernel.C_reverse, nothing, ranges.state_reverse, reverse=True)
        )
    return found


def quantise_linear(
    weight: FloatArray,
    bias: FloatArray,
    input_scale: float,
    output_scale: FloatArray,
    widths: tuple[int, int, int],
    options: CalibrationOptions,
    granularity: Granularity,
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
    granularity : {"tensor", "channel"}
        Channel: a scale per output.
    """
    input_bits, weight_bits, output_bits = widths
    step = _linear_steps(weight, bias, input_scale, weight_bits, options, granularity)
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
    granularity: Granularity,
) -> FloatArray:
    largest = weight_range(
        weight[:, None, :], granularity, options.weights, bits, options.percentile
    )
    step = scale_of_range(largest[:, 0], bits)
    # An output of nearly zero weights must not blow its bias up beyond the accumulator.
    return np.asarray(np.maximum(step, np.abs(bias) / (input_scale * 2.0**BIAS_BITS)))


def _quantise_decoder(
    network: Network, pooled_scale: float, bits: BitWidths, options: CalibrationOptions
) -> tuple[QuantisedLinear, FloatArray]:
    weight, bias = network.decoder_weight, network.decoder_bias
    grain = options.granularity.linear
    step = _linear_steps(weight, bias, pooled_scale, bits.linear, options, grain)
    codes = quantise_codes(weight, step[:, None], bits.linear)
    offset = np.floor(bias / (step * pooled_scale) + 0.5).astype(np.int64)
    ones = np.ones(len(bias), dtype=np.int64)
    identity = Requantiser(2 * ones, ones, 32)
    scale = step * pooled_scale
    return QuantisedLinear(codes, offset, bits.linear, identity, float(scale[0])), scale


def quantise_norm(norm: Norm, input_scale: float, output_scale: float, bits: int) -> QuantisedNorm:
    """Quantise a normalisation that takes integers of one scale to codes of another."""
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


def gelu_table(input_scale: float, input_bits: int, output_scale: float, bits: int) -> IntArray:
    """Return the codes after GELU of all input codes, (2*limit+1,)."""
    limit = code_limit(input_bits)
    return quantise_codes(
        gelu(np.arange(-limit, limit + 1, dtype=np.float64) * input_scale), output_scale, bits
    )


def gate_table(input_scale: float, bits: int) -> IntArray:
    """Return the unsigned codes of the logistic function of all input codes, (2*limit+1,)."""
    from scipy.special import expit

    limit = code_limit(bits)
    gate = expit(np.arange(-limit, limit + 1) * input_scale)
    return np.asarray(np.floor(gate * gate_limit(bits) + 0.5).astype(np.int64))


def sum_factors(
    product_scale: float, residual_scale: float, bits: int, width: int
) -> tuple[int, int, int, float]:
    """Return how the gated product and the residual are brought to one scale.

    The smallest factors whose ratio is that of the scales within `RATIO_ERROR`, and a shift that
    keeps the sum within `SUM_BITS`.

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
    largest = code_limit(bits) * (gate_limit(bits) * product + residual)
    shift = max(0, (largest * width).bit_length() - SUM_BITS + 1)
    return product, residual, shift, product_scale / product * 2.0**shift


def ranges_of(
    network: Network, bits: BitWidths, inputs: ArrayLike, options: CalibrationOptions
) -> Ranges:
    """Return the ranges that `quantise` would use, for reports and for training."""
    stepped = with_quantised_time_step(network, bits.dt, options.granularity.dt)
    return calibrate(stepped, inputs, bits, options)
