"""The S4D network as a PyTorch module, with the parameter names of the reference implementation.

Sequences are (batch, steps, channels), which suits all but the convolution; that one transposes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.model.kept import alive_modes
from imssa_sim.model.network import Network, S4DKernel
from imssa_sim.training.convolution import convolve


class KernelModule(nn.Module):
    """Diagonal state-space kernels of one layer, applied as a causal convolution.

    Parameters
    ----------
    kernel : S4DKernel
        Initial values. ``B``, where given, is trained; where absent it stays one.
    bilinear : bool
        Discretise by the bilinear rule instead of zero-order hold.
    """

    def __init__(self, kernel: S4DKernel, bilinear: bool) -> None:
        super().__init__()
        self.bilinear = bilinear
        self.log_dt = _parameter(kernel.log_dt)
        self.log_A_real = _parameter(kernel.log_A_real)
        self.A_imag = _parameter(kernel.A_imag)
        self.C = _parameter(kernel.C)
        self.B = None if kernel.B is None else _parameter(kernel.B)
        self.C_reverse = None if kernel.C_reverse is None else _parameter(kernel.C_reverse)
        alive = alive_modes(kernel)
        if not alive.all():
            _hold(self.C, alive[..., None])
            if self.C_reverse is not None:
                _hold(self.C_reverse, alive[..., None])

    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) and B of the discrete recurrence, complex (H, M)."""
        A = torch.complex(-torch.exp(self.log_A_real), self.A_imag)
        step = A * torch.exp(self.log_dt)[:, None]
        if self.bilinear:
            log_a = torch.log((1 + step / 2) / (1 - step / 2))
            b = torch.exp(self.log_dt)[:, None] / (1 - step / 2)
        else:
            log_a = step
            b = (torch.exp(step) - 1) / A
        return log_a, b if self.B is None else b * torch.view_as_complex(self.B)

    def responses(self, length: int) -> list[Tensor]:
        """Return the impulse response (H, length) of each direction.

        ``K[l] = 2 Re sum_n C_n B_n A_n^l`` with l = q s + r is a product of two small Vandermonde
        matrices, which costs far less than H × M × length complex powers.
        """
        log_a, b = self.discrete()
        block = math.ceil(math.sqrt(length))
        count = math.ceil(length / block)
        fine = torch.exp(log_a[..., None] * torch.arange(block))
        fine_parts = torch.cat([fine.real, fine.imag], dim=1)
        coarse = torch.exp(log_a[..., None] * (block * torch.arange(count)))
        found = []
        for weights in (self.C, self.C_reverse):
            if weights is None:
                continue
            scaled = 2 * (torch.view_as_complex(weights) * b)[..., None] * coarse
            parts = torch.cat([scaled.real, -scaled.imag], dim=1)
            found.append((parts.mT @ fine_parts).flatten(1)[:, :length])
        return found

    def forward(self, u: Tensor) -> Tensor:
        """Convolve u (batch, L, H) with the kernels."""
        length = u.shape[1]
        responses = self.responses(length)
        padded = functional.pad(responses[0], (0, length))
        if len(responses) == 2:
            padded = padded + functional.pad(responses[1].flip(-1), (length, 0))
        y = convolve(u.transpose(1, 2).contiguous(), padded)
        return y.transpose(1, 2).contiguous()


class LayerModule(nn.Module):
    """Kernel, feed-through, GELU, dropout, 1×1 convolution H -> 2H, gated linear unit."""

    def __init__(self, kernel: S4DKernel, bilinear: bool, dropout: float) -> None:
        super().__init__()
        width = kernel.channels
        self.kernel = KernelModule(kernel, bilinear)
        self.D = _parameter(kernel.D)
        present = alive_modes(kernel).any(axis=1) | (kernel.D != 0)
        if not present.all():
            _hold(self.D, present)
        self.dropout = ChannelDropout(dropout)
        # A container, because the reference implementation has a Sequential of this name.
        self.output_linear = nn.ModuleList([nn.Conv1d(width, 2 * width, 1)])

    def forward(self, u: Tensor) -> Tensor:
        """Apply the block to u (batch, L, H)."""
        y = self.dropout(functional.gelu(self.kernel(u) + u * self.D))
        linear = self.output_linear[0]
        weight, bias = linear.get_parameter("weight"), linear.get_parameter("bias")
        z = functional.linear(y, weight[..., 0], bias)
        return functional.glu(z, dim=-1)


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
        Probability with which a channel is dropped, inside each block and after it.
    """

    def __init__(self, network: Network, dropout: float = 0.0) -> None:
        super().__init__()
        bilinear = network.discretisation == "bilinear"
        self.prenorm = network.norm_position == "pre"
        self.encoder = nn.Linear(network.inputs, network.width)
        self.s4_layers = nn.ModuleList(
            LayerModule(layer.kernel, bilinear, dropout) for layer in network.layers
        )
        self.norms = nn.ModuleList(
            _norm_module(network.norm, network.width) for _ in self.s4_layers
        )
        self.dropout = ChannelDropout(dropout)
        self.decoder = nn.Linear(network.width, network.classes)
        self.load_network(network)

    @torch.no_grad()
    def load_network(self, network: Network) -> None:
        """Copy all parameters from ``network``, which has this module's structure."""
        _copy(self.encoder, network.encoder_weight, network.encoder_bias)
        _copy(self.decoder, network.decoder_weight, network.decoder_bias)
        for module, norm_module, layer in zip(
            self.s4_layers, self.norms, network.layers, strict=True
        ):
            assert isinstance(module, LayerModule)
            kernel = module.kernel
            source = layer.kernel
            kernel.log_dt.copy_(_tensor(source.log_dt))
            kernel.log_A_real.copy_(_tensor(source.log_A_real))
            kernel.A_imag.copy_(_tensor(source.A_imag))
            kernel.C.copy_(_tensor(source.C))
            module.D.copy_(_tensor(source.D))
            if kernel.B is not None:
                kernel.B.copy_(_tensor(source.input_weights))
            if kernel.C_reverse is not None and source.C_reverse is not None:
                kernel.C_reverse.copy_(_tensor(source.C_reverse))
            _copy(module.output_linear[0], layer.weight[..., None], layer.bias)
            if layer.norm is not None:
                _copy(norm_module, layer.norm.weight, layer.norm.bias)
                if layer.norm.running_mean is not None and layer.norm.running_variance is not None:
                    norm_module.get_buffer("running_mean").copy_(_tensor(layer.norm.running_mean))
                    norm_module.get_buffer("running_var").copy_(
                        _tensor(layer.norm.running_variance)
                    )

    def tensors(self) -> dict[str, Any]:
        """Return all parameters and statistics as float32 arrays, by their stored names."""
        return {
            name: value.detach().cpu().numpy()
            for name, value in self.state_dict().items()
            if not name.endswith("num_batches_tracked")
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (batch, K) for inputs (batch, L, d_in)."""
        x = self.encoder(inputs)
        for layer, norm in zip(self.s4_layers, self.norms, strict=True):
            z = self.dropout(layer(norm(x) if self.prenorm else x))
            x = x + z
            if not self.prenorm:
                x = norm(x)
        logits: Tensor = self.decoder(x.mean(dim=1))
        return logits


class StepBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of (batch, L, H) over batch and steps."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel of x."""
        return super().forward(x.flatten(0, 1)).view_as(x)


def _norm_module(kind: str, width: int) -> nn.Module:
    if kind == "layer":
        return nn.LayerNorm(width)
    if kind == "batch":
        return StepBatchNorm(width)
    return nn.Identity()


def _tensor(array: np.ndarray[Any, Any]) -> Tensor:
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag], axis=-1)
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


def _parameter(array: np.ndarray[Any, Any]) -> nn.Parameter:
    return nn.Parameter(_tensor(array).clone())


def _hold(parameter: nn.Parameter, free: np.ndarray[Any, Any]) -> None:
    """Keep the entries that are not ``free`` at zero, where they are: they were pruned."""
    mask = torch.from_numpy(free.astype(np.float32))
    parameter.register_hook(lambda gradient: gradient * mask)  # type: ignore[no-untyped-call]


def _copy(module: nn.Module, weight: np.ndarray[Any, Any], bias: np.ndarray[Any, Any]) -> None:
    module.get_parameter("weight").copy_(_tensor(weight))
    module.get_parameter("bias").copy_(_tensor(bias))
