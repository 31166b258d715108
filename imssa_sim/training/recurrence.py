"""The quantised recurrence as a differentiable operation of PyTorch, in code units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.program.operations.recurrence import room_for_states, run_steps
from imssa_sim.quantisation.requantiser import requantiser_scale
from imssa_sim.ssm.quantised import QuantisedKernel


class Gains(NamedTuple):
    """Weights of a kernel as gains from code to code, float32.

    ``a`` and ``b`` give the next state, or what it changes by where states lie in accumulators;
    ``c`` and ``d`` the output. There ``a`` and ``c`` are gains from the codes that states drive
    with. Signs and the factor 2 of 2·Re(C x) are in ``c``.
    """

    a_re: Tensor  # (H, M)
    a_im: Tensor  # (H, M)
    b_re: Tensor  # (H, M)
    b_im: Tensor  # (H, M)
    c_re: Tensor  # (H, M)
    c_im: Tensor  # (H, M)
    d: Tensor  # (H,)


def gains_of(kernel: QuantisedKernel) -> tuple[NDArray[np.float64], ...]:
    """Return the gains that the integers of a kernel stand for, in the order of `Gains`."""
    weights, feedthrough = kernel.in_column_units()
    state = requantiser_scale(kernel.state_requant)
    output, through = kernel.output_scales().T
    fed = output if kernel.form.ahead else through
    a_re, a_im, b_re, b_im, c_re, c_im = weights.swapaxes(0, 1)
    return (
        a_re * state,
        a_im * state,
        b_re * state,
        b_im * state,
        c_re * output[:, None],
        c_im * output[:, None],
        feedthrough * fed,
    )


def turn_of(kernel: QuantisedKernel) -> NDArray[np.float32]:
    """Return real and imaginary parts (H, 2, M) of the quarter turns that states make."""
    centre = kernel.centre
    return np.stack([centre.real, centre.imag], axis=1).astype(np.float32)


def run_recording(
    kernel: QuantisedKernel, u: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Run a kernel from the first step to the last and keep its states.

    Parameters
    ----------
    kernel : QuantisedKernel
    u : float32 array (B, L, H)
        Input codes.

    Returns
    -------
    y : float32 array (B, L, H)
        Output codes, as the golden model's, for a causal kernel.
    states : int8 or int16 array (B / 16, H, L, M, 2, 16)
        Codes after each step, real parts first, of 16 sequences side by side.
    """
    states = room_for_states(kernel, *u.shape[:2])
    y = np.empty_like(u)
    run_steps(kernel, np.ascontiguousarray(u), y, kept=states)
    return y, states


class _Recurrence(Function):
    """The golden recurrence forward, its straight-through adjoint backward."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, kernel: QuantisedKernel, *gains: Tensor) -> Tensor:
        y, states = run_recording(kernel, u.numpy())
        ctx.kernel, ctx.states = kernel, states
        ctx.save_for_backward(u, *gains)
        return torch.from_numpy(y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        u, *gains = ctx.saved_tensors
        to_u, *to_gains = adjoint(ctx.kernel, ctx.states, u, gains, upstream)
        ctx.states = None
        return to_u, None, *to_gains


def adjoint(
    kernel: QuantisedKernel, states: NDArray[Any], u: Tensor, gains: list[Tensor], upstream: Tensor
) -> tuple[Tensor, ...]:
    """Return the derivatives by u and by each of the gains, of a run that kept its states.

    Parameters
    ----------
    kernel : QuantisedKernel
        Its form and limits.
    states : array (B / 16, H, L, M, 2, 16)
    u, upstream : Tensor (B, L, H)
        Input codes, and derivatives by the output codes.
    gains : list of Tensor
        In the order of `Gains`.
    """
    weights = torch.stack(gains[:6], dim=1).numpy()
    to_u = np.empty(u.shape, np.float32)
    by_group = np.zeros((len(states), kernel.channels, 6 * kernel.modes + 1))
    limits = np.array([kernel.state_requant.limit, kernel.output_requant.limit])
    operands = weights, gains[6].numpy()
    given = upstream.contiguous().numpy()
    if kernel.form.accumulates:
        from imssa_sim.training.delta_kernels import backward as through_increments
        from imssa_sim.training.delta_kernels import find_drives

        largest, below = kernel.drive_limit, kernel.drive_shift
        drives = np.empty(states.shape, np.int8 if largest < 127 else np.int16)
        find_drives(states, below, largest, kernel.form.feeds_back, drives)
        limits = np.append(limits, largest)
        through_increments(
            *operands,
            turn_of(kernel),
            limits,
            below,
            u.numpy(),
            states,
            drives,
            given,
            to_u,
            by_group,
        )
    else:
        from imssa_sim.training.adjoint_kernels import backward

        backward(*operands, limits, kernel.form.ahead, u.numpy(), states, given, to_u, by_group)
    found = by_group.sum(axis=0)
    parts = found[:, :-1].reshape(kernel.channels, 6, kernel.modes).astype(np.float32)
    to_gains = [torch.from_numpy(np.ascontiguousarray(parts[:, i])) for i in range(6)]
    to_d = torch.from_numpy(found[:, -1].astype(np.float32))
    return (torch.from_numpy(to_u), *to_gains, to_d)


def recur(u: Tensor, kernel: QuantisedKernel, gains: Gains, reverse: bool = False) -> Tensor:
    """Return the output codes (B, L, H) of a kernel, differentiable in u and the gains.

    Parameters
    ----------
    u : Tensor (B, L, H)
        Input codes, float32 that holds integers.
    kernel : QuantisedKernel
        Its integers decide the values.
    gains : Gains
        The values of `gains_of`; they decide the derivatives.
    reverse : bool
        Run from the last step to the first, with the golden model's conventions.
    """
    if not reverse:
        result: Tensor = _Recurrence.apply(u, kernel, *gains)  # type: ignore[no-untyped-call]
        return result
    y: Tensor = _Recurrence.apply(u.flip(1).contiguous(), kernel, *gains)  # type: ignore[no-untyped-call]
    y = y.flip(1)
    if not kernel.form.ahead:
        y = torch.cat([y[:, 1:], torch.zeros_like(y[:, :1])], dim=1)
    return y
