"""What a GPU executes for one batch of sequences: kernels with their flops and bytes.

They follow the operations of the network's graph. Recurrent mode runs a handful of kernels for
every token. Weights and states come from memory in each step; with JIT fusion (`fused`) the
element-wise operations around a reduction share a kernel, without it each is a launch of its own.
One state for all channels has B and C as linear maps; its modes are a step of 4 N flops, or a scan
of 7 N a step, up and down, over whole sequences. Activations count like GELU, and
blocks that end without a gate like those with one.

==============  ==========================================  ====================================
kernel          flops (per sequence of the batch)           bytes (w per number, B sequences)
==============  ==========================================  ====================================
state           10 HM: complex product 6, B u 2, sum 2      w (4HM + B (4HM + H))
output, GELU    H (4M + 2 + 10)                             w (2HM + H + B (2HM + 2H))
linear          4 H^2                                       w (2H^2 + 2H + 3 B H)
gate, norm      13 H: sigmoid, product, sum, norm           w (2H + 4 B H)
encoder         2 d H                                       w (dH + H + B (d + H))
pool            H                                           w 2 B H
==============  ==========================================  ====================================

Of two directions the first has an output of its own, H 4M flops and w (2HM + B (2HM + H)) bytes;
the second adds it (H flops and w B H bytes more) before D u and GELU, which come once.

Convolution mode runs each layer once over the whole sequence: transforms of n = 2L points in single
precision at 2.5 n log2 n flops, the spectrum of the kernels is kept (it is fixed in inference; both
directions are in one circular kernel), linear layers as one product. A transform passes through
memory once up to 8192 points (it fits the shared memory of one block), twice beyond.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

from imssa_sim.model.network import REFERENCE, Composition
from imssa_sim.program.blocks import compose
from imssa_sim.program.graph import Graph, Node
from imssa_sim.program.metrics import FLOAT_BITS
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.sums import SaturatingSum
from imssa_sim.program.shape import NetworkShape, Position

Precision = Literal["fp32", "fp16"]
Mode = Literal["recurrent", "convolution"]
BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2}
GELU_FLOPS = 10
GATE_NORM_FLOPS = 13
COMPLEX_PRODUCT_FLOPS = 6
ONE_PASS_POINTS = 8192
_KEPT = 64  # networks; runs that differ in the chip alone share theirs


@dataclass(frozen=True)
class Shape:
    """An S4D network and its sequence: the quantities of the configuration's ``model`` section."""

    layers: int
    width: int
    state: int
    length: int
    inputs: int
    classes: int
    bidirectional: bool = False
    norm: Position = "post"
    composition: Composition = REFERENCE
    dense: bool = False

    @cached_property
    def graph(self) -> Graph:
        """The graph of the network."""
        shape = NetworkShape.uniform(
            layers=self.layers, width=self.width, state=self.state, inputs=self.inputs,
            classes=self.classes, bidirectional=self.bidirectional,
            norm=self.norm, composition=self.composition, dense=self.dense,
        )  # fmt: skip
        return compose(shape, FLOAT_BITS)

    @property
    def useful_macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return _useful_macs(self)


@lru_cache(maxsize=_KEPT)
def _useful_macs(shape: Shape) -> int:
    return shape.graph.useful_macs(shape.length)


@dataclass(frozen=True)
class Kernel:
    """One kind of GPU kernel: what one launch does, and how many there are.

    ``launches`` counts those per fused kernel that an unfused program makes of it. ``unit`` names
    the peak that bounds it.
    """

    name: str
    repeats: int
    launches: int
    flops: float
    bytes: float
    unit: Precision


@lru_cache(maxsize=_KEPT)
def recurrent_kernels(
    shape: Shape, batch: int, precision: Precision, fused: bool = True
) -> tuple[Kernel, ...]:
    """Return the kernels of a batch that is processed token by token."""
    w, H, B, graph = BYTES[precision], shape.width, batch, shape.graph
    found: list[Kernel] = []
    ends = _ends(graph)

    def add(node: Node, name: str, eager: int, flops: float, moved: float) -> None:
        repeats, launches = graph.tokens(node, shape.length), 1 if fused else eager
        found.append(Kernel(name, repeats, launches, flops * B, w * moved, precision))

    for node in graph:
        operation = node.operation
        if isinstance(operation, LinearMap):
            flops, numbers = _product(operation, batch)
            add(node, node.name.split(".")[-1], 1, flops, numbers + operation.outputs)
        elif isinstance(operation, ModeRecurrence):
            N = operation.outputs
            add(node, "state", 3, 4 * N, N + 3 * B * N)
        elif isinstance(operation, SaturatingSum) and node.name.endswith(".outputs"):
            own = 2 + GELU_FLOPS
            add(node, "feed-through and activation", 5, own * H, H + 3 * B * H)
        elif isinstance(operation, KernelRecurrence):
            K, N = operation.outputs, operation.states  # N = 2 H M
            add(node, "state", 3, 5 * N, 2 * N + B * (2 * N + K))
            own, moved = 2 * N, N + B * (N + K)  # C x, a number per channel
            paired = isinstance(graph.behind(node).operation, SaturatingSum)
            if paired and not operation.reverse:
                add(node, "output", 3, own, moved)
                continue
            summed = K if paired else 0
            own, moved = own + summed + (2 + GELU_FLOPS) * K, moved + K + B * (K + summed)
            add(node, "output and GELU", 7 if paired else 6, own, moved)
        elif node.name in ends:
            add(node, ends[node.name], 3, GATE_NORM_FLOPS * H, 2 * H + 4 * B * H)
        elif isinstance(operation, Pool):
            add(node, "pool", 1, H, 2 * B * H)
    return _alike(found)


@lru_cache(maxsize=_KEPT)
def convolution_kernels(shape: Shape, batch: int, precision: Precision) -> tuple[Kernel, ...]:
    """Return the kernels of a batch whose sequences are there as a whole."""
    w, H, L, B, graph = BYTES[precision], shape.width, shape.length, batch, shape.graph
    points = 2 * L
    transform = 2.5 * points * math.log2(points) * H * B
    passes = 1 if points <= ONE_PASS_POINTS else 2
    spectrum = 2 * (L + 1)  # real numbers
    single = BYTES["fp32"]
    moved = single * H * B * (L + spectrum) * passes
    product = single * H * spectrum * (2 * B + 1)
    found: list[Kernel] = []
    ends = _ends(graph)

    def add(name: str, flops: float, moved: float, unit: Precision = precision) -> None:
        found.append(Kernel(name, 1, 1, flops, moved, unit))

    for node in graph:
        operation = node.operation
        if isinstance(operation, LinearMap):
            rows = graph.tokens(node, L) * B
            flops, numbers = _product(operation, rows)
            # The bias of a product over whole sequences is nothing beside its tokens.
            bias = operation.outputs if graph.per_sequence(node) else 0
            add(node.name.split(".")[-1], float(flops * rows), w * (numbers + bias))
        elif isinstance(operation, ModeRecurrence):
            N = operation.outputs  # a scan goes over its values up and down
            add("scan", 2.0 * 7 * N * L * B, w * 4 * N * L * B)
        elif isinstance(operation, SaturatingSum) and node.name.endswith(".outputs"):
            feed = (2.0 + GELU_FLOPS) * H * L * B
            add("feed-through and activation", feed, w * (3 * H * L * B + H))
        elif isinstance(operation, KernelRecurrence) and not operation.reverse:
            add("transform", transform, moved, "fp32")
            add("product of spectra", COMPLEX_PRODUCT_FLOPS * (L + 1) * H * B, product, "fp32")
            add("inverse transform", transform, moved, "fp32")
            feed = (2.0 + GELU_FLOPS) * H * L * B
            add("feed-through and GELU", feed, w * (3 * H * L * B + H))
        elif node.name in ends:
            moves = w * (2 * H + 4 * H * L * B)
            add(ends[node.name], float(GATE_NORM_FLOPS * H * L * B), moves)
        elif isinstance(operation, Pool):
            add("pool", float(H * L * B), w * H * B * (L + 1))
    return _alike(found)


def _ends(graph: Graph) -> dict[str, str]:
    """Return the node of each layer at which its element-wise end counts, and the kernel's name.

    Without a gate the sum or the norm stands for it; a kernel is as large as with one.
    """
    found: dict[int | None, tuple[str, str]] = {}
    for node in graph:
        if isinstance(node.operation, Gate):
            found[node.layer] = node.name, "gate and norm"
        elif node.layer is not None:
            held = found.get(node.layer, ("", ""))
            found[node.layer] = held if "gate" in held[1] else (node.name, "sum and norm")
    return dict(found.values())


def _product(linear: LinearMap, rows: int) -> tuple[int, int]:
    """Return flops per row, and numbers moved for all rows, of a linear map without its bias."""
    weights, ends = linear.outputs * linear.inputs, linear.outputs + linear.inputs
    return 2 * weights, weights + rows * ends


def _alike(kernels: list[Kernel]) -> tuple[Kernel, ...]:
    """Return kernels with those that are alike counted as repeats."""
    repeats = Counter[Kernel]()
    for kernel in kernels:
        repeats[replace(kernel, repeats=1)] += kernel.repeats
    return tuple(replace(kernel, repeats=count) for kernel, count in repeats.items())
