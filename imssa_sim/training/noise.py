"""Gaussian noise in quantisation-aware training, relative to range.

States and kernel outputs get noise before they are rounded, as read noise and converters give it;
weights get one error per batch, as programming gives it. Training on cards' own errors is in
`imssa_sim.training.drawn_chip`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.model.quantised import QuantisedLinear
from imssa_sim.program.operations.recurrence import room_for_states
from imssa_sim.ssm.quantised import QuantisedKernel
from imssa_sim.training.recurrence import Gains, adjoint, run_recording, turn_of
from imssa_sim.training.straight_through import linear_read


@dataclass(frozen=True)
class Noise:
    """Standard deviations.

    Attributes
    ----------
    state, output : float
        Of states and kernel outputs, relative to the largest code. Where states lie in
        accumulators it is their increments that are read: ``state`` is relative to the largest
        increment that a column gives on the batch without noise. Where one state takes all
        channels (S5, LRU), increments and outputs are what B and C give; states are digital.
    weights : float
        Relative to the largest magnitude in the group that shares a scale: Re and Im of a mode's A
        and B, a channel's C, an output's weights in a linear map.
    """

    state: float = 0.0
    output: float = 0.0
    weights: float = 0.0


def disturbed(gains: Gains, sigma: float) -> Gains:
    """Return gains with an error of their own each, drawn by PyTorch's generator."""

    def added(part: Tensor, largest: Tensor) -> Tensor:
        return part + sigma * largest * torch.randn(part.shape)

    def largest(*parts: Tensor, whole_channel: bool = False) -> Tensor:
        found = torch.stack([part.detach().abs() for part in parts]).amax(dim=0)
        return found.amax(dim=-1, keepdim=True) if whole_channel else found

    a, b = largest(gains.a_re, gains.a_im), largest(gains.b_re, gains.b_im)
    c = largest(gains.c_re, gains.c_im, whole_channel=True)
    return Gains(
        added(gains.a_re, a),
        added(gains.a_im, a),
        added(gains.b_re, b),
        added(gains.b_im, b),
        added(gains.c_re, c),
        added(gains.c_im, c),
        added(gains.d, gains.d.detach().abs()),
    )


class _NoisyRecurrence(Function):
    """The recurrence with real-valued weights and noise, rounded to codes each step."""

    @staticmethod
    def forward(
        ctx: Any, u: Tensor, kernel: QuantisedKernel, noise: Noise, *gains: Tensor
    ) -> Tensor:
        limits = np.array([kernel.state_requant.limit, kernel.output_requant.limit])
        states = room_for_states(kernel, *u.shape[:2])
        y = np.empty(u.shape, np.float32)
        weights = torch.stack(gains[:6], dim=1).numpy()
        sigma = (np.array([noise.state, noise.output]) * limits).astype(np.float32)
        seed = int(torch.randint(2**62, ()))
        operands = weights, gains[6].numpy()
        if kernel.form.accumulates:
            from imssa_sim.training.delta_kernels import largest_increments
            from imssa_sim.training.noise_kernels import forward_delta_noisy

            turn = turn_of(kernel)
            largest = np.zeros(turn.shape, np.float32)
            if noise.state:
                largest_increments(turn, run_recording(kernel, u.numpy())[1], largest)
                largest *= np.float32(noise.state)
            forward_delta_noisy(
                *operands, turn, np.append(limits, kernel.drive_limit), kernel.drive_shift,
                kernel.form.feeds_back, largest, sigma[1], seed, u.numpy(), y, states,
            )  # fmt: skip
        else:
            from imssa_sim.training.noise_kernels import forward_noisy

            forward_noisy(*operands, limits, sigma, seed, kernel.form.ahead, u.numpy(), y, states)
        ctx.kernel, ctx.states = kernel, states
        ctx.save_for_backward(u, *gains)
        return torch.from_numpy(y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        u, *gains = ctx.saved_tensors
        to_u, *to_gains = adjoint(ctx.kernel, ctx.states, u, gains, upstream)
        ctx.states = None
        return to_u, None, None, *to_gains


def recur_noisy(
    u: Tensor, kernel: QuantisedKernel, gains: Gains, noise: Noise, reverse: bool = False
) -> Tensor:
    """Return output codes (B, L, H) as `imssa_sim.training.recurrence.recur` does, with noise.

    Raises nothing of its own; without noise the values are those of `recur` but for sums that fall
    on the edge between two codes, as the weights are real numbers here.
    """
    noisy = disturbed(gains, noise.weights) if noise.weights else gains
    source = u.flip(1).contiguous() if reverse else u
    y: Tensor = _NoisyRecurrence.apply(source, kernel, noise, *noisy)  # type: ignore[no-untyped-call]
    if not reverse:
        return y
    y = y.flip(1)
    if not kernel.form.ahead:
        y = torch.cat([y[:, 1:], torch.zeros_like(y[:, :1])], dim=1)
    return y


def linear_noisy(
    codes: Tensor,
    weight: Tensor,
    bias: Tensor,
    linear: QuantisedLinear,
    noise: Noise,
    read: float = 0.0,
    by_column: bool = False,
) -> Tensor:
    """Return the output codes of a linear map whose weights have errors.

    ``read`` is the deviation of noise on what it gives, relative to the largest code; with
    ``by_column``, to the largest that an output gives on the batch.
    """
    held = weight.detach()
    real = held + noise.weights * held.abs().amax(dim=1, keepdim=True) * torch.randn(held.shape)
    exact = codes.detach() @ real.T + bias.detach()
    limit = linear.requant.limit
    if read:
        whole = torch.full(exact.shape[-1:], float(limit))
        largest = exact.abs().flatten(0, -2).amax(dim=0) if by_column else whole
        exact = exact + read * largest * torch.randn(exact.shape)
    found = torch.floor(exact + 0.5).clamp(-limit, limit).numpy().astype(np.int16)
    return linear_read(codes, weight, bias, found, limit, real.numpy()[None])
