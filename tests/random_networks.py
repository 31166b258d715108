"""Small quantised networks with random codes, and chips to place them on. No model, no training.

Test folders load this file through their conftest (`random_networks` fixture).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imssa_sim.config.schema import HardwareConfig
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.model.quantised import (
    QuantisedLayer,
    QuantisedLinear,
    QuantisedNetwork,
    QuantisedNorm,
)
from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.saturation import ClipCounter
from imssa_sim.quantisation.requantiser import Requantiser
from imssa_sim.quantisation.widths import BitWidths, LayeredBits
from imssa_sim.ssm.forms import OutputForm, output_form
from imssa_sim.ssm.quantised import QuantisedKernel


class Recorder(Integers):
    """The integer backend, which keeps every value."""

    def __init__(self, net: QuantisedNetwork) -> None:
        super().__init__(net)
        self.values: dict[str, np.ndarray] = {}

    def run(self, node, *values):
        self.values[node.name] = super().run(node, *values)
        return self.values[node.name]


def values(net: QuantisedNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every value of a network in integers, by node."""
    recorder = Recorder(net)
    walk(graph_of(net), recorder, x)
    return recorder.values


def linear_digital(linear: QuantisedLinear, codes: np.ndarray) -> np.ndarray:
    """What a digital linear layer gives."""
    outputs, inputs = linear.weight.shape
    bits = linear.requant.bits
    operation = LinearMap(inputs, outputs, bits, linear.weight_bits, bits)
    return operation.integers(linear, codes, clips=ClipCounter("linear"))


def limit(bits: int) -> int:
    return (1 << (bits - 1)) - 1


def requantiser(gain, bits: int) -> Requantiser:
    """A requantiser with about these gains, multipliers of 24 bits."""
    gain = np.asarray(gain, dtype=np.float64)
    shift = np.clip(23 - np.ceil(np.log2(gain)).astype(np.int64), 1, 52)
    multiplier = np.minimum(np.rint(gain * 2.0**shift).astype(np.int64), (1 << 24) - 1)
    return Requantiser(multiplier, shift.astype(np.int64), bits)


def bit_widths(**given: int) -> BitWidths:
    kinds = ("A", "B", "C", "D", "dt", "state", "kernel_input", "kernel_output", "activations")
    return BitWidths(**(dict.fromkeys((*kinds, "linear"), 8) | given))


def _state_matrix(rng, shape: tuple[int, int], form: OutputForm, bits: BitWidths):
    """Codes of the state matrix of decaying modes, or of what it is beyond a quarter turn."""
    radius = rng.uniform(0.5, 0.97, shape)
    value = radius * np.exp(1j * rng.uniform(-np.pi, np.pi, shape))
    turns = form.turns(value)
    value = (value - form.centre(turns)) * limit(bits.A)
    return np.rint(value.real).astype(np.int64), np.rint(value.imag).astype(np.int64), turns


def kernel(rng, channels: int, modes: int, form: str, bits: BitWidths) -> QuantisedKernel:
    shape = (channels, modes)

    def codes(size, width):
        return rng.integers(-limit(width), limit(width) + 1, size)

    known = output_form(form)
    a_re, a_im, turns = _state_matrix(rng, shape, known, bits)
    drive = bits.driving if known.accumulates else bits.state
    a_shift = rng.integers(0, 2, shape)
    b_shift = np.where(a_shift > 0, 0, rng.integers(0, 2, shape))
    # A state column has a gain near one: code' = a/limit(A) * code + ...
    unit = 2.0 ** (bits.state - drive)
    state = requantiser(unit / (limit(bits.A) * 2.0**a_shift), bits.state)
    lookahead = known.ahead
    c_shift = rng.integers(0, 2, channels) if lookahead else np.zeros(channels, dtype=np.int64)
    d_shift = np.where(c_shift > 0, 0, rng.integers(0, 2, channels)) * lookahead
    typical = limit(bits.C) * limit(drive) * np.sqrt(2 * modes) * 2.0**c_shift / 4
    output = requantiser(limit(bits.kernel_output) / typical, bits.kernel_output)
    feed = requantiser(
        np.full(channels, limit(bits.kernel_output) / limit(bits.D) / limit(bits.kernel_input)),
        bits.kernel_output,
    )
    return QuantisedKernel(
        form=known, a_re=a_re, a_im=a_im,
        b_re=codes(shape, bits.B), b_im=codes(shape, bits.B),
        c_re=codes(shape, bits.C), c_im=codes(shape, bits.C), d=codes(channels, bits.D),
        a_shift=a_shift, b_shift=b_shift, c_shift=c_shift, d_shift=d_shift,
        state_requant=state, output_requant=output,
        feedthrough_requant=None if lookahead else feed,
        state_scale=np.ones(shape), output_scale=1.0 / limit(bits.kernel_output),
        modes_of=np.full(channels, modes), drive_bits=drive, turns=turns,
    )  # fmt: skip


def thinned(rng, whole: QuantisedKernel, modes_of) -> QuantisedKernel:
    """The kernel with so many modes per channel; zeros in the places of the others."""
    there = np.arange(whole.modes) < modes_of[:, None]
    names = ("a_re", "a_im", "b_re", "b_im", "c_re", "c_im")
    parts = {name: np.where(there, getattr(whole, name), 0) for name in names}
    return replace(whole, **parts, modes_of=modes_of)


def linear(rng, outputs: int, inputs: int, bits: BitWidths, gain: float = 1.0) -> QuantisedLinear:
    top = limit(bits.linear)
    weight = rng.integers(-top, top + 1, (outputs, inputs))
    spread = top * limit(bits.activations) * np.sqrt(inputs) / 3
    scale = gain * limit(bits.activations) / 2 / spread * rng.uniform(0.5, 1.5, outputs)
    bias = rng.integers(-int(spread), int(spread) + 1, outputs)
    return QuantisedLinear(weight, bias, bits.linear, requantiser(scale, bits.activations), 0.01)


def layer(
    rng, channels: int, modes: int, form: str, bits: BitWidths, position: str, both: bool,
    pruned: bool = False, stream: int | None = None, channel_inputs: bool = False,
):  # fmt: skip
    stream = stream or bits.activations
    act, out = limit(bits.activations), limit(bits.kernel_output)
    finer = np.arange(channels) % 4 if channel_inputs else np.zeros(channels, dtype=np.int64)
    to_input = limit(bits.kernel_input) / limit(stream)
    present = np.arange(channels)
    if pruned:
        present = np.sort(rng.permutation(channels)[: max(1, channels // 2 + 1)])
    if channel_inputs:
        to_input = to_input * 2.0 ** finer[present]
    kernels = [kernel(rng, len(present), modes, form, bits) for _ in range(1 + both)]
    if pruned:
        modes_of = rng.integers(1, modes + 1, len(present))
        modes_of[0] = modes
        kernels = [thinned(rng, whole, modes_of) for whole in kernels]
    z = np.arange(-act, act + 1) / act * 4
    gelu = np.rint(act * np.tanh(np.arange(-out, out + 1) / out * 2))
    norm = QuantisedNorm(
        "layer",
        rng.integers(1 << 10, 1 << 12, channels) * (act // 3 + 1) << finer * (position == "pre"),
        rng.integers(-(1 << 10), 1 << 10, channels), 1, 12,
        bits.kernel_input if position == "pre" else stream, 0.01,
    )  # fmt: skip
    gate = np.rint((2**bits.activations - 1) / (1 + np.exp(-z))).astype(np.int64)
    product, residual = 40, 40 * (2**bits.activations)
    wide = requantiser(1.0 / residual / 2, stream)
    return QuantisedLayer(
        norm_position=position,
        norm=None if position == "none" else norm,
        input_requant=None if position == "pre" else requantiser(to_input, bits.kernel_input),
        kernels=tuple(kernels),
        activation_table=gelu.astype(np.int64),
        linear=linear(rng, 2 * channels, len(present), bits),
        gate_table=gate,
        product_multiplier=product,
        residual_multiplier=residual,
        output_requant=None if position == "post" else wide,
        input_scale=0.01,
        residual_scale=0.01,
        kernel_channels=present,
    )


def network(
    seed: int, *, layers: int = 2, channels: int = 5, modes: int = 3, inputs: int = 2,
    classes: int = 4, length: int = 12, form: str = "lookahead", position: str = "post",
    bidirectional: bool = False, pruned: bool = False, inside: dict | None = None,
    channel_inputs: bool = False, **bits: int,
) -> QuantisedNetwork:  # fmt: skip
    """A random network; ``inside``: widths within the layers, layer i with i bits more.

    ``channel_inputs``: inputs of kernels with a scale for each channel.
    """
    rng = np.random.default_rng(seed)
    widths = bit_widths(**bits)
    if inside is not None:
        own = [bit_widths(**{k: v + i for k, v in inside.items()}) for i in range(layers)]
        widths = LayeredBits(**widths.widths(), layers=tuple(own))
    return QuantisedNetwork(
        bits=widths,
        input_scale=2.0 / limit(widths.activations),
        encoder=linear(rng, channels, inputs, widths),
        layers=tuple(
            layer(
                rng,
                channels,
                modes,
                form,
                widths.of_layer(i),
                position,
                bidirectional,
                pruned,
                widths.activations,
                channel_inputs,
            )
            for i in range(layers)
        ),
        pool_requant=requantiser(1.0 / length, widths.activations),
        sequence_length=length,
        decoder=linear(rng, classes, channels, widths),
        logit_scale=rng.uniform(0.5, 1.5, classes) * 1e-3,
    )


def form_of(mapping: str) -> str:
    """Form of the kernels that a mapping needs."""
    return KERNEL_MAPPINGS[mapping].form.name


def hardware(*, ideal: bool = True, **changes) -> HardwareConfig:
    """A chip without cards from files; ``changes`` are sections, e.g. ``adc={"bits": 6}``."""
    tile = {"rows": 16, "columns": 32, "cell": "cells/ideal"} | changes.pop("tile", {})
    sections = {
        "ideal": ideal,
        "chip": {"tile": tile} | changes.pop("chip", {}),
        "adc": {"card": "adc/none", "per_tile": 4},
        "dac": {"card": "dac/none"},
        "digital": {"card": "digital/none", "vector_lanes": 8},
        "memory": {"card": "memory/none"},
        "bus": {"card": "bus/none", "width": 64},
        "mapping": {},
    }
    for name, section in changes.items():
        sections[name] = sections.get(name, {}) | section if isinstance(section, dict) else section
    return build(HardwareConfig, sections)


def build(model, values):
    """The model with nested sections, without the checks that read card files."""
    fields = {}
    for name, value in values.items():
        kind = model.model_fields[name].annotation
        nested = isinstance(value, dict) and hasattr(kind, "model_fields")
        fields[name] = build(kind, value) if nested else value
    return model.model_construct(**fields)
