"""What a GPU executes for one batch of sequences: kernels with their flops and bytes.

Recurrent mode runs a handful of kernels for every token. Weights and states come from memory in
each step; with JIT fusion (`fused`) the element-wise operations around a reduction share a kernel,
without it each is a launch of its own.

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

Convolution mode runs each layer once over the whole sequence: transforms of n = 2L points in single
precision at 2.5 n log2 n flops, the spectrum of the kernels is kept (it is fixed in inference),
linear layers as one product. A transform passes through memory once up to 8192 points (it fits the
shared memory of one block), twice beyond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "fp16"]
Mode = Literal["recurrent", "convolution"]
BYTES: dict[Precision, int] = {"fp32": 4, "fp16": 2}
GELU_FLOPS = 10
GATE_NORM_FLOPS = 13
COMPLEX_PRODUCT_FLOPS = 6
ONE_PASS_POINTS = 8192


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

    @property
    def modes(self) -> int:
        """Stored complex modes per channel."""
        return self.state // 2

    @property
    def directions(self) -> int:
        """Kernels per layer and channel."""
        return 2 if self.bidirectional else 1

    @property
    def useful_macs(self) -> int:
        """Multiply-accumulates of one inference, by the rule of `imssa_sim.mapping.build`."""
        kernel = self.directions * self.width * (8 * self.modes + 1)
        step = self.inputs * self.width + self.layers * (kernel + 2 * self.width**2)
        return self.length * step + self.classes * self.width


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


def recurrent_kernels(
    shape: Shape, batch: int, precision: Precision, fused: bool = True
) -> tuple[Kernel, ...]:
    """Return the kernels of a batch that is processed token by token."""
    w, H, M, B = BYTES[precision], shape.width, shape.modes, batch
    per_layer = shape.length * shape.layers
    per_kernel = per_layer * shape.directions

    def kernel(name: str, repeats: int, eager: int, flops: float, moved: float) -> Kernel:
        return Kernel(name, repeats, 1 if fused else eager, flops * B, w * moved, precision)

    d = shape.inputs
    return (
        kernel("encoder", shape.length, 1, 2 * d * H, d * H + H + B * (d + H)),
        kernel("state", per_kernel, 3, 10 * H * M, 4 * H * M + B * (4 * H * M + H)),
        kernel(
            "output and GELU", per_kernel, 6, H * (4 * M + 2 + GELU_FLOPS),
            2 * H * M + H + B * (2 * H * M + 2 * H),
        ),
        kernel("linear", per_layer, 1, 4 * H * H, 2 * H * H + 2 * H + 3 * B * H),
        kernel("gate and norm", per_layer, 3, GATE_NORM_FLOPS * H, 2 * H + 4 * B * H),
        kernel("pool", shape.length, 1, H, 2 * B * H),
        _decoder(shape, batch, precision),
    )  # fmt: skip


def convolution_kernels(shape: Shape, batch: int, precision: Precision) -> tuple[Kernel, ...]:
    """Return the kernels of a batch whose sequences are there as a whole."""
    w, H, L, B, N = BYTES[precision], shape.width, shape.length, batch, shape.layers
    points = 2 * L
    transform = 2.5 * points * math.log2(points) * H * B
    passes = 1 if points <= ONE_PASS_POINTS else 2
    spectrum = 2 * (L + 1)  # real numbers
    single = BYTES["fp32"]
    moved = single * H * B * (L + spectrum) * passes
    count = N * shape.directions
    product = single * H * spectrum * (2 * B + 1)
    d = shape.inputs
    return (
        Kernel("encoder", 1, 1, 2.0 * d * H * L * B, w * (d * H + L * B * (d + H)), precision),
        Kernel("transform", count, 1, transform, moved, "fp32"),
        Kernel(
            "product of spectra", count, 1, COMPLEX_PRODUCT_FLOPS * (L + 1) * H * B, product, "fp32"
        ),
        Kernel("inverse transform", count, 1, transform, moved, "fp32"),
        Kernel(
            "feed-through and GELU", count, 1, (2.0 + GELU_FLOPS) * H * L * B,
            w * (3 * H * L * B + H), precision,
        ),
        Kernel("linear", N, 1, 4.0 * H * H * L * B, w * (2 * H * H + 3 * H * L * B), precision),
        Kernel(
            "gate and norm", N, 1, float(GATE_NORM_FLOPS * H * L * B),
            w * (2 * H + 4 * H * L * B), precision,
        ),
        Kernel("pool", 1, 1, float(H * L * B), w * H * B * (L + 1), precision),
        _decoder(shape, batch, precision),
    )  # fmt: skip


def _decoder(shape: Shape, batch: int, precision: Precision) -> Kernel:
    H, K = shape.width, shape.classes
    moved = BYTES[precision] * (H * K + K + batch * (H + K))
    return Kernel("decoder", 1, 1, 2.0 * H * K * batch, moved, precision)
