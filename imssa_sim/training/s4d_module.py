"""S4D kernels as a PyTorch module, with the parameter names of the reference implementation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.s4block.kernel import BlockKernel
from imssa_sim.ssm.s4d.kernel import S4DKernel
from imssa_sim.training.kernel_module import PairsModule, parameter_of, tensor_of


class S4DModule(PairsModule):
    """Diagonal state-space kernels of one layer.

    Parameters
    ----------
    kernel : S4DKernel
        Initial values. ``B``, where given, is trained; where absent it stays one.
    discretisation : {"zoh", "bilinear"}
    """

    def __init__(self, kernel: S4DKernel, discretisation: Discretisation) -> None:
        super().__init__(kernel, discretisation)
        self.log_dt = parameter_of(kernel.log_dt)
        self.log_A_real = parameter_of(kernel.log_A_real)
        self.A_imag = parameter_of(kernel.A_imag)
        self.C = parameter_of(kernel.C)
        self.B = None if kernel.B is None else parameter_of(kernel.B)
        self.C_reverse = None if kernel.C_reverse is None else parameter_of(kernel.C_reverse)
        self.hold_pruned(kernel.alive)

    def shifted(self, kernel: S4DKernel) -> BlockKernel:
        """Return kernels with the present noise on their A, whose real part may be positive."""
        assert self.offset is not None
        return BlockKernel(
            A=kernel.A + self.offset.numpy(),
            B=kernel.input_weights,
            dt=np.repeat(kernel.dt[:, None], kernel.modes, axis=1),
            C=kernel.C,
            D=kernel.D,
            C_reverse=kernel.C_reverse,
        )

    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) and B of the discrete recurrence, complex (H, M)."""
        A = self.noisy_A()
        step = A * torch.exp(self.log_dt)[:, None]
        if self.discretisation == "bilinear":
            log_a = torch.log((1 + step / 2) / (1 - step / 2))
            b = torch.exp(self.log_dt)[:, None] / (1 - step / 2)
        else:
            log_a = step
            b = (torch.exp(step) - 1) / A
        return log_a, b if self.B is None else b * torch.view_as_complex(self.B)

    def output_weights(self) -> tuple[Tensor, ...]:
        """Return C of the causal direction and, where there is one, the anticausal."""
        found = (self.C,) if self.C_reverse is None else (self.C, self.C_reverse)
        return tuple(map(torch.view_as_complex, found))

    @torch.no_grad()
    def load(self, kernel: S4DKernel) -> None:
        """Copy all parameters from kernels of the same sizes."""
        self.log_dt.copy_(tensor_of(kernel.log_dt))
        self.log_A_real.copy_(tensor_of(kernel.log_A_real))
        self.A_imag.copy_(tensor_of(kernel.A_imag))
        self.C.copy_(tensor_of(kernel.C))
        if self.B is not None:
            self.B.copy_(tensor_of(kernel.input_weights))
        if self.C_reverse is not None and kernel.C_reverse is not None:
            self.C_reverse.copy_(tensor_of(kernel.C_reverse))

    @torch.no_grad()
    def damp(self, least: float) -> None:
        """Bring modes that decay too slowly to the least damping per step."""
        floor = math.log(least) - self.log_dt[:, None]
        self.log_A_real.copy_(torch.maximum(self.log_A_real, floor))
