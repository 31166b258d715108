"""One forward pass of quantisation-aware training: a backend of the network's graph.

Values between nodes know their scale (`imssa_sim.training.qat_value`), so that each operation has
one rule, whatever stands before and behind it. The integers are the golden model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.enter import Enter
from imssa_sim.program.operations.feedthrough import Feedthrough
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.join import Join
from imssa_sim.program.operations.last import Last
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.log_softmax import LogSoftmax
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.repeat import Repeat
from imssa_sim.program.operations.requantise import Requantise
from imssa_sim.program.operations.select import Select
from imssa_sim.program.operations.sums import ResidualSum, SaturatingSum
from imssa_sim.program.operations.table import Table
from imssa_sim.program.saturation import ClipCounter, Saturation
from imssa_sim.quantisation.quantisers import code_limit
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.training.gated import Ending, gated
from imssa_sim.training.modes import mode_gains, run_modes
from imssa_sim.training.noise import Noise, linear_noisy, recur_noisy
from imssa_sim.training.qat_gains import kernel_gains
from imssa_sim.training.qat_units import Units
from imssa_sim.training.qat_value import GatedBranch, GatedSum, Value
from imssa_sim.training.recurrence import recur
from imssa_sim.training.straight_through import (
    codes_of,
    held_at,
    linear_codes,
    linear_read,
    rounded,
    tabulated,
)
from imssa_sim.training.torch_network import FUNCTIONS

if TYPE_CHECKING:
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.program.graph import Node
    from imssa_sim.training.drawn_chip import DrawnChip
    from imssa_sim.training.qat_network import QatModule
    from imssa_sim.training.recurrence import Gains


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
        self.units = Units(module, network)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits (B, K), or (B, L, K) without pooling, of inputs (B, L, d_in)."""
        found: Tensor = walk(self.graph, self, inputs)
        return found

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""
        return _RULES[type(node.operation)](self, node, *values)

    def _rounded(self, node: Node, exact: Tensor, unit: Tensor, *integers: Any) -> Value:
        """Return a node's codes of some unit, made of integers, with the derivative of ``exact``.

        ``exact`` is in codes.
        """
        codes = self.integers.run(node, *integers)
        return Value(rounded(exact, codes, code_limit(node.operation.bits)), unit)

    def _enter(self, node: Node, inputs: Tensor) -> Value:
        unit = self.units.ends["input"]
        return self._rounded(node, inputs / unit, unit, inputs.numpy())

    def _linear_map(self, node: Node, value: Value) -> Value:
        i, operation = node.layer, node.operation
        weight: Tensor
        bias: Tensor
        tensor = operation.tensor if isinstance(operation, LinearMap) else "linear"
        if i is None:
            encoder, unit = self.module.encoder, self.units.streams[0]
            weight, bias = encoder.weight, encoder.bias
        elif tensor == "linear":
            unit, output = self.units.mapped(i), self.module.blocks[i].output_linear[0]
            weight, bias = output.get_parameter("weight"), output.get_parameter("bias")
            weight = weight[:, self.network.layers[i].kernel_channels[: weight.shape[1]], 0]
        else:
            weight, unit = self._dense_map(i, tensor)
            bias = torch.zeros(len(weight))
        weight = weight * (value.unit / (unit[:, None] if unit.dim() else unit))
        return Value(self._linear(node, value.number, weight, bias / unit, tensor), unit)

    def _dense_map(self, i: int, tensor: str) -> tuple[Tensor, Tensor]:
        """Return weights of a model whose one state mixes all channels, and what they give."""
        scale, kernel = self.units.layers[i], self.module.blocks[i].kernel
        if tensor == "B":
            b = kernel.discrete()[1]
            return torch.cat([b.real, b.imag]), scale["increment"].repeat(2)
        parts = [part for c in kernel.output_weights() for part in (c.real, -c.imag)]
        return torch.cat(parts, dim=1), scale["kernel_output"]

    def _linear(
        self, node: Node, codes: Tensor, weight: Tensor, bias: Tensor, tensor: str
    ) -> Tensor:
        """Return output codes; ``weight`` and ``bias`` are from code to code."""
        path, linear = f"chip.{node.name}", self.integers.parameters[node.name]
        gain = np.broadcast_to(requantiser_scale(linear.requant), linear.bias.shape)
        weight = held_at(weight, linear.weight * gain[:, None])
        bias = held_at(bias, linear.bias * gain)
        if self.chip is not None and path in self.chip.linears:
            read, real = self.chip.read_linear(path, codes_of(codes))
            return linear_read(codes, weight, bias, read, linear.requant.limit, real)
        reads = {"B": self.noise.state, "C": self.noise.output}.get(tensor, 0.0)
        if self.noise.weights or reads:
            return linear_noisy(codes, weight, bias, linear, self.noise, reads, tensor == "B")
        return linear_codes(codes, weight, bias, linear)

    def _normalise(self, node: Node, value: Value | GatedSum) -> Value:
        i = node.layer or 0
        gain, bias, epsilon = self._norm(i)
        if isinstance(value, GatedSum):
            leave = self.units.streams[i + 1]
            return self._ended(node, value, gain / leave, bias / leave, epsilon)
        exact = value.real
        if epsilon is None:
            exact = exact * gain + bias
        else:
            exact = functional.layer_norm(exact, gain.shape, gain, bias, epsilon)
        unit = self.units.normed(i)
        return self._rounded(node, exact / unit, unit, value.integers)

    def _repeat(self, node: Node, value: Value) -> Value:
        copies = self.network.composition.copies
        unit = value.unit.repeat(copies) if value.unit.dim() else value.unit
        return Value(value.number.repeat(1, 1, copies), unit)

    def _select(self, node: Node, value: Value) -> Value:
        return value.taken(self.integers.parameters[node.name])

    def _requantise(self, node: Node, value: Value | GatedSum) -> Value:
        i = node.layer
        if isinstance(value, GatedSum):
            width = value.r.number.shape[-1]
            gain, bias = torch.ones(width) / self.units.streams[(i or 0) + 1], torch.zeros(width)
            return self._ended(node, value, gain, bias, None)
        unit = self.units.requantised(node.name, i)
        return self._rounded(node, value.number * (value.unit / unit), unit, value.integers)

    def _ended(
        self, node: Node, value: GatedSum, gain: Tensor, bias: Tensor, epsilon: float | None
    ) -> Value:
        """Return the codes of the residual stream behind a block with a gate."""
        i = node.layer or 0
        scale, bits = self.units.layers[i], self.network.bits
        limits = code_limit(bits.of_layer(i).activations), code_limit(bits.activations)
        ending = Ending(scale["value"], scale["gate"], value.r.unit, gain, bias, epsilon)
        codes = self.integers.run(node, value.integers)
        stream = gated(value.z.number, value.r.number, ending, codes, limits)
        return Value(stream, self.units.streams[i + 1])

    def _recurrence(self, node: Node, value: Value) -> Value:
        path, operation, u = f"chip.{node.name}", node.operation, value.number
        reverse = isinstance(operation, KernelRecurrence) and operation.reverse
        kernel, i = self.integers.parameters[node.name], node.layer or 0
        module, scale, kept = self.module, self.units.layers[i], self.module.kept[i]
        assert kept is not None
        gains = kernel_gains(kernel, module.blocks[i], kept, scale, reverse)
        if self.chip is not None and path in self.chip.kernels:
            y = self.chip.recur(path, u, gains)
            if isinstance(operation, KernelRecurrence) and not operation.form.ahead:
                y = self._beside(node, operation, u, y, gains)
        elif self.noise != Noise():
            y = recur_noisy(u, kernel, gains, self.noise, reverse)
        else:
            y = recur(u, kernel, gains, reverse)
        return Value(y, scale["kernel_output"])

    def _beside(
        self, node: Node, operation: KernelRecurrence, u: Tensor, y: Tensor, gains: Gains
    ) -> Tensor:
        """Return the codes of kernels whose sums over the states y came from tiles."""
        kernel, clips = self.integers.parameters[node.name], ClipCounter(node.name, Saturation())
        codes = operation.beside(kernel, codes_of(u), codes_of(y), clips)
        exact = y + u * gains.d
        if operation.reverse:
            exact = functional.pad(exact[:, 1:], (0, 0, 0, 1))
        return rounded(exact, codes, code_limit(operation.bits))

    def _modes(self, node: Node, value: Value) -> Value:
        modes, i, operation = self.integers.parameters[node.name], node.layer or 0, node.operation
        reverse = isinstance(operation, ModeRecurrence) and operation.reverse
        state = self.units.state(i)
        log_a = self.module.blocks[i].kernel.discrete()[0]
        gains = mode_gains(modes, log_a, self.units.layers[i]["increment"] / state)
        unit = state * 2.0 ** (modes.bits - modes.drive_bits)
        return Value(run_modes(value.number, modes, gains, reverse), unit.repeat(2))

    def _join(self, node: Node, *values: Value) -> Value:
        numbers = torch.cat([value.number for value in values], dim=-1)
        return Value(numbers, torch.cat([value.unit for value in values]))

    def _feedthrough(self, node: Node, value: Value) -> Value:
        i = node.layer or 0
        d, requant = self.integers.parameters[node.name]
        unit = self.units.layers[i]["kernel_output"]
        gain = held_at(
            self.module.blocks[i].D * (value.unit / unit), d * requantiser_scale(requant)
        )
        return self._rounded(node, value.number * gain, unit, value.integers)

    def _both(self, node: Node, one: Value, other: Value) -> Value:
        exact = one.number + other.number
        return self._rounded(node, exact, one.unit, one.integers, other.integers)

    def _table(self, node: Node, value: Value) -> Value:
        i, operation = node.layer or 0, node.operation
        name = operation.function if isinstance(operation, Table) else ""
        unit = self.units.layers[i]["gelu" if node.name.endswith(".activation") else "mixed"]
        codes = tabulated(
            value.number,
            lambda at: FUNCTIONS[name](at * value.unit) / unit,
            self.integers.parameters[node.name],
            code_limit(operation.bits),
        )
        return Value(codes, unit)

    def _gate(self, node: Node, *values: Value) -> Value | GatedBranch:
        integers = self.integers.run(node, *(value.integers for value in values))
        mixes = node.name.endswith(".gate")
        if mixes and len(values) == 1 and self.network.composition.residual:
            return GatedBranch(values[0], integers)
        if len(values) == 1:
            half = node.operation.outputs
            values = values[0].taken(slice(0, half)), values[0].taken(slice(half, None))
        opened, gate = values
        return Value(opened.number * torch.sigmoid(gate.real), opened.unit, integers)

    def _residual_sum(self, node: Node, branch: Value | GatedBranch, r: Value) -> Value | GatedSum:
        integers = self.integers.run(node, branch.integers, r.integers)
        if isinstance(branch, GatedBranch):
            return GatedSum(branch.z, r, integers)
        return Value(branch.real + r.real, torch.ones(()), integers)

    def _pool(self, node: Node, r: Value) -> Value:
        return Value(r.number.mean(dim=1), r.unit, self.integers.run(node, r.integers))

    def _last(self, node: Node, r: Value) -> Value:
        return Value(r.number[:, -1], r.unit)

    def _head(self, node: Node, pooled: Value) -> Tensor:
        path, module = f"chip.{node.name}", self.module.decoder
        decoder, step = self.integers.parameters[node.name]
        weight = held_at(module.weight * pooled.unit, decoder.weight * step[:, None])
        bias = held_at(module.bias, decoder.bias * step)
        logits = functional.linear(pooled.number, weight, bias)
        if self.chip is not None and path in self.chip.linears:
            return held_at(logits, self.chip.read_logits(pooled.integers))
        return held_at(logits, self.integers.run(node, pooled.integers))

    def _log_softmax(self, node: Node, logits: Tensor) -> Tensor:
        return functional.log_softmax(logits, dim=-1)

    def _norm(self, i: int) -> tuple[Tensor, Tensor, float | None]:
        """Return gain and bias of a norm, and its epsilon where it uses its inputs' statistics."""
        norm = self.module.norms[i]
        weight, bias = norm.get_parameter("weight"), norm.get_parameter("bias")
        if isinstance(norm, nn.LayerNorm):
            return weight, bias, norm.eps
        # The chip holds the statistics fixed, so training does too.
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        gain = weight / torch.sqrt(variance + self.module.structure.norm_epsilon)
        return gain, bias - mean * gain, None


_RULES: Mapping[type, Callable[..., Any]] = MappingProxyType(
    {
        Enter: QatPass._enter,
        LinearMap: QatPass._linear_map,
        Head: QatPass._head,
        LogSoftmax: QatPass._log_softmax,
        Normalise: QatPass._normalise,
        Repeat: QatPass._repeat,
        Select: QatPass._select,
        Requantise: QatPass._requantise,
        KernelRecurrence: QatPass._recurrence,
        ModeRecurrence: QatPass._modes,
        Join: QatPass._join,
        Feedthrough: QatPass._feedthrough,
        SaturatingSum: QatPass._both,
        Table: QatPass._table,
        Gate: QatPass._gate,
        ResidualSum: QatPass._residual_sum,
        Pool: QatPass._pool,
        Last: QatPass._last,
    }
)
