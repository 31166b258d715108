"""S4D in PyTorch for `gpu_baseline.py`: one function, step by step and as a convolution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imssa_sim.baselines import Shape


class Network:
    """S4D with random weights on a device: the same function step by step and as a convolution.

    Blocks as in the S4D authors' minimal network: kernel, D·u, GELU, linear to 2H, GLU, residual,
    LayerNorm; encoder before, mean over the sequence and decoder after. Modes stand for conjugate
    pairs.
    """

    def __init__(self, torch: Any, shape: Shape, device: str, dtype: Any, seed: int = 0) -> None:
        self.torch, self.shape, self.device, self.dtype = torch, shape, device, dtype
        generator = torch.Generator().manual_seed(seed)

        def random(*size: int) -> Any:
            return torch.randn(*size, generator=generator)

        def put(tensor: Any, kind: Any = dtype) -> Any:
            return tensor.to(device=device, dtype=kind)

        H, M = shape.width, shape.state // 2
        complex_kind = torch.complex128 if dtype == torch.float64 else torch.complex64
        self.encoder = put(random(H, shape.inputs) / math.sqrt(shape.inputs))
        self.decoder = put(random(shape.classes, H) / math.sqrt(H))
        self.layers = []
        for _ in range(shape.layers):
            dt = torch.exp(
                torch.empty(H, 1).uniform_(math.log(1e-3), math.log(1e-1), generator=generator)
            )
            a = torch.complex(
                torch.full((H, M), -0.5), math.pi * torch.arange(M).float().expand(H, M)
            )
            a_bar = torch.exp(dt * a)
            self.layers.append(
                {
                    "A": put(a_bar, complex_kind),
                    "B": put((a_bar - 1) / a, complex_kind),
                    "C": put(torch.complex(random(H, M), random(H, M)) / M, complex_kind),
                    "D": put(random(H)),
                    "W": put(random(2 * H, H) / math.sqrt(H)),
                }
            )

    def state(self, batch: int) -> list[Any]:
        return [
            self.torch.zeros(batch, *layer["A"].shape, device=self.device, dtype=layer["A"].dtype)
            for layer in self.layers
        ]

    def _rest(self, layer: dict[str, Any], y: Any, u: Any) -> Any:
        functional = self.torch.nn.functional
        y = functional.gelu(y + layer["D"] * u)
        y = functional.glu(y @ layer["W"].T, dim=-1)
        return functional.layer_norm(y + u, (self.shape.width,))

    def step(self, u: Any, state: list[Any]) -> Any:
        """One token: (batch, d) and the states, which are updated in place; (batch, H)."""
        u = u @ self.encoder.T
        for layer, x in zip(self.layers, state, strict=True):
            x.mul_(layer["A"]).add_(layer["B"] * u[..., None])
            u = self._rest(layer, 2 * (layer["C"] * x).sum(-1).real.to(u.dtype), u)
        return u

    def recurrent(self, inputs: Any) -> Any:
        """Logits of (batch, L, d), token by token."""
        state = self.state(inputs.shape[0])
        total = self.torch.zeros(
            inputs.shape[0], self.shape.width, device=self.device, dtype=self.dtype
        )
        for k in range(inputs.shape[1]):
            total += self.step(inputs[:, k], state)
        return total / inputs.shape[1] @ self.decoder.T

    def spectra(self, length: int) -> list[Any]:
        """Spectra of the kernels over 2L points, one a layer, (L + 1, H)."""
        found = []
        for layer in self.layers:
            powers = (
                layer["A"][None] ** self.torch.arange(length, device=self.device)[:, None, None]
            )
            kernel = 2 * (powers * (layer["B"] * layer["C"])).sum(-1).real
            found.append(self.torch.fft.rfft(kernel, n=2 * length, dim=0))
        return found

    def convolution(self, inputs: Any, spectra: list[Any]) -> Any:
        """Logits of (batch, L, d), each layer over the whole sequence."""
        length = inputs.shape[1]
        u = inputs @ self.encoder.T
        for layer, spectrum in zip(self.layers, spectra, strict=True):
            wide = u if u.dtype == self.torch.float64 else u.float()
            y = self.torch.fft.irfft(
                self.torch.fft.rfft(wide, n=2 * length, dim=1) * spectrum, n=2 * length, dim=1
            )[:, :length]
            u = self._rest(layer, y.to(u.dtype), u)
        return u.mean(1) @ self.decoder.T
