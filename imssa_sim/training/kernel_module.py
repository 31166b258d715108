"""State-space models as PyTorch modules: what is the same for all families.

Sequences are (batch, steps, channels), which suits all but the convolution; that one transposes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imssa_sim.errors import InputError
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.training.convolution import convolve


class KernelModule(nn.Module, ABC):
    """State-space models of one layer, one per channel, applied as a convolution.

    A family's module takes its `imssa_sim.ssm.interface.StateSpaceModel` and the discretisation,
    and stands under the family's name in `imssa_sim.training.kernel_modules.MODULES`.
    """

    slow: ClassVar[tuple[str, ...]] = ()
    """Parameters of the recurrence: a rate of their own and no weight decay (the authors' code)."""

    def __init__(self, kernel: Any, discretisation: Discretisation) -> None:
        super().__init__()
        self.discretisation = discretisation
        self.offset: Tensor | None = None

    @abstractmethod
    def discrete(self) -> tuple[Tensor, Tensor]:
        """Return log(A) and B of the discrete recurrence, complex (H, M)."""

    def continuous(self) -> Tensor:
        """Return A in continuous time, complex, without noise.

        Raises
        ------
        InputError
            The family has none.
        """
        raise self._without_A()

    def shifted(self, kernel: Any) -> Any:
        """Return a model of this family with the present noise on its A, as `noisy_A` has it.

        Raises
        ------
        InputError
            The family has no A in continuous time.
        """
        raise self._without_A()

    def _without_A(self) -> InputError:
        name = type(self).__name__.removesuffix("Module")
        return InputError(f"train.noise_A: {name} has no A in continuous time; leave it out")

    @torch.no_grad()
    def draw_noise(self, sigma: float) -> None:
        """Draw noise on the continuous A anew; 0 takes it away.

        As QS4D's authors have it (arXiv 2507.06079, and the first author's code): Gaussian, fresh
        in each forward pass, its deviation relative to max - min of Re A and of Im A over the
        layer. Nothing keeps Re A negative.
        """
        self.offset = None
        if sigma:
            parts = torch.view_as_real(self.continuous())
            spread = parts.flatten(0, -2).amax(dim=0) - parts.flatten(0, -2).amin(dim=0)
            self.offset = torch.view_as_complex(sigma * spread * torch.randn(parts.shape))

    def noisy_A(self) -> Tensor:
        """Return A in continuous time, complex, with the noise that was drawn last."""
        A = self.continuous()
        return A if self.offset is None else A + self.offset

    @abstractmethod
    def output_weights(self) -> tuple[Tensor, ...]:
        """Return C of the causal direction and, where there is one, the anticausal, complex (H, M).

        Each mode stands for a conjugate pair: the factor 2 is not in it.
        """

    @abstractmethod
    def load(self, kernel: Any) -> None:
        """Copy all parameters from a model of the same sizes."""

    def stored(self) -> dict[str, Tensor]:
        """Return the arrays of a checkpoint by their names; here the parameters themselves."""
        return dict(self.state_dict())

    @abstractmethod
    def damp(self, least: float) -> None:
        """Bring modes that decay too slowly to the least damping per step."""

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
        for weights in self.output_weights():
            scaled = 2 * (weights * b)[..., None] * coarse
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


def tensor_of(array: np.ndarray[Any, Any]) -> Tensor:
    """Return an array as a float32 tensor, complex numbers as pairs."""
    if np.iscomplexobj(array):
        array = np.stack([array.real, array.imag], axis=-1)
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


class PairsModule(KernelModule):
    """Conjugate pairs of modes, of which log(-Re A), Im A and C are trained."""

    slow: ClassVar[tuple[str, ...]] = ("log_dt", "log_A_real", "A_imag", "B")
    log_A_real: nn.Parameter
    A_imag: nn.Parameter
    C: nn.Parameter
    C_reverse: nn.Parameter | None

    def continuous(self) -> Tensor:
        """Return A in continuous time, complex (H, M), without noise."""
        return torch.complex(-torch.exp(self.log_A_real), self.A_imag)

    def hold_pruned(self, alive: np.ndarray[Any, Any]) -> None:
        """Keep C of pruned modes where it is, at zero; ``alive`` as C but for its last axis."""
        if alive.all():
            return
        hold(self.C, alive[..., None])
        if self.C_reverse is not None:
            hold(self.C_reverse, alive[..., None])


def parameter_of(array: np.ndarray[Any, Any]) -> nn.Parameter:
    """Return a parameter with the values of an array."""
    return nn.Parameter(tensor_of(array).clone())


def hold(parameter: nn.Parameter, free: np.ndarray[Any, Any]) -> None:
    """Keep the entries that are not ``free`` at zero, where they are: they were pruned."""
    mask = torch.from_numpy(free.astype(np.float32))
    parameter.register_hook(lambda gradient: gradient * mask)  # type: ignore[no-untyped-call]
