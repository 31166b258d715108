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
from imssa_sim.model.quantised import BitWidths, QuantisedNetwork

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
    """

    layers: int
    width: int
    modes: int
    inputs: int
    classes: int
    directions: int = 1


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
        return NetworkShape(
            layers=len(network.layers),
            width=network.width,
            modes=network.modes,
            inputs=network.inputs,
            classes=network.classes,
            directions=2 if network.bidirectional else 1,
        )
    width, inputs = network.encoder.weight.shape
    first = network.layers[0]
    return NetworkShape(
        layers=len(network.layers),
        width=width,
        modes=first.kernel.modes,
        inputs=inputs,
        classes=network.decoder.weight.shape[0],
        directions=1 if first.kernel_reverse is None else 2,
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
    h, m = shape.width, shape.modes
    kernels = shape.layers * shape.directions * h  # single-channel S4D kernels
    steps = kernels * length
    act, lin = bits.activations, bits.linear
    effort = {
        "encoder": length * h * shape.inputs * act * lin,
        "A": steps * 4 * m * bits.A * bits.state,
        "B": steps * 2 * m * bits.B * bits.kernel_input,
        "C": steps * 2 * m * bits.C * bits.state,
        "D": length * shape.layers * h * bits.D * bits.kernel_input,
        "linear": length * shape.layers * 2 * h * h * act * lin,
        "glu": length * shape.layers * h * act * act,
        "decoder": shape.classes * h * act * lin,
    }
    maps = shape.layers * 2 * h * h + h * shape.inputs + shape.classes * h
    memory = {
        # A bidirectional kernel shares A among its directions, but each array holds its own copy.
        "A": kernels * 2 * m * bits.A,
        "B": kernels * 2 * m * bits.B,
        "C": kernels * 2 * m * bits.C,
        "D": shape.layers * h * bits.D,
        "state": kernels * 2 * m * bits.state,
        "linear": maps * lin,
    }

    def levels(own: int) -> int:
        return int(2 ** (own if adc_bits is None else adc_bits))

    adc = {
        "state": steps * 2 * m * levels(bits.state),
        "kernel_output": steps * levels(bits.kernel_output),
        "linear": length * shape.layers * 2 * h * levels(act) if analog_linear else 0,
    }
    return Metrics(effort, memory, adc)


def gain(reference: Metrics, network: Metrics) -> Gain:
    """Return how many times more ``reference`` takes than ``network``."""
    return Gain(
        effort=reference.total_effort / network.total_effort,
        memory=reference.total_memory / network.total_memory,
        adc=reference.total_adc / network.total_adc,
    )
