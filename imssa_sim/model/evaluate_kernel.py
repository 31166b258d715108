"""Evaluation of S4D kernels on sequences: as convolutions, or step by step.

Sequences are (batch, steps, channels) in double or single precision; the kernels' impulse
responses are computed in double precision in any case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imssa_sim.model.discretise import discretise
from imssa_sim.model.network import ComplexArray, Discretisation, FloatArray, S4DKernel

Mode = Literal["convolution", "recurrent"]
Values = NDArray[np.floating[Any]]
Spectra = NDArray[np.complexfloating[Any, Any]]


def apply_kernel(
    kernel: S4DKernel, u: FloatArray, discretisation: Discretisation, mode: Mode = "convolution"
) -> FloatArray:
    """Return ``y = kernel(u) + D u`` for u (B, L, H), both directions where there are two."""
    if mode == "recurrent":
        y = recur(kernel, u, discretisation)
    else:
        y = convolve(transfer(kernel, u.shape[1], discretisation, u.dtype), u)
    return np.asarray(y + u * kernel.D)


def impulse_responses(
    kernel: S4DKernel, length: int, discretisation: Discretisation
) -> tuple[FloatArray, FloatArray | None]:
    """Return ``K[l] = 2 Re sum_n C_n B_n A_n^l``, (H, length), causal and anticausal.

    With l = q s + r the powers factor, and K is a product of two small Vandermonde matrices.
    """
    a, b = discretise(kernel, discretisation)
    block = int(np.ceil(np.sqrt(length)))
    count = -(-length // block)
    fine = a[..., None] ** np.arange(block)
    coarse = (a**block)[..., None] ** np.arange(count)

    def response(weights: ComplexArray) -> FloatArray:
        scaled = 2 * (weights * b)[..., None] * coarse
        product = np.matmul(scaled.swapaxes(1, 2), fine).real
        return np.ascontiguousarray(product.reshape(kernel.channels, -1)[:, :length])

    reverse = None if kernel.C_reverse is None else response(kernel.C_reverse)
    return response(kernel.C), reverse


def transfer(kernel: S4DKernel, length: int, discretisation: Discretisation, dtype: Any) -> Spectra:
    """Return the spectra (size // 2 + 1, H) of the impulse responses, for sequences of a length.

    Of the real type ``dtype``; padded to a ``size`` at which a circular convolution is a linear
    one.
    """
    from scipy import fft

    size = _padded(length)
    causal, anticausal = impulse_responses(kernel, length, discretisation)
    response = np.zeros((kernel.channels, size))
    response[:, :length] = causal
    if anticausal is not None:
        response[:, size - length :] += anticausal[:, ::-1]
    complex_type = np.result_type(dtype, np.complex64)
    return np.ascontiguousarray(fft.rfft(response).T.astype(complex_type))


def _padded(length: int) -> int:
    from scipy import fft

    return int(fft.next_fast_len(2 * length, real=True))


def convolve(spectra: Spectra, u: Values) -> Values:
    """Return the convolution of u (B, L, H) with the kernels whose `transfer` is given."""
    from scipy import fft

    length = u.shape[1]
    size = _padded(length)
    product = fft.rfft(u, n=size, axis=1)
    product *= spectra
    y: Values = fft.irfft(product, n=size, axis=1, overwrite_x=True)[:, :length]
    return y


def recur(kernel: S4DKernel, u: Values, discretisation: Discretisation) -> Values:
    """Return the outputs (B, L, H) of the recurrence for inputs u, both directions added."""
    y = np.empty_like(u)
    for channel, x in iterate_states(kernel, u, discretisation):
        y[:, :, channel] = 2 * (x @ kernel.C[channel]).real
    if kernel.C_reverse is not None:
        for channel, x in iterate_states(kernel, u, discretisation, reverse=True):
            y[:, :-1, channel] += 2 * (x[:, 1:] @ kernel.C_reverse[channel]).real
    return y


def iterate_states(
    kernel: S4DKernel,
    u: Values,
    discretisation: Discretisation,
    reverse: bool = False,
) -> Iterator[tuple[int, ComplexArray]]:
    """Run the recurrence ``x_k = A x_(k-1) + B u_k`` and yield the states channel by channel.

    Parameters
    ----------
    kernel : S4DKernel
    u : array (B, L, H)
        Inputs of the kernel.
    discretisation : {"zoh", "bilinear"}
    reverse : bool
        Run from the last step to the first, as the anticausal direction does; its output at step
        l belongs to the state at step l + 1.

    Yields
    ------
    channel : int
    states : complex array (B, L, M)
        State after each step, at the index of the step. The next channel overwrites it.
    """
    batch, length, channels = u.shape
    a, b = discretise(kernel, discretisation)
    states = np.empty((length, batch, kernel.modes), dtype=np.complex128)
    carried = np.empty((batch, kernel.modes), dtype=np.complex128)
    steps = range(length - 1, -1, -1) if reverse else range(length)
    for channel in range(channels):
        np.multiply(u[:, :, channel].T[..., None], b[channel], out=states)
        previous: NDArray[np.complex128] | None = None
        for step in steps:
            current = states[step]
            if previous is not None:
                np.multiply(previous, a[channel], out=carried)
                np.add(current, carried, out=current)
            previous = current
        yield channel, states.swapaxes(0, 1)


def state_peaks(
    kernel: S4DKernel, u: FloatArray, discretisation: Discretisation, reverse: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return the largest ``|Re x|`` and ``|Im x|`` of each mode over batch and steps, (H, M)."""
    real = np.zeros((kernel.channels, kernel.modes))
    imaginary = np.zeros_like(real)
    for channel, x in iterate_states(kernel, u, discretisation, reverse):
        real[channel] = np.abs(x.real).max(axis=(0, 1))
        imaginary[channel] = np.abs(x.imag).max(axis=(0, 1))
    return real, imaginary
