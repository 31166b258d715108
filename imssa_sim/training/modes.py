"""Modes of one state that all channels share (S5, LRU), as a differentiable operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.program.operations.modes import modes_digital
from imssa_sim.training.straight_through import codes_of, held_at

if TYPE_CHECKING:
    from imssa_sim.model.quantised import QuantisedModes


class ModeGains(NamedTuple):
    """Gains from code to code, float32: of the state matrix less one, and of increments."""

    a_re: Tensor  # (P,)
    a_im: Tensor  # (P,)
    b: Tensor  # (P,)


def mode_gains(modes: QuantisedModes, log_a: Tensor, ratio: Tensor) -> ModeGains:
    """Return the gains of modes, quantised in value, differentiable in the parameters.

    Parameters
    ----------
    modes : QuantisedModes
    log_a : Tensor (P,)
        Logarithm of the discrete state matrix, complex.
    ratio : Tensor (P,)
        An increment's unit in units of the states.
    """
    beyond = torch.exp(log_a) - 1
    parts = (modes.a_re * modes.gain, modes.a_im * modes.gain, modes.input_gain)
    values = (np.ldexp(part.astype(np.float64), -modes.shift) for part in parts)
    exact = beyond.real, beyond.imag, ratio
    return ModeGains(*(held_at(e, v) for e, v in zip(exact, values, strict=True)))


class _Modes(Function):
    """The golden recurrence forward, its straight-through adjoint backward."""

    @staticmethod
    def forward(
        ctx: Any, v: Tensor, modes: QuantisedModes, reverse: bool, *gains: Tensor
    ) -> Tensor:
        sums = np.empty(v.shape, np.int64)
        out, _ = modes_digital(modes, codes_of(v), reverse, sums)
        ctx.settings = modes, reverse, sums
        ctx.save_for_backward(v, *gains)
        return torch.from_numpy(out.astype(np.float32))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        from imssa_sim.training.mode_kernels import modes_backward

        v, *gains = ctx.saved_tensors
        modes, reverse, sums = ctx.settings
        to_v = np.empty(v.shape, np.float32)
        to_gains = np.zeros((len(v), 3, v.shape[2] // 2))
        limits = np.array([modes.limit, modes.drive_limit, modes.bits - modes.drive_bits])
        modes_backward(
            torch.stack(gains).double().numpy(), limits, reverse, v.contiguous().numpy(), sums,
            upstream.contiguous().numpy(), to_v, to_gains,
        )  # fmt: skip
        ctx.settings = None
        found = torch.from_numpy(to_gains.sum(axis=0).astype(np.float32))
        return torch.from_numpy(to_v), None, None, *found


def run_modes(v: Tensor, modes: QuantisedModes, gains: ModeGains, reverse: bool) -> Tensor:
    """Return the codes (B, L, 2 P) that leave modes, differentiable in increments and gains.

    Parameters
    ----------
    v : Tensor (B, L, 2 P)
        Increments, float32 that holds integers, real parts first.
    modes : QuantisedModes
        Its integers decide the values.
    gains : ModeGains
        They decide the derivatives.
    reverse : bool
        From the last step to the first.
    """
    result: Tensor = _Modes.apply(v, modes, reverse, *gains)  # type: ignore[no-untyped-call]
    return result
