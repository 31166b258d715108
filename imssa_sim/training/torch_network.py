"""The network as a PyTorch module, with the parameter names of the reference implementation.

Sequences are (batch, steps, channels).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.model.network import GATED, Network
from imssa_sim.model.structure import Structure
from imssa_sim.program.graph import Node
from imssa_sim.program.interpret import walk
from imssa_sim.program.operations.gate import Gate
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.last import Last
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.log_softmax import LogSoftmax
from imssa_sim.program.operations.modes import ModeRecurrence
from imssa_sim.program.operations.norm import Normalise
from imssa_sim.program.operations.pool import Pool
from imssa_sim.program.operations.recurrence import KernelRecurrence
from imssa_sim.program.operations.repeat import Repeat
from imssa_sim.program.operations.sums import ResidualSum
from imssa_sim.program.operations.table import Table
from imssa_sim.reference.forward import float_graph
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.training.kernel_module import hold, parameter_of, tensor_of
from imssa_sim.training.kernel_modules import MODULES

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
    "tanh": torch.tanh,
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "softplus": functional.softplus,
}
"""As `imssa_sim.model.elementwise.FUNCTIONS`, differentiable."""
_END = {"plain": "linear", "none": "", **dict.fromkeys(GATED, "gate")}
"""The node behind which a block's channels are dropped, by mixing; otherwise its function."""


class LayerModule(nn.Module):
    """Parameters of a block: kernel, feed-through, dropout, 1×1 convolution of the channels."""

    def __init__(self, kernel: StateSpaceModel, structure: Structure, dropout: float) -> None:
        super().__init__()
        self.kernel = MODULES[structure.family](kernel, structure.discretisation)
        self.D = parameter_of(kernel.feedthrough)
        present = kernel.alive.any(axis=1) | (kernel.feedthrough != 0)
        if not present.all():
            hold(self.D, present)
        self.dropout = ChannelDropout(dropout)
        # A container, because the reference implementation has a Sequential of this name.
        rows, columns = structure.mixing_shape
        self.output_linear = nn.ModuleList(
            [nn.Conv1d(columns, rows, 1)] if structure.mixing != "none" else []
        )


class ChannelDropout(nn.Module):
    """Dropout of whole channels of a sequence, tied over its steps, as in the authors' code."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Zero channels of x (batch, L, H) at random in training and scale up the others."""
        if not self.training or self.probability == 0:
            return x
        keep = 1 - self.probability
        mask = torch.rand(x.shape[0], 1, x.shape[2]) < keep
        return x * (mask / keep)


class NetworkModule(nn.Module):
    """Encoder, residual layers, mean over the sequence, decoder.

    Parameters
    ----------
    network : Network
        Initial values and structure.
    dropout : float
        Probability with which a channel is dropped, behind each activation and at each block's end.
    noise_A : float
        Of the noise on continuous A in training (`KernelModule.draw_noise`).

    Raises
    ------
    InputError
        Noise on the A of a family that has none in continuous time.
    """

    def __init__(self, network: Network, dropout: float = 0.0, noise_A: float = 0.0) -> None:
        super().__init__()
        self.noise_A = noise_A
        self.structure = Structure.of(network)
        self.graph = float_graph(network)
        self.encoder = nn.Linear(network.inputs, network.width)
        self.blocks = [
            LayerModule(layer.kernel, self.structure, dropout) for layer in network.layers
        ]
        self.s4_layers = nn.ModuleList(self.blocks)
        self.norms = nn.ModuleList(
            _norm_module(network.norm, network.width, self.structure.norm_epsilon)
            for _ in self.s4_layers
        )
        self.dropout = ChannelDropout(dropout)
        self.decoder = nn.Linear(network.width, network.classes)
        behind = "activation" if network.composition.activation != "none" else "kernel"
        self.inside = [f"layer{i}.{behind}" for i in range(len(self.blocks))]
        self.ends = [
            f"layer{i}.{_END.get(network.composition.mixing, 'function')}"
            for i in range(len(self.blocks))
        ]
        self.load_network(network)
        if noise_A:
            for block in self.blocks:
                block.kernel.continuous()

    def draw_noise(self) -> None:
        """Draw noise on every layer's A anew where there is some; in evaluation there is none."""
        for block in self.blocks:
            block.kernel.draw_noise(self.noise_A if self.training else 0.0)

    @torch.no_grad()
    def load_network(self, network: Network) -> None:
        """Copy all parameters from ``network``, which has this module's structure."""
        _copy(self.encoder, network.encoder_weight, network.encoder_bias)
        _copy(self.decoder, network.decoder_weight, network.decoder_bias)
        for module, norm_module, layer in zip(self.blocks, self.norms, network.layers, strict=True):
            module.kernel.load(layer.kernel)
            module.D.copy_(tensor_of(layer.kernel.feedthrough))
            for linear in module.output_linear:
                _copy(linear, layer.weight[..., None], layer.bias)
            if layer.norm is not None:
                _copy(norm_module, layer.norm.weight, layer.norm.bias)
                if layer.norm.running_mean is not None and layer.norm.running_variance is not None:
                    norm_module.get_buffer("running_mean").copy_(tensor_of(layer.norm.running_mean))
                    norm_module.get_buffer("running_var").copy_(
                        tensor_of(layer.norm.running_variance)
                    )

    def tensors(self) -> dict[str, Any]:
        """Return all parameters and statistics as float32 arrays, by their stored names."""
        found = self.state_dict()
        for number, block in enumerate(self.blocks):
            head = f"s4_layers.{number}.kernel."
            found = {name: value for name, value in found.items() if not name.startswith(head)}
            found |= {head + name: value for name, value in block.kernel.stored().items()}
        return {
            name: value.detach().cpu().numpy()
            for name, value in found.items()
            if not name.endswith("num_batches_tracked")
        }

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return results (batch, K), or (batch, L, K), for inputs (batch, L, d_in).

        ``lengths`` (batch,): steps of each sequence; what stands behind them changes nothing.
        """
        self.draw_noise()
        self.lengths = lengths
        if lengths is not None:
            self.true = torch.arange(inputs.shape[1]) < lengths[:, None]
        results: Tensor = walk(self.graph, self, inputs)
        return results

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs, differentiable.

        As in the float reference, both directions of a kernel come under the causal one's name,
        pruned kernels give zeros, and nothing is requantised.
        """
        first = values[0]
        number = node.layer
        if number is None:
            match node.operation:
                case Head():
                    return self.decoder(first)
                case LinearMap():
                    return self.encoder(first)
                case Pool():
                    if self.lengths is None:
                        return first.mean(dim=1)
                    return (first * self.true[..., None]).sum(dim=1) / self.lengths[:, None]
                case Last():
                    if self.lengths is None:
                        return first[:, -1]
                    return first[torch.arange(len(first)), self.lengths - 1]
                case LogSoftmax():
                    return functional.log_softmax(first, dim=-1)
            return first
        block = self.blocks[number]
        value = self._in_block(block, node, *values)
        if node.name == self.inside[number]:
            return block.dropout(value)
        return self.dropout(value) if node.name == self.ends[number] else value

    def _in_block(self, block: LayerModule, node: Node, *values: Any) -> Any:
        first = values[0]
        match node.operation:
            case KernelRecurrence(reverse=False) | ModeRecurrence(reverse=False):
                if self.lengths is not None:  # from behind, a sequence begins at its last step
                    first = first * self.true[..., None]
                return block.kernel(first) + first * block.D
            case Table(function=name):
                return FUNCTIONS[name](first)
            case Repeat(copies=copies):
                return first.repeat(1, 1, copies)
            case LinearMap(tensor="linear"):
                linear = block.output_linear[0]
                weight, bias = linear.get_parameter("weight"), linear.get_parameter("bias")
                return functional.linear(first, weight[..., 0], bias)
            case Gate():
                if len(values) == 1:
                    return functional.glu(first, dim=-1)
                return first * torch.sigmoid(values[1])
            case ResidualSum():
                return values[1] + first
            case Normalise():
                norm = self.norms[node.layer or 0]
                if self.lengths is None or not isinstance(norm, StepBatchNorm):
                    return norm(first)
                held = torch.zeros_like(first)
                held[self.true] = norm(first[self.true][None])[0]
                return held
        return first


class StepBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (batch, L, H) over batch and steps."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of x."""
        return super().forward(x.flatten(0, 1)).view_as(x)


def _norm_module(kind: str, width: int, epsilon: float) -> nn.Module:
    if kind == "layer":
        return nn.LayerNorm(width, eps=epsilon)
    if kind == "batch":
        return StepBatchNorm(width, eps=epsilon)
    return nn.Identity()


def _copy(module: nn.Module, weight: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> None:
    module.get_parameter("weight").copy_(tensor_of(weight))
    module.get_parameter("bias").copy_(tensor_of(bias))
