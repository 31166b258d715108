"""Hardware-independent metrics of a quantised network: effort, memory, ADC complexity.

Definitions and their reasons are in docs/metrics.md. All figures are exact integer counts per
inference of one sequence, from the network's shape and bit widths alone; a float network is the
same shape with 32 bits everywhere (`FLOAT_BITS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imssa_sim.errors import InputError
from imssa_sim.model.network import Network
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.ssm.kept import kept_modes

FLOAT_BITS = BitWidths(32, 32, 32, 32, 32, 32, 32, 32, 32, 32)
"""Single precision, counted like 32-bit integers."""


@dataclass(frozen=True)
class NetworkShape:
    """Sizes that the metrics depend on.

    Attributes
    ----------
    layers, width, modes, inputs, classes : int
        Depth, H, M, d_in and K.
    directions : int
        2 with bidirectional kernels.
    kernels : tuple of (int, int)
        Kernels and, of all of them together, modes that each layer has in one direction; empty:
        nothing was pruned, H and H·M.
    """

    layers: int
    width: int
    modes: int
    inputs: int
    classes: int
    directions: int = 1
    kernels: tuple[tuple[int, int], ...] = ()

    def present(self, layer: int) -> tuple[int, int]:
        """Return how many kernels and modes a layer has in one direction."""
        return self.kernels[layer] if self.kernels else (self.width, self.width * self.modes)


@dataclass(frozen=True)
class Metrics:
    """Counts per inference, by part of the network.

    Attributes
    ----------
    effort : mapping
        Bit operations of ``encoder``, ``A``, ``B``, ``C``, ``D``, ``linear``, ``glu``, ``decoder``.
    memory : mapping
        Bits of ``A``, ``B``, ``C``, ``D``, ``state`` and ``linear`` (encoder, output maps,
        decoder; without biases).
    adc : mapping
        Conversions times 2**bits of ``state``, ``kernel_output`` and ``linear``.
    """

    effort: Mapping[str, int]
    memory: Mapping[str, int]
    adc: Mapping[str, int]

    @property
    def total_effort(self) -> int:
        """Bit operations per inference."""
        return sum(self.effort.values())

    @property
    def total_memory(self) -> int:
        """Bits of weights and states."""
        return sum(self.memory.values())

    @property
    def total_adc(self) -> int:
        """Conversions times 2**bits per inference."""
        return sum(self.adc.values())


@dataclass(frozen=True)
class Gain:
    """How many times less one network takes than another."""

    effort: float
    memory: float
    adc: float


def shape_of(network: Network | QuantisedNetwork) -> NetworkShape:
    """Return the sizes of a float or quantised network."""
    if isinstance(network, Network):
        kept = [kept_modes(layer.kernel) for layer in network.layers]
        counts = tuple((len(k.channels), int(k.count.sum())) for k in kept)
        width, modes = network.width, network.modes
        inputs, classes = network.inputs, network.classes
        both = network.bidirectional
    else:
        kernels = [layer.kernel for layer in network.layers]
        counts = tuple((kernel.channels, kernel.states // 2) for kernel in kernels)
        width, inputs = network.encoder.weight.shape
        modes, classes = max(k.modes for k in kernels), network.decoder.weight.shape[0]
        both = network.layers[0].kernel_reverse is not None
    whole = all(entry == (width, width * modes) for entry in counts)
    return NetworkShape(
        layers=len(network.layers),
        width=width,
        modes=modes,
        inputs=inputs,
        classes=classes,
        directions=2 if both else 1,
        kernels=() if whole else counts,
    )


def metrics(
    shape: NetworkShape,
    bits: BitWidths,
    length: int,
    *,
    adc_bits: int | None = None,
    analog_linear: bool = True,
) -> Metrics:
    """Count effort, memory and ADC complexity of a network on sequences of ``length`` steps.

    Parameters
    ----------
    shape : NetworkShape
    bits : BitWidths
        `FLOAT_BITS` for the float network (its ``adc`` has no meaning).
    length : int
        Steps per sequence.
    adc_bits : int or None
        Resolution of all converters; None: each resolves the code that it produces.
    analog_linear : bool
        Whether the layers' output maps stand on crossbars, so that their sums are converted.

    Raises
    ------
    InputError
        The length is not positive.
    """
    if length < 1:
        raise InputError(f"the sequence length is {length}; it must be at least 1")
    h, act, lin = shape.width, bits.activations, bits.linear
    effort = dict.fromkeys(("encoder", "A", "B", "C", "D", "linear", "glu", "decoder"), 0)
    memory = dict.fromkeys(("A", "B", "C", "D", "state", "linear"), 0)
    adc = dict.fromkeys(("state", "kernel_output", "linear"), 0)
    effort["encoder"] = length * h * shape.inputs * act * lin
    effort["decoder"] = shape.classes * h * act * lin
    memory["linear"] = (h * shape.inputs + shape.classes * h) * lin

    def levels(own: int) -> int:
        return int(2 ** (own if adc_bits is None else adc_bits))

    for layer in range(shape.layers):
        own, (kernels, modes) = bits.of_layer(layer), shape.present(layer)
        # A bidirectional kernel shares A among its directions, but each array holds its own copy.
        states = shape.directions * 2 * modes
        inside = own.activations
        effort["A"] += length * 2 * states * own.A * own.state
        effort["B"] += length * states * own.B * own.kernel_input
        effort["C"] += length * states * own.C * own.state
        effort["D"] += length * kernels * own.D * own.kernel_input
        effort["linear"] += length * 2 * h * kernels * inside * own.linear
        effort["glu"] += length * h * inside * inside
        for name in ("A", "B", "C", "state"):
            memory[name] += states * own.widths()[name]
        memory["D"] += kernels * own.D
        memory["linear"] += 2 * h * kernels * own.linear
        adc["state"] += length * states * levels(own.state)
        adc["kernel_output"] += length * shape.directions * kernels * levels(own.kernel_output)
        if analog_linear:
            adc["linear"] += length * 2 * h * levels(inside)
    return Metrics(effort, memory, adc)


def gain(reference: Metrics, network: Metrics) -> Gain:
    """Return how many times more ``reference`` takes than ``network``."""
    return Gain(
        effort=reference.total_effort / network.total_effort,
        memory=reference.total_memory / network.total_memory,
        adc=reference.total_adc / network.total_adc,
    )
