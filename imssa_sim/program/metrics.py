"""Hardware-independent metrics of a quantised network: effort, memory, ADC complexity.

Definitions and their reasons are in docs/metrics.md. All figures are exact integer counts per
inference of one sequence, from the network's shape and bit widths alone; a float network is the
same shape with 32 bits everywhere (`FLOAT_BITS`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from imssa_sim.errors import InputError
from imssa_sim.program.blocks import compose
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.shape import NetworkShape
from imssa_sim.quantisation.widths import BitWidths

FLOAT_BITS = BitWidths(32, 32, 32, 32, 32, 32, 32, 32, 32, 32)
"""Single precision, counted like 32-bit integers."""
_DENSE = {"B": "state", "C": "kernel_output"}
"""What the conversions of dense maps count as: increments of states, and outputs."""


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
    graph = compose(shape, bits)
    effort, memory = Counter[str](), Counter[str]()
    adc = Counter({"state": 0, "kernel_output": 0, "linear": 0})

    def levels(own: int) -> int:
        return int(2 ** (own if adc_bits is None else adc_bits))

    for node in graph:
        operation, tokens = node.operation, graph.tokens(node, length)
        for part in operation.products():
            name = node.name if node.layer is None else part.tensor
            effort[name] += tokens * part.count * part.weight_bits * part.bits
        for held in operation.weights():
            memory[held.tensor] += held.count * held.bits
        if isinstance(operation, KernelRecurrence):
            memory["state"] += operation.states * operation.widths.state
            adc["state"] += tokens * operation.states * levels(operation.widths.driving)
            adc["kernel_output"] += tokens * operation.outputs * levels(operation.bits)
        elif isinstance(operation, ModeRecurrence):
            memory["state"] += operation.outputs * operation.widths.state
        elif isinstance(operation, LinearMap) and operation.tensor in _DENSE:
            adc[_DENSE[operation.tensor]] += tokens * operation.outputs * levels(operation.bits)
        elif isinstance(operation, LinearMap) and node.layer is not None and analog_linear:
            adc["linear"] += tokens * operation.outputs * levels(operation.bits)
    return Metrics(dict(effort), dict(memory), dict(adc))


def gain(reference: Metrics, network: Metrics) -> Gain:
    """Return how many times more ``reference`` takes than ``network``."""
    return Gain(
        effort=reference.total_effort / network.total_effort,
        memory=reference.total_memory / network.total_memory,
        adc=reference.total_adc / network.total_adc,
    )
