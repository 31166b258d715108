"""Long convolution by FFT with a backward pass of its own.

Autograd through ``rfft`` and ``irfft`` takes full complex transforms and padded copies; written
out, forward and backward need two real transforms each of the batch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class _CircularConvolution(Function):
    """``y[b, h, l] = sum_j k[h, j] u[b, h, l - j mod n]`` for l < L, n = length of k >= 2 L."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, k: Tensor) -> Tensor:
        size = k.shape[-1]
        u_spectrum = torch.fft.rfft(u, n=size)
        k_spectrum = torch.fft.rfft(k)
        ctx.save_for_backward(u_spectrum, k_spectrum)
        ctx.size = size
        y: Tensor = torch.fft.irfft(u_spectrum * k_spectrum, n=size)[..., : u.shape[-1]]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        u_spectrum, k_spectrum = ctx.saved_tensors
        spectrum = torch.fft.rfft(gradient, n=ctx.size)
        to_kernel = (spectrum * u_spectrum.conj()).sum(dim=0)
        to_input = spectrum.mul_(k_spectrum.conj())
        length = gradient.shape[-1]
        return (
            torch.fft.irfft(to_input, n=ctx.size)[..., :length],
            torch.fft.irfft(to_kernel, n=ctx.size),
        )


def convolve(u: Tensor, k: Tensor) -> Tensor:
    """Convolve sequences with circular impulse responses.

    Parameters
    ----------
    u : Tensor (batch, H, L)
    k : Tensor (H, n)
        Responses to an impulse, n >= 2 L; entry n - j acts j steps before its cause.

    Returns
    -------
    Tensor (batch, H, L)
    """
    result: Tensor = _CircularConvolution.apply(u, k)  # type: ignore[no-untyped-call]
    return result
