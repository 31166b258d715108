"""QS4D's own metrics of a quantised network (arXiv 2507.06079 and its authors' figures).

Three sums over the layers (H channels, N real state values): bit operations of one time step, size
of the weights, and an ADC complexity that is *linear* in the bits. The project's own metrics
(docs/metrics.md) count a sequence, states, B and D, and conversions times two to the bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from imssa_sim.errors import InputError

Width = int | tuple[int, ...]


@dataclass(frozen=True)
class PaperWidths:
    """Bits of the tensors; a tuple has one width for each layer.

    Attributes
    ----------
    A, C, state, activations, linear : int or tuple of int
    coder : int
        Weights of encoder and decoder.
    """

    A: Width
    C: Width
    state: Width
    activations: Width
    linear: Width
    coder: int

    @classmethod
    def all(cls, bits: int) -> PaperWidths:
        """Return one width for everything; 32 stands for floating point."""
        return cls(bits, bits, bits, bits, bits, bits)

    def of(self, name: str, layer: int) -> int:
        """Return the width of a tensor of a layer; -1 is the last layer."""
        held: Width = getattr(self, name)
        return held[layer] if isinstance(held, tuple) else held


@dataclass(frozen=True)
class PaperShape:
    """A network's sizes; ``state`` N counts real values of a channel, as its formulas do."""

    layers: int
    width: int
    state: int
    inputs: int
    outputs: int


SCIFAR = PaperShape(layers=4, width=128, state=128, inputs=1, outputs=10)
"""The authors' network for sequential CIFAR-10 in grey."""


@dataclass(frozen=True)
class PaperMetrics:
    """Bit operations of one step, bits of the weights, bits converted in one step."""

    effort: int
    size: int
    adc: int

    @property
    def kilobytes(self) -> float:
        """Size in units of 1,000 bytes."""
        return self.size / 8000

    def reductions(self, reference: PaperMetrics) -> tuple[float, float, float]:
        """Return by how much effort, size and ADC complexity are below a reference [%]."""
        pairs = (
            (self.effort, reference.effort), (self.size, reference.size), (self.adc, reference.adc)
        )  # fmt: skip
        effort, size, adc = (100 * (1 - own / other) for own, other in pairs)
        return effort, size, adc


def paper_metrics(shape: PaperShape, widths: PaperWidths) -> PaperMetrics:
    """Return the three metrics.

    Parameters
    ----------
    shape : PaperShape
    widths : PaperWidths
        Activations outside of the layers have the last layer's.

    Raises
    ------
    InputError
        A tuple of widths is not as long as there are layers.
    """
    for name, held in vars(widths).items():
        if isinstance(held, tuple) and len(held) != shape.layers:
            raise InputError(f"{name} has {len(held)} widths, but there are {shape.layers} layers")
    h, n, ends = shape.width, shape.state, shape.inputs + shape.outputs
    outer = widths.of("activations", -1)
    effort, size = h * ends * widths.coder * outer, 2 * h * shape.inputs * widths.coder
    adc = (h + shape.outputs) * outer
    for layer in range(shape.layers):
        A, C, state, act, linear = (
            widths.of(name, layer) for name in ("A", "C", "state", "activations", "linear")
        )
        effort += h * n * (A + C) * state + h * h * act * linear
        size += n * h * (A + C) + h * h * linear
        adc += (n * state + act) * h + h * linear
    return PaperMetrics(effort, size, adc)
