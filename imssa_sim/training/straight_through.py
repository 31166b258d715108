"""Straight-through operations: values from integers, derivatives from the real functions.

Everything is in code units, float32 tensors that hold integers. Where a code depends on a scale s,
``code = round(v / s)``, and the next block multiplies by s again, the derivative by s that follows
is that of LSQ (Esser et al., "Learned step size quantization", ICLR 2020, eq. 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from imssa_sim.model.quantised import QuantisedLinear
from imssa_sim.program.operations.linear_map import linear_accumulate
from imssa_sim.quantisation.requantiser import requantiser_scale

Codes = NDArray[np.int16]


def codes_of(tensor: Tensor) -> Codes:
    """Return the integers that a tensor holds, int16."""
    return np.asarray(tensor.detach().numpy().astype(np.int16))


class _Rounded(Function):
    """Integer codes in place of real values; the derivative is one where nothing clips."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, codes: Tensor, limit: int) -> Tensor:
        ctx.save_for_backward(exact.abs() <= limit + 0.5)
        return codes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (inside,) = ctx.saved_tensors
        return upstream * inside, None, None


def rounded(exact: Tensor, codes: Codes, limit: int) -> Tensor:
    """Return integer codes, with the derivative of the real values that they stand for.

    Parameters
    ----------
    exact : Tensor
        What the codes approximate, before rounding and clipping.
    codes : int16 array
        Of the same shape.
    limit : int
        Largest code; beyond ``limit + 1/2`` a value is clipped, and the derivative is zero.
    """
    held = torch.from_numpy(codes.astype(np.float32))
    result: Tensor = _Rounded.apply(exact, held, limit)  # type: ignore[no-untyped-call]
    return result


def held_at(exact: Tensor, value: NDArray[Any]) -> Tensor:
    """Return ``value`` with the derivative of ``exact``: weights and their quantised form."""
    fixed = torch.from_numpy(np.asarray(value, dtype=np.float32))
    return exact + (fixed - exact.detach())


class _LookUp(Function):
    """Codes from a table of codes; derivatives of the function that the table rounds."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, exact: Tensor, slope: Tensor, table: Tensor) -> Tensor:
        from imssa_sim.training.elementwise_kernels import look_up

        ctx.save_for_backward(codes, slope)
        out = torch.empty_like(codes)
        look_up(table.numpy(), codes.view(-1).numpy(), out.view(-1).numpy())
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        from imssa_sim.training.elementwise_kernels import BLOCKS, look_up_backward

        codes, slope = ctx.saved_tensors
        to_codes = torch.empty_like(codes)
        to_table = np.zeros((BLOCKS, len(slope)))
        flat = upstream.contiguous().view(-1).numpy()
        look_up_backward(
            slope.numpy(), codes.view(-1).numpy(), flat, to_codes.view(-1).numpy(), to_table
        )
        return to_codes, torch.from_numpy(to_table.sum(axis=0).astype(np.float32)), None, None


def slope_of(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the derivative of an elementwise function at ``points``."""
    with torch.enable_grad():
        at = points.clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(at).sum(), at)
    return slope


def tabulated(
    codes: Tensor, function: Callable[[Tensor], Tensor], table: NDArray[Any], limit: int
) -> Tensor:
    """Return ``table[codes]``, with the derivative of the function that the table rounds.

    Parameters
    ----------
    codes : Tensor
        Integers of magnitude up to n.
    function : callable
        From codes to real values in output codes, elementwise; may depend on parameters.
    table : integer array (2 * n + 1,)
        Output codes from code -n on.
    limit : int
        Largest output code; beyond ``limit + 1/2`` a value is clipped, its derivative zero.
    """
    reach = (len(table) - 1) // 2
    points = torch.arange(-reach, reach + 1, dtype=torch.float32)
    exact = function(points)
    inside = exact.detach().abs() <= limit + 0.5
    values = torch.from_numpy(table.astype(np.float32))
    result: Tensor = _LookUp.apply(  # type: ignore[no-untyped-call]
        codes, exact * inside, slope_of(function, points) * inside, values
    )
    return result


class _Linear(Function):
    """A linear map of codes by integers; one product forward, two backward."""

    @staticmethod
    def forward(
        ctx: Any, codes: Tensor, weight: Tensor, bias: Tensor, linear: QuantisedLinear
    ) -> Tensor:
        from imssa_sim.kernels.digital import requantise_rows

        sums = linear_accumulate(linear, codes.numpy())
        columns = sums.shape[1]
        scale = np.array(np.broadcast_to(requantiser_scale(linear.requant), (columns,)))
        out = np.empty(sums.shape, np.float32)
        limit = linear.requant.limit
        requantise_rows(sums, linear.bias, scale, limit, out, np.zeros(len(out), np.int64))
        ctx.save_for_backward(codes, weight, bias)
        ctx.settings = sums, scale.astype(np.float32), limit
        return torch.from_numpy(out).view(*codes.shape[:-1], columns)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        from imssa_sim.training.elementwise_kernels import mask_clipped

        codes, weight, bias = ctx.saved_tensors
        sums, scale, limit = ctx.settings
        passed = torch.empty(sums.shape)
        flat = upstream.reshape(sums.shape).contiguous().numpy()
        mask_clipped(sums, scale, bias.numpy(), limit, flat, passed.numpy())
        ctx.settings = None
        return *_linear_gradients(codes, weight, passed), None


class _ReadLinear(Function):
    """A linear map whose codes came from a chip, differentiated at the weights it really holds."""

    @staticmethod
    def forward(
        ctx: Any, codes: Tensor, weight: Tensor, bias: Tensor, read: Codes, limit: int, real: Tensor
    ) -> Tensor:
        out = torch.from_numpy(read.astype(np.float32))
        ctx.save_for_backward(codes, real, (out.abs() < limit).flatten(0, -2))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:
        codes, real, inside = ctx.saved_tensors
        passed = upstream.reshape(inside.shape) * inside
        to_codes, *rest = _linear_gradients(codes, real[0], passed)
        if len(real) > 1:
            below = (passed @ real[1]).view(codes.shape)
            to_codes = torch.where(codes < 0, below, to_codes)
        return to_codes, *rest, None, None, None


def _linear_gradients(
    codes: Tensor, weight: Tensor, passed: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    to_codes = (passed @ weight).view(codes.shape)
    return to_codes, passed.T @ codes.reshape(-1, codes.shape[-1]), passed.sum(dim=0)


def linear_codes(codes: Tensor, weight: Tensor, bias: Tensor, linear: QuantisedLinear) -> Tensor:
    """Return the output codes (..., out) of a quantised linear map.

    Parameters
    ----------
    codes : Tensor (..., in)
    weight, bias : Tensor (out, in), (out,)
        Gains from code to code and offset in output codes, for the derivatives.
    linear : QuantisedLinear
        Its integers decide the values.
    """
    result: Tensor = _Linear.apply(codes, weight, bias, linear)  # type: ignore[no-untyped-call]
    return result


def linear_read(
    codes: Tensor, weight: Tensor, bias: Tensor, read: Codes, limit: int, real: NDArray[Any]
) -> Tensor:
    """Return codes (..., out) that a chip gave, as a function of the weights it was meant to hold.

    Parameters
    ----------
    codes, weight, bias
        As for `linear_codes`.
    read : int16 array (..., out)
    limit : int
        Largest code of the output; there, a value counts as clipped.
    real : array (K, out, in)
        Gains from code to code that the programmed cells have; of two, the second is that of codes
        below zero.
    """
    held = torch.from_numpy(np.asarray(real, dtype=np.float32))
    result: Tensor = _ReadLinear.apply(codes, weight, bias, read, limit, held)  # type: ignore[no-untyped-call]
    return result
