"""QS4D's network with its authors' quantisers and noise, to be trained (arXiv 2507.06079).

The forward pass is that of `imssa_sim.foreign.qs4d`, which gives the authors' own codes; here it
has gradients: rounding passes them on unchanged. Parameters have the names of the authors' files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.foreign.qs4d import LEAST_RANGE


def fake_quantise(values: Tensor, levels: int | None) -> Tensor:
    """Return values on ``levels`` + 1 codes of the tensor's own range, gradients unchanged."""
    if levels is None:
        return values
    scale = levels / 2 / values.detach().abs().max().clamp(min=LEAST_RANGE)
    codes = torch.clamp(torch.round(values * scale), -(levels // 2), levels // 2)
    return values + (codes / scale - values).detach()


class PaperKernel(nn.Module):
    """A diagonal state-space model with B = 1, zero-order hold."""

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        modes = state // 2
        self.C = nn.Parameter(torch.view_as_real(torch.randn(width, modes, dtype=torch.cfloat)))
        low, high = math.log(1e-3), math.log(1e-1)
        self.log_dt = nn.Parameter(low + (high - low) * torch.rand(width))
        self.log_A_real = nn.Parameter(torch.full((width, modes), 0.5).log())
        self.A_imag = nn.Parameter(math.pi / 4 * torch.arange(modes).repeat(width, 1))

    def forward(self, length: int, levels: int | None, noise: float) -> Tensor:
        """Return the convolution kernel (H, L); ``noise`` is relative to max - min of each part."""
        parts = []
        for part in (-self.log_A_real.exp(), self.A_imag):
            if noise:
                spread = (part.max() - part.min()).detach()
                part = part + noise * spread * torch.randn_like(part)
            parts.append(fake_quantise(part, levels))
        A = torch.complex(*parts)
        steps = A * fake_quantise(self.log_dt, levels).exp()[:, None]
        C = torch.view_as_complex(fake_quantise(self.C, levels).contiguous())
        powers = torch.exp(steps[..., None] * torch.arange(length))
        return 2 * torch.einsum("hn,hnl->hl", C * (torch.exp(steps) - 1) / A, powers).real


class PaperLayer(nn.Module):
    """Kernel and mixing map with a GLU; no GELU, no residual stream."""

    def __init__(self, width: int, state: int) -> None:
        super().__init__()
        self.kernel = PaperKernel(width, state)
        self.D = nn.Parameter(torch.randn(width))
        self.output_linear = nn.Sequential(nn.Conv1d(width, 2 * width, 1))


class PaperNetwork(nn.Module):
    """The classifier: batch norm behind each layer, mean over the steps.

    Parameters
    ----------
    layers, width, state, inputs, classes : int
        ``state`` N counts real values: N/2 modes a channel.
    dropout : float
    """

    def __init__(
        self, layers: int, width: int, state: int, inputs: int, classes: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(inputs, width), nn.Linear(width, classes)
        self.s4_layers = nn.ModuleList(PaperLayer(width, state) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.levels: int | None = None
        self.noise = 0.0

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits (B, K) of sequences (B, L, d)."""
        q, length = self.levels, inputs.shape[1]
        half = None if q is None else q // 2
        weight = fake_quantise(self.encoder.weight, q)
        x = functional.linear(inputs, weight, self.encoder.bias).transpose(1, 2)
        layer: Any
        for layer, norm in zip(self.s4_layers, self.norms, strict=True):
            response = fake_quantise(layer.kernel(length, q, self.noise), half)
            u = fake_quantise(x, half)
            spectrum = torch.fft.rfft(response, 2 * length) * torch.fft.rfft(u, 2 * length)
            y = torch.fft.irfft(spectrum, 2 * length)[..., :length] + layer.D[:, None] * u
            mixing = layer.output_linear[0]
            z = functional.conv1d(y, fake_quantise(mixing.weight, q), mixing.bias)
            x = norm(self.dropout(fake_quantise(functional.glu(z, dim=1), q)))
        weight = fake_quantise(self.decoder.weight, q)
        return functional.linear(x.mean(2), weight, self.decoder.bias)


def fit(
    network: PaperNetwork,
    inputs: np.ndarray,
    labels: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    epochs: int,
    seed: int,
    lr: float = 0.01,
    batch: int = 64,
) -> float:
    """Train by the authors' recipe, keep the epoch that validates best, and return how well.

    AdamW with 0.01 and weight decay 0.05, 0.001 and none for A and dt, cosine schedule.
    """
    slow = [p for n, p in network.named_parameters() if ".kernel." in n and not n.endswith(".C")]
    others = [p for p in network.parameters() if all(p is not s for s in slow)]
    optimiser = torch.optim.AdamW(
        [{"params": others, "lr": lr, "weight_decay": 0.05},
         {"params": slow, "lr": min(lr, 0.001), "weight_decay": 0.0}]
    )  # fmt: skip
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    best, kept = -1.0, dict(network.state_dict())
    for _ in range(epochs):
        network.train()
        order = random.permutation(len(labels))
        for start in range(0, len(order), batch):
            index = order[start : start + batch]
            logits = network(torch.from_numpy(inputs[index]))
            loss = functional.cross_entropy(logits, torch.from_numpy(labels[index]))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        schedule.step()
        found = accuracy(network, *validation, batch)
        if found > best:
            best = found
            kept = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(kept)
    return best


@torch.no_grad()
def accuracy(
    network: PaperNetwork, inputs: np.ndarray, labels: np.ndarray, batch: int = 64
) -> float:
    """Return the share of right predictions, batches of the authors' size sharing a range."""
    network.eval()
    right = 0
    for start in range(0, len(labels), batch):
        logits = network(torch.from_numpy(inputs[start : start + batch]))
        right += int((logits.argmax(1).numpy() == labels[start : start + batch]).sum())
    return right / len(labels)
