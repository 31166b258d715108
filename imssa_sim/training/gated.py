"""The end of a block as one differentiable operation: gate, residual sum, norm, rounding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.training.straight_through import slope_of


class Ending(NamedTuple):
    """What scales the end of a block, from codes to codes.

    ``v = value * z * sigmoid(gate * z') + entry * r``; the code is ``gain * (v - mean) / deviation
    + bias``, or ``gain * v + bias`` where ``epsilon`` is None.
    """

    value: Tensor  # ()
    gate: Tensor  # ()
    entry: Tensor  # ()
    gain: Tensor  # (H,)
    bias: Tensor  # (H,)
    epsilon: float | None


class _Gated(Function):
    """Codes from the golden model; the derivative of the real functions."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, r: Tensor, value: Tensor, entry: Tensor, table: Tensor, slope: Tensor,
        gain: Tensor, bias: Tensor, codes: Tensor, epsilon: float, limit: int,
    ) -> Tensor:  # fmt: skip
        ctx.save_for_backward(z, r, value, entry, table, slope, gain, bias)
        ctx.settings = epsilon, limit
        return codes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        from imssa_sim.training.elementwise_kernels import BLOCKS, gated_backward

        z, r, value, entry, table, slope, gain, bias = ctx.saved_tensors
        width = r.shape[-1]
        factors = np.array([float(value), float(entry), *ctx.settings], np.float32)
        to_z, to_r = torch.empty_like(z), torch.empty_like(r)
        to_table = np.zeros((BLOCKS, len(table)))
        to_rest = np.zeros((BLOCKS, 2 * width + 2))
        gated_backward(
            factors, table.numpy(), slope.numpy(), gain.numpy(), bias.numpy(),
            z.view(-1, 2 * width).numpy(), r.view(-1, width).numpy(),
            upstream.contiguous().view(-1, width).numpy(),
            to_z.view(-1, 2 * width).numpy(), to_r.view(-1, width).numpy(), to_table, to_rest,
        )  # fmt: skip
        rest = torch.from_numpy(to_rest.sum(axis=0).astype(np.float32))
        by_table = torch.from_numpy(to_table.sum(axis=0).astype(np.float32))
        by_gain, by_bias = rest[:width], rest[width : 2 * width]
        by_value, by_entry = rest[-2], rest[-1]
        return to_z, to_r, by_value, by_entry, by_table, None, by_gain, by_bias, None, None, None


def gated(
    z: Tensor, r: Tensor, ending: Ending, codes: NDArray[np.int16], limits: tuple[int, int]
) -> Tensor:
    """Return the residual codes (B, L, H) that leave a block.

    Parameters
    ----------
    z : Tensor (B, L, 2H)
        Codes of values, then of gates.
    r : Tensor (B, L, H)
        Residual codes on entry.
    ending : Ending
    codes : int16 array (B, L, H)
        The golden model's result.
    limits : (int, int)
        Largest code of the gates, and of the result.
    """
    gates, limit = limits
    points = torch.arange(-gates, gates + 1, dtype=torch.float32)

    def logistic(at: Tensor) -> Tensor:
        return torch.sigmoid(at * ending.gate)

    held = torch.from_numpy(codes.astype(np.float32))
    epsilon = -1.0 if ending.epsilon is None else ending.epsilon
    result: Tensor = _Gated.apply(  # type: ignore[no-untyped-call]
        z, r, ending.value, ending.entry, logistic(points), slope_of(logistic, points),
        ending.gain, ending.bias, held, epsilon, limit,
    )  # fmt: skip
    return result
