"""S5's models and linear recurrent units as PyTorch modules: one state for all channels."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from imssa_sim.ssm.dense import DenseModel
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.lru.model import LRUModel
from imssa_sim.ssm.s5.model import S5Model
from imssa_sim.training.kernel_module import KernelModule, parameter_of, tensor_of


class DenseModule(KernelModule):
    """One state of a layer: increments by B, a convolution of each mode, outputs by C.

    Parameters
    ----------
    kernel : DenseModel
        Initial values.
    discretisation : {"zoh", "bilinear"}
    """

    own: ClassVar[tuple[str, ...]]

    def __init__(self, kernel: Any, discretisation: Discretisation) -> None:
        super().__init__(kernel, discretisation)
        for name in self._names(kernel):
            self.register_parameter(name, parameter_of(getattr(kernel, name)))

    def _names(self, kernel: DenseModel) -> tuple[str, ...]:
        return (*self.own, "B", "C", *(("C_reverse",) if kernel.C_reverse is not None else ()))

    def _complex(self, name: str) -> Tensor:
        return torch.view_as_complex(self.get_parameter(name))

    @abstractmethod
    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) (P,) and B (P, H) of the discrete recurrence, complex."""

    def output_weights(self) -> tuple[Tensor, ...]:
        """Return C (H, P) of each direction, complex; the factor 2 of pairs is in it."""
        names = [name for name in ("C", "C_reverse") if name in self._parameters]
        return tuple(self._complex(name) for name in names)

    def forward(self, u: Tensor) -> Tensor:
        """Return the outputs (batch, L, H) of u (batch, L, H), D u left out."""
        length = u.shape[1]
        log_a, b = self.discrete()
        response = torch.exp(log_a * torch.arange(length)[:, None])
        spectrum = torch.fft.fft(response, 2 * length, dim=0)
        v = torch.complex(u @ b.real.mT, u @ b.imag.mT)
        y = torch.zeros_like(u)
        for number, c in enumerate(self.output_weights()):
            along = v.flip(1) if number else v
            x = torch.fft.ifft(torch.fft.fft(along, 2 * length, dim=1) * spectrum, dim=1)
            x = x[:, :length]
            x = x.flip(1) if number else x
            y = y + x.real @ c.real.mT - x.imag @ c.imag.mT
        return y

    @torch.no_grad()
    def load(self, kernel: Any) -> None:
        """Copy all parameters from a model of the same sizes."""
        for name in self._names(kernel):
            self.get_parameter(name).copy_(tensor_of(getattr(kernel, name)))


class S5Module(DenseModule):
    """S5's model: Λ and a time step for each mode."""

    own: ClassVar[tuple[str, ...]] = S5Model.own
    slow: ClassVar[tuple[str, ...]] = (*S5Model.own, "B")

    def continuous(self) -> Tensor:
        """Return Λ, complex (P,), without noise."""
        return torch.complex(self.get_parameter("Lambda_re"), self.get_parameter("Lambda_im"))

    def shifted(self, kernel: S5Model) -> S5Model:
        """Return a model with the present noise on its Λ."""
        assert self.offset is not None
        offset = self.offset.numpy()
        re, im = kernel.Lambda_re + offset.real, kernel.Lambda_im + offset.imag
        return replace(kernel, Lambda_re=re, Lambda_im=im)

    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) (P,) and B (P, H) of the discrete recurrence, complex."""
        A = self.noisy_A()
        dt = torch.exp(self.get_parameter("log_step"))
        step = A * dt
        if self.discretisation == "bilinear":
            log_a = torch.log((1 + step / 2) / (1 - step / 2))
            factor = dt / (1 - step / 2)
        else:
            log_a, factor = step, (torch.exp(step) - 1) / A
        return log_a, factor[:, None] * self._complex("B")

    @torch.no_grad()
    def damp(self, least: float) -> None:
        """Bring modes that decay too slowly to the least damping per step."""
        real = self.get_parameter("Lambda_re")
        real.copy_(torch.minimum(real, -least / torch.exp(self.get_parameter("log_step"))))


class LRUModule(DenseModule):
    """A linear recurrent unit: decay, angle and gain of each mode."""

    own: ClassVar[tuple[str, ...]] = LRUModel.own
    slow: ClassVar[tuple[str, ...]] = (*LRUModel.own, "B")

    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) (P,) and B (P, H) of the recurrence, complex."""
        nu, theta, gain = (torch.exp(self.get_parameter(name)) for name in self.own)
        return torch.complex(-nu, theta), gain[:, None] * self._complex("B")

    @torch.no_grad()
    def damp(self, least: float) -> None:
        """Bring modes that decay too slowly to the least damping per step."""
        nu = self.get_parameter("nu_log")
        nu.clamp_(min=math.log(least))
