"""Post-training quantisation (PTQ): a float network becomes integer codes and requantisers.

The arithmetic is that of docs/decisions/0001-architecture.md; ranges come from calibration data
(`imssa_sim.reference.calibration`), the kernels from `imssa_sim.ssm.quantise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from imssa_sim.errors import InputError, InternalError
from imssa_sim.model.network import Network
from imssa_sim.model.ptq_block import codes_of, quantise_activation, quantise_mixing
from imssa_sim.model.ptq_dense import DenseRanges, quantise_dense
from imssa_sim.model.ptq_digital import (
    SUM_BITS,
    quantise_decoder,
    quantise_linear,
    quantise_norm,
    sum_factors,
)
from imssa_sim.model.quantised import (
    QuantisedDense,
    QuantisedLayer,
    QuantisedNetwork,
    QuantisedNorm,
)
from imssa_sim.model.ranges import LayerRanges, Ranges
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.quantisers import (
    FloatArray,
    Granularity,
    IntArray,
    code_limit,
    scale_of_range,
)
from imssa_sim.quantisation.requantiser import Requantiser, requantiser_from
from imssa_sim.quantisation.widths import BitWidths, LayeredBits
from imssa_sim.ssm.forms import LOOKAHEAD, OutputForm
from imssa_sim.ssm.interface import mixes_channels
from imssa_sim.ssm.kept import kept_modes
from imssa_sim.ssm.quantise import KernelRanges, quantise_kernel
from imssa_sim.ssm.quantised import QuantisedKernel
from imssa_sim.ssm.recurrence import Recurrence


def quantise_with_ranges(
    network: Network,
    bits: BitWidths,
    ranges: Ranges,
    length: int,
    form: OutputForm = LOOKAHEAD,
    options: CalibrationOptions | None = None,
    turns: Sequence[IntArray] = (),
) -> QuantisedNetwork:
    """Quantise a float network to ranges that are known, from training for instance.

    A function of its arguments alone: the same network and ranges give the same integers.

    Parameters
    ----------
    network : Network
    bits : BitWidths
        2 to 16 bits each.
    ranges : Ranges
        Largest represented magnitudes of activations and states.
    length : int
        Steps of the sequences to come.
    form : OutputForm
    options : CalibrationOptions or None
        Ranges of weights, and what shares a scale; the method for activations has no meaning.
    turns : sequence of int array (H, M)
        Quarter turns of each layer's states, from `nearest_turns`; by default those of the
        network as it is.

    Raises
    ------
    InputError
        Bit widths outside 2 to 16.
    """
    options = options or CalibrationOptions()
    check_bits(network, bits)
    network = with_quantised_time_step(network, bits, options.granularity.dt)
    turns = turns or nearest_turns(network, form)
    return _build(_Settings(network, bits, form, options, length, turns), ranges)


def nearest_turns(network: Network, form: OutputForm) -> tuple[IntArray, ...]:
    """Return the quarter turns (H, M) of each layer's states that come nearest to its own.

    Both directions share them, as they share the state matrix.
    """
    first = (layer.kernel.recurrences(network.discretisation)[0] for layer in network.layers)
    return tuple(
        form.turns(one.a) if one.single else np.zeros(one.a.shape, np.int64) for one in first
    )


def check_bits(network: Network, bits: BitWidths) -> None:
    """Refuse bits of another number of layers, or outside of 2 to 16.

    Raises
    ------
    InputError
        Either.
    """
    check_layers(bits, len(network.layers))
    for part in (bits, *(bits.of_layer(i) for i in range(len(network.layers)))):
        for name, value in part.widths().items():
            if not 2 <= value <= 16:
                raise InputError(f"bits.{name} is {value}: give 2 to 16")


def _build(settings: _Settings, ranges: Ranges) -> QuantisedNetwork:
    network, bits, options = settings.network, settings.bits, settings.options
    residuals = [layer.residual for layer in ranges.layers] + [ranges.final]
    stream = [float(scale_of_range(r, bits.activations)) for r in residuals]
    input_scale = float(scale_of_range(ranges.input, bits.activations))
    encoder = quantise_linear(
        network.encoder_weight,
        network.encoder_bias,
        input_scale,
        np.full(network.width, stream[0]),
        (bits.activations, bits.linear, bits.activations),
        options,
    )
    layers = tuple(
        _quantise_layer(settings, i, ranges.layers[i], (stream[i], stream[i + 1]))
        for i, layer in enumerate(network.layers)
    )
    pooled_scale, pool_requant = stream[-1], None
    if network.composition.pooling == "mean":
        pooled_scale = float(scale_of_range(ranges.pooled, bits.activations))
        pool_requant = requantiser_from(
            stream[-1] / settings.length / pooled_scale,
            bits.activations,
            settings.length * code_limit(bits.activations),
        )
    decoder, logit_scale = quantise_decoder(
        network.decoder_weight, network.decoder_bias, pooled_scale, bits.linear, options
    )
    return QuantisedNetwork(
        bits=bits,
        input_scale=input_scale,
        encoder=encoder,
        layers=layers,
        pool_requant=pool_requant,
        sequence_length=settings.length,
        decoder=decoder,
        logit_scale=logit_scale,
        composition=network.composition,
        pool_scales=(stream[-1], pooled_scale),
    )


def check_layers(bits: BitWidths, layers: int) -> None:
    """Refuse bits by layer of another number of layers.

    Raises
    ------
    InputError
        They are given for more or fewer layers than there are.
    """
    if isinstance(bits, LayeredBits) and len(bits.layers) != layers:
        raise InputError(
            f"bits are given for {len(bits.layers)} layers, but the network has {layers}: give one "
            "width per layer, or one for all"
        )


def with_quantised_time_step(
    network: Network, bits: BitWidths, granularity: Granularity
) -> Network:
    """Return the network with each kernel's time steps on their grids."""
    layers = tuple(
        replace(layer, kernel=layer.kernel.on_time_grid(bits.of_layer(i).dt, granularity))
        for i, layer in enumerate(network.layers)
    )
    return replace(network, layers=layers)


@dataclass(frozen=True)
class _Settings:
    """What all layers share."""

    network: Network
    bits: BitWidths
    form: OutputForm
    options: CalibrationOptions
    length: int
    turns: Sequence[IntArray]


def _quantise_layer(
    settings: _Settings, index: int, ranges: LayerRanges, stream: tuple[float, float]
) -> QuantisedLayer:
    """Quantise one block; ``stream`` holds the residual stream's scales on entry and exit."""
    network, bits = settings.network, settings.bits.of_layer(index)
    layer = network.layers[index]
    dense = mixes_channels(layer.kernel)
    kept = None if dense else kept_modes(layer.kernel, network.composition.needs_all_channels)
    channels = np.arange(layer.kernel.channels) if kept is None else kept.channels
    residual_bits = settings.bits.activations
    residual_scale, next_scale = stream
    input_scale = scale_of_range(np.asarray(ranges.kernel_input), bits.kernel_input)
    kernel_scale = input_scale if input_scale.ndim == 0 else input_scale[channels]
    output_scale = float(scale_of_range(ranges.kernel_output, bits.kernel_output))

    width, made = network.width, network.composition
    position = network.norm_position if layer.norm is not None else "none"
    y = codes_of(output_scale, bits.kernel_output)
    activation = quantise_activation(made, y, bits, ranges)
    # Where a unit halves the channels, all of them are there.
    taken = channels[: layer.weight.shape[1]] if made.activation == "glu" else channels
    mixing = quantise_mixing(
        made, layer, taken, (y, activation.after), bits, ranges, settings.options,
        narrow=network.rounds_products,
    )  # fmt: skip
    product, residual, shift = 0, 0, 0
    sum_scale, sum_bound = mixing.after.scale, mixing.after.bound
    if made.residual:
        bounds = mixing.after.bound, code_limit(residual_bits)
        product, residual, shift, sum_scale = sum_factors(sum_scale, residual_scale, bounds, width)
        sum_bound = (1 << SUM_BITS) // width
    directions = layer.kernel.recurrences(network.discretisation)
    kernels: tuple[QuantisedKernel, ...] = ()
    model: QuantisedDense | None = None
    if kept is None:
        model = _quantise_model(settings, bits, directions, ranges, (kernel_scale, output_scale))
    else:
        kernels = tuple(
            quantise_kernel(
                recurrence,
                kept,
                KernelRanges(
                    state=_state_range(ranges, recurrence),
                    input_scale=kernel_scale,
                    output_scale=output_scale,
                    length=settings.length,
                    turns=settings.turns[index],
                ),
                bits,
                settings.form,
                settings.options,
            )
            for recurrence in directions
        )
    norm: QuantisedNorm | None = None
    input_requant: Requantiser | None = None
    output_requant: Requantiser | None = None
    if position == "pre" and layer.norm is not None:
        # Copies of the stream share their scales.
        entry_scale = input_scale if input_scale.ndim == 0 else input_scale[:width]
        norm = quantise_norm(layer.norm, residual_scale, entry_scale, bits.kernel_input)
    else:
        input_requant = requantiser_from(residual_scale / kernel_scale, bits.kernel_input)
    if position == "post" and layer.norm is not None:
        norm = quantise_norm(layer.norm, sum_scale, next_scale, residual_bits)
    else:
        output_requant = requantiser_from(sum_scale / next_scale, residual_bits, sum_bound)
    return QuantisedLayer(
        norm_position=position,
        norm=norm,
        input_requant=input_requant,
        kernels=kernels,
        activation_table=activation.table,
        linear=mixing.linear,
        gate_table=mixing.gate_table,
        product_multiplier=product,
        residual_multiplier=residual,
        output_requant=output_requant,
        input_scale=kernel_scale,
        residual_scale=residual_scale,
        kernel_channels=channels,
        sum_shift=shift,
        activation_requant=activation.requant,
        function_table=mixing.function_table,
        product_requant=mixing.product_requant,
        dense=model,
    )


def _quantise_model(
    settings: _Settings,
    bits: BitWidths,
    directions: tuple[Recurrence, ...],
    ranges: LayerRanges,
    scales: tuple[float | FloatArray, float],
) -> QuantisedDense:
    """Quantise a state that mixes channels; ``scales`` are those of inputs and outputs."""
    if ranges.increment is None:
        raise InternalError("a state that mixes channels without ranges of its increments")
    states = [_state_range(ranges, one)[0] for one in directions]
    largest = np.max(states, axis=0)  # both directions have one A
    found = DenseRanges(ranges.increment, largest, *scales, settings.length)
    return quantise_dense(directions, found, bits, settings.options)


def _state_range(ranges: LayerRanges, recurrence: Recurrence) -> FloatArray:
    found = ranges.state_reverse if recurrence.reverse else ranges.state
    if found is None:
        raise InternalError("a bidirectional kernel without ranges of its anticausal states")
    return found
