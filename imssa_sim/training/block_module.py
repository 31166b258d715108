"""The S4 authors' diagonal kernels as a PyTorch module."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from imssa_sim.errors import InputError
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.s4block.kernel import BlockKernel
from imssa_sim.training.kernel_module import PairsModule, parameter_of, tensor_of


class BlockModule(PairsModule):
    """Kernels with A, B and time steps of every mode, one or several output weights on each.

    What a checkpoint holds resolved is trained as its logarithm: Re A stays negative, and time
    steps positive.

    Parameters
    ----------
    kernel : BlockKernel
        Initial values.
    discretisation : {"zoh", "bilinear"}

    Raises
    ------
    InputError
        Real modes, DSS, a mode that does not decay, or a time step that is not positive.
    """

    def __init__(self, kernel: BlockKernel, discretisation: Discretisation) -> None:
        super().__init__(kernel, discretisation)
        _check(kernel, discretisation)
        self.copies = len(kernel.C) // len(kernel.A)
        self.log_dt = parameter_of(np.log(kernel.dt))
        self.log_A_real = parameter_of(np.log(-kernel.A.real))
        self.A_imag = parameter_of(kernel.A.imag)
        self.B, self.C = parameter_of(kernel.B), parameter_of(kernel.C)
        self.C_reverse = None if kernel.C_reverse is None else parameter_of(kernel.C_reverse)
        self.hold_pruned(kernel.alive)

    def shifted(self, kernel: BlockKernel) -> BlockKernel:
        """Return kernels with the present noise on their A."""
        assert self.offset is not None
        return replace(kernel, A=kernel.A + self.offset.numpy())

    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) and B of the discrete recurrence, complex (copies * H, M)."""
        A, dt = self.noisy_A(), torch.exp(self.log_dt)
        step = A * dt
        if self.discretisation == "bilinear":
            log_a, b = torch.log((1 + step / 2) / (1 - step / 2)), dt / (1 - step / 2)
        else:
            log_a, b = step, (torch.exp(step) - 1) / A
        b = b * torch.view_as_complex(self.B)
        return log_a.repeat(self.copies, 1), b.repeat(self.copies, 1)

    def output_weights(self) -> tuple[Tensor, ...]:
        """Return C of the causal direction and, where there is one, the anticausal."""
        found = (self.C,) if self.C_reverse is None else (self.C, self.C_reverse)
        return tuple(map(torch.view_as_complex, found))

    def stored(self) -> dict[str, Tensor]:
        """Return A, B, time steps and C as a checkpoint holds them."""
        found = dict(self.state_dict())
        real, imag = -torch.exp(found.pop("log_A_real")), found.pop("A_imag")
        dt = torch.exp(found.pop("log_dt"))
        return found | {"A": torch.stack([real, imag], dim=-1), "dt": dt}

    @torch.no_grad()
    def load(self, kernel: BlockKernel) -> None:
        """Copy all parameters from kernels of the same sizes."""
        self.log_dt.copy_(tensor_of(np.log(kernel.dt)))
        self.log_A_real.copy_(tensor_of(np.log(-kernel.A.real)))
        self.A_imag.copy_(tensor_of(kernel.A.imag))
        self.B.copy_(tensor_of(kernel.B))
        self.C.copy_(tensor_of(kernel.C))
        if self.C_reverse is not None and kernel.C_reverse is not None:
            self.C_reverse.copy_(tensor_of(kernel.C_reverse))

    @torch.no_grad()
    def damp(self, least: float) -> None:
        """Bring modes that decay too slowly to the least damping per step."""
        self.log_A_real.copy_(torch.maximum(self.log_A_real, math.log(least) - self.log_dt))


def _check(kernel: BlockKernel, discretisation: str) -> None:
    """Refuse kernels that cannot be trained.

    Raises
    ------
    InputError
        As `BlockModule` says.
    """
    if kernel.real_modes:
        raise InputError("model.family: s4block with real modes is not trained; its networks run")
    if discretisation == "dss":
        raise InputError(
            "model.discretisation: dss depends on the length of the sequences and is not trained; "
            "give zoh or bilinear"
        )
    if (kernel.A.real >= 0).any():
        raise InputError("model.checkpoint: a mode does not decay (Re A is not negative)")
    if (kernel.dt <= 0).any():
        raise InputError("model.checkpoint: a time step is not positive")
