"""One forward pass of quantisation-aware training: a backend of the network's graph.

Values between nodes are codes, float32 tensors that hold integers. What is wider than a code on its
way to a rounding stays with what it came from (`_Sum`, `_Branch`, `_Stream`), so that the end of a
block is one differentiable operation (`imssa_sim.training.gated`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.model.network import NORM_EPSILON
from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.enter import Enter
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.requantise import Requantise
from imssa_sim.program.operations.select import Select
from imssa_sim.program.operations.sums import ResidualSum, SaturatingSum
from imssa_sim.program.operations.table import Table
from imssa_sim.quantisation.quantisers import code_limit
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.training.gated import Ending, gated
from imssa_sim.training.noise import Noise, linear_noisy, recur_noisy
from imssa_sim.training.recurrence import Gains, gains_of, recur
from imssa_sim.training.straight_through import (
    codes_of,
    held_at,
    linear_codes,
    linear_read,
    rounded,
    tabulated,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.model.quantised import QuantisedLinear, QuantisedNetwork
    from imssa_sim.program.graph import Node
    from imssa_sim.quantisation.widths import BitWidths
    from imssa_sim.ssm.kept import KeptModes
    from imssa_sim.ssm.quantised import QuantisedKernel
    from imssa_sim.training.drawn_chip import DrawnChip
    from imssa_sim.training.qat_network import QatModule
    from imssa_sim.training.torch_network import LayerModule


class _Sum(NamedTuple):
    """The sum over the steps: the mean as a tensor, and the integers."""

    mean: Tensor
    codes: NDArray[Any]


class _Branch(NamedTuple):
    """Gated products: the codes that they are made of, and the integers."""

    z: Tensor
    codes: NDArray[Any]


class _Stream(NamedTuple):
    """A branch and the residual stream together, before they are rounded."""

    z: Tensor
    r: Tensor
    codes: NDArray[Any]


class QatPass:
    """A backend: the integers of a quantised network, and the scales as differentiable tensors.

    Parameters
    ----------
    module : QatModule
        Whose parameters get derivatives.
    network : QuantisedNetwork
        Its integers.
    chip : DrawnChip or None
        What stands on its tiles is read there.
    """

    def __init__(
        self, module: QatModule, network: QuantisedNetwork, chip: DrawnChip | None
    ) -> None:
        self.module, self.network, self.chip = module, network, chip
        self.graph, self.integers = graph_of(network), Integers(network)
        self.noise = Noise()
        if module.training or module.noisy_evaluation:
            self.noise = module.noise
        self.scale: dict[str, Tensor] = {}
        for key, logarithm in module.ranges.items():
            kind = key.rsplit("/", 1)[-1]
            width = _width_of(network.bits, key)
            largest = torch.exp(logarithm)
            if kind == "gate":  # as in `imssa_sim.model.ptq`
                largest = largest.clamp(max=float(np.log(2.0 ** (width + 1) - 1)))
            if kind == "kernel_input":  # one for each channel of the stream
                largest = (largest * module.shares[key]).expand(module.structure.width)
            self.scale[key] = largest / code_limit(width)
        layers = len(network.layers)
        streams = [self.scale[f"layers/{i}/residual"] for i in range(layers)]
        self.streams = [*streams, self.scale["final"]]
        self.scales = [self._of_layer(i) for i in range(layers)]

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits (B, K) of inputs (B, L, d_in)."""
        found: Tensor = walk(self.graph, self, inputs)
        return found

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""
        return _RULES[type(node.operation)](self, node, *values)

    def _of_layer(self, i: int) -> dict[str, Tensor]:
        return {
            key.rsplit("/", 1)[-1]: value
            for key, value in self.scale.items()
            if key.startswith(f"layers/{i}/")
        }

    def _codes(self, node: Node, *values: Any) -> Any:
        """Return the integers of a node."""
        return self.integers.run(node, *values)

    def _enter(self, node: Node, inputs: Tensor) -> Tensor:
        codes = self._codes(node, inputs.numpy())
        return rounded(inputs / self.scale["input"], codes, code_limit(node.operation.bits))

    def _linear_map(self, node: Node, codes: Tensor) -> Tensor:
        module, linear, i = self.module, self.integers.parameters[node.name], node.layer
        if i is None:
            encoder, stream = module.encoder, self.streams[0]
            weight, bias = encoder.weight * (self.scale["input"] / stream), encoder.bias / stream
            return self._linear(f"chip.{node.name}", linear, codes, weight, bias)
        scale, width = self.scales[i], self.network.encoder.weight.shape[0]
        halves = torch.cat([scale["value"].expand(width), scale["gate"].expand(width)])
        output = module.blocks[i].output_linear[0]
        channels = self.network.layers[i].kernel_channels
        weight = output.get_parameter("weight")[:, channels, 0] * (scale["gelu"] / halves)[:, None]
        bias = output.get_parameter("bias") / halves
        return self._linear(f"chip.{node.name}", linear, codes, weight, bias)

    def _linear(
        self, path: str, linear: QuantisedLinear, codes: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        gain = np.broadcast_to(requantiser_scale(linear.requant), linear.bias.shape)
        weight = held_at(weight, linear.weight * gain[:, None])
        bias = held_at(bias, linear.bias * gain)
        if self.chip is not None and path in self.chip.linears:
            read, real = self.chip.read_linear(path, codes_of(codes))
            return linear_read(codes, weight, bias, read, linear.requant.limit, real)
        if self.noise.weights:
            return linear_noisy(codes, weight, bias, linear, self.noise)
        return linear_codes(codes, weight, bias, linear)

    def _normalise(self, node: Node, value: Tensor | _Stream) -> Tensor:
        i = node.layer or 0
        gain, bias, epsilon = self._norm(i)
        if isinstance(value, _Stream):
            leave = self.streams[i + 1]
            return self._ended(node, value, gain / leave, bias / leave, epsilon)
        exact = value * self.streams[i]
        if epsilon is None:
            exact = exact * gain + bias
        else:
            exact = functional.layer_norm(exact, gain.shape, gain, bias, epsilon)
        codes = self._codes(node, codes_of(value))
        into = self.scales[i]["kernel_input"]
        return rounded(exact / into, codes, code_limit(node.operation.bits))

    def _select(self, node: Node, value: Tensor) -> Tensor:
        return value[..., self.integers.parameters[node.name]]

    def _requantise(self, node: Node, value: Tensor | _Sum | _Stream) -> Tensor:
        limit = code_limit(node.operation.bits)
        if isinstance(value, _Sum):
            exact = value.mean * (self.streams[-1] / self.scale["pooled"])
            return rounded(exact, self._codes(node, value.codes), limit)
        i = node.layer or 0
        if isinstance(value, _Stream):
            width = value.r.shape[-1]
            gain, bias = torch.ones(width) / self.streams[i + 1], torch.zeros(width)
            return self._ended(node, value, gain, bias, None)
        into = self.scales[i]["kernel_input"][self.network.layers[i].kernel_channels]
        exact = value * (self.streams[i] / into)
        return rounded(exact, self._codes(node, codes_of(value)), limit)

    def _ended(
        self, node: Node, value: _Stream, gain: Tensor, bias: Tensor, epsilon: float | None
    ) -> Tensor:
        """Return the codes of the residual stream behind a block."""
        i = node.layer or 0
        scale, bits = self.scales[i], self.network.bits
        limits = code_limit(bits.of_layer(i).activations), code_limit(bits.activations)
        ending = Ending(scale["value"], scale["gate"], self.streams[i], gain, bias, epsilon)
        return gated(value.z, value.r, ending, self._codes(node, value.codes), limits)

    def _recurrence(self, node: Node, u: Tensor) -> Tensor:
        path, operation = f"chip.{node.name}", node.operation
        reverse = isinstance(operation, KernelRecurrence) and operation.reverse
        kernel, i = self.integers.parameters[node.name], node.layer or 0
        gains = _gains(kernel, self.module.blocks[i], self.module.kept[i], self.scales[i], reverse)
        if self.chip is not None and path in self.chip.kernels:
            return self.chip.recur(path, u, gains)
        if self.noise != Noise():
            return recur_noisy(u, kernel, gains, self.noise, reverse)
        return recur(u, kernel, gains, reverse)

    def _both(self, node: Node, one: Tensor, other: Tensor) -> Tensor:
        codes = self._codes(node, codes_of(one), codes_of(other))
        return rounded(one + other, codes, code_limit(node.operation.bits))

    def _table(self, node: Node, codes: Tensor) -> Tensor:
        scale = self.scales[node.layer or 0]
        return tabulated(
            codes,
            lambda at: functional.gelu(at * scale["kernel_output"]) / scale["gelu"],
            self.integers.parameters[node.name],
            code_limit(node.operation.bits),
        )

    def _gate(self, node: Node, z: Tensor) -> _Branch:
        return _Branch(z, self._codes(node, codes_of(z)))

    def _residual_sum(self, node: Node, branch: _Branch, r: Tensor) -> _Stream:
        return _Stream(branch.z, r, self._codes(node, branch.codes, codes_of(r)))

    def _pool(self, node: Node, r: Tensor) -> _Sum:
        return _Sum(r.mean(dim=1), self._codes(node, codes_of(r)))

    def _head(self, node: Node, pooled: Tensor) -> Tensor:
        path, module = f"chip.{node.name}", self.module.decoder
        decoder, step = self.integers.parameters[node.name]
        weight = held_at(module.weight * self.scale["pooled"], decoder.weight * step[:, None])
        bias = held_at(module.bias, decoder.bias * step)
        logits = functional.linear(pooled, weight, bias)
        if self.chip is not None and path in self.chip.linears:
            return held_at(logits, self.chip.read_logits(codes_of(pooled)))
        return held_at(logits, self._codes(node, codes_of(pooled)))

    def _norm(self, i: int) -> tuple[Tensor, Tensor, float | None]:
        """Return gain and bias of a norm, and its epsilon where it uses its inputs' statistics."""
        norm = self.module.norms[i]
        weight, bias = norm.get_parameter("weight"), norm.get_parameter("bias")
        if isinstance(norm, nn.LayerNorm):
            return weight, bias, norm.eps
        # The chip holds the statistics fixed, so training does too.
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        gain = weight / torch.sqrt(variance + NORM_EPSILON)
        return gain, bias - mean * gain, None


_RULES: Mapping[type, Callable[..., Any]] = MappingProxyType(
    {
        Enter: QatPass._enter,
        LinearMap: QatPass._linear_map,
        Head: QatPass._head,
        Normalise: QatPass._normalise,
        Select: QatPass._select,
        Requantise: QatPass._requantise,
        KernelRecurrence: QatPass._recurrence,
        SaturatingSum: QatPass._both,
        Table: QatPass._table,
        Gate: QatPass._gate,
        ResidualSum: QatPass._residual_sum,
        Pool: QatPass._pool,
    }
)


def _width_of(bits: BitWidths, key: str) -> int:
    """Return the width of the codes that a range, by its key, is for."""
    kind = key.rsplit("/", 1)[-1]
    if not key.startswith("layers/") or kind == "residual":
        return bits.activations
    own = bits.of_layer(int(key.split("/")[1])).widths()
    return own.get(kind.removesuffix("_reverse"), own["activations"])


def _gains(
    kernel: QuantisedKernel,
    block: LayerModule,
    kept: KeptModes,
    scale: dict[str, Tensor],
    reverse: bool,
) -> Gains:
    """Return the gains from code to code, quantised in value, differentiable in the parameters."""
    place = (torch.from_numpy(kept.channels)[:, None], torch.from_numpy(kept.modes))
    state = scale["state_reverse" if reverse else "state"][place]
    log_a, b = (part[place] for part in block.kernel.discrete())
    a = torch.exp(log_a)
    c = block.kernel.output_weights()[reverse][place]
    d = block.D[place[0][:, 0]]
    d = torch.zeros_like(d) if reverse else d
    ahead = kernel.form.ahead and not reverse
    if ahead:
        d = d + 2 * (c * b).sum(dim=1).real
        c = c * a
    given = scale["kernel_input"][place[0][:, 0]]
    into = given[:, None] / state
    drive = 2.0**kernel.drive_shift  # codes of a state per code that drives
    out = 2 * drive * state / scale["kernel_output"]
    beyond = a - torch.from_numpy(kernel.centre).to(a.dtype)
    exact = (
        beyond.real * drive,
        beyond.imag * drive,
        b.real * into,
        b.imag * into,
        c.real * out,
        -c.imag * out,
        d * (given / scale["kernel_output"]),
    )
    values: tuple[NDArray[Any], ...] = gains_of(kernel)
    return Gains(*(held_at(e, v) for e, v in zip(exact, values, strict=True)))
