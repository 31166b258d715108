"""Float inference of an S4D network, by convolution or step by step.

Both modes compute the same function in float64. Convolution is fast and serves as the accuracy
reference; the recurrence is what hardware runs. Sequences are (batch, steps, channels).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from imssa_sim.errors import InputError
from imssa_sim.model.discretise import discretise
from imssa_sim.model.network import (
    ComplexArray,
    Discretisation,
    FloatArray,
    Layer,
    Network,
    Norm,
    S4DKernel,
)

Mode = Literal["convolution", "recurrent"]
Capture = Callable[[str, FloatArray], None]

_CHUNK_ELEMENTS = 2**18
"""Values of one activation array held at a time: 2 MiB, so that a chunk stays in the cache."""


def forward(
    network: Network,
    inputs: ArrayLike,
    mode: Mode = "convolution",
    capture: Capture | None = None,
) -> FloatArray:
    """Return the logits of a network.

    Parameters
    ----------
    network : Network
    inputs : array (B, L, d_in)
    mode : {"convolution", "recurrent"}
        How the kernels are evaluated.
    capture : callable or None
        Called as ``capture(name, array)`` once per chunk of the batch, in the order of the batch,
        with ``input`` (b, L, d_in), then for each layer i ``layer{i}.residual`` (the stream on
        entry), ``layer{i}.kernel_input`` (after the norm with norm position "pre"),
        ``layer{i}.kernel_output`` (with D u, before GELU), ``layer{i}.gelu``,
        ``layer{i}.linear`` (b, L, 2H), ``layer{i}.glu``, ``layer{i}.sum`` (residual sum before
        the norm), each (b, L, H) where not said otherwise, and at last ``pooled`` (b, H). The
        arrays must not be kept or changed without copying.

    Returns
    -------
    array (B, K)

    Raises
    ------
    InputError
        The inputs have another shape than the network takes, hold no step, or the mode is unknown.
    """
    x = np.asarray(inputs)
    if x.ndim != 3 or x.shape[2] != network.inputs or x.shape[1] == 0:
        raise InputError(
            f"the network takes sequences of shape (batch, steps, {network.inputs}) with at least "
            f"one step; found {x.shape}"
        )
    if mode not in ("convolution", "recurrent"):
        raise InputError(f"unknown mode '{mode}' (one of convolution, recurrent)")
    chunk = max(1, _CHUNK_ELEMENTS // (x.shape[1] * network.width))

    def logits(start: int) -> FloatArray:
        part = x[start : start + chunk].astype(np.float64)
        return _forward_chunk(network, part, mode, capture)

    starts = range(0, x.shape[0], chunk)
    # A capture hears of the chunks in their order, so they run one after another then.
    workers = 1 if capture is not None else (os.cpu_count() or 1)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(logits, starts))
    return np.concatenate(parts) if parts else np.zeros((0, network.classes))


def accuracy(
    network: Network, inputs: ArrayLike, labels: ArrayLike, mode: Mode = "convolution"
) -> float:
    """Return the fraction of sequences whose largest logit is at their label."""
    predicted = forward(network, inputs, mode).argmax(axis=1)
    return float(np.mean(predicted == np.asarray(labels)))


def _forward_chunk(
    network: Network, x: FloatArray, mode: Mode, capture: Capture | None
) -> FloatArray:
    note: Capture = capture if capture is not None else lambda name, array: None
    note("input", x)
    r = x @ network.encoder_weight.T + network.encoder_bias
    for i, layer in enumerate(network.layers):
        r = _block(network, layer, r, mode, _prefixed(note, f"layer{i}."))
    pooled = r.mean(axis=1)
    note("pooled", pooled)
    logits: FloatArray = pooled @ network.decoder_weight.T + network.decoder_bias
    return logits


def _prefixed(note: Capture, prefix: str) -> Capture:
    return lambda name, array: note(prefix + name, array)


def _block(network: Network, layer: Layer, r: FloatArray, mode: Mode, note: Capture) -> FloatArray:
    prenorm = layer.norm if network.norm_position == "pre" else None
    postnorm = layer.norm if network.norm_position == "post" else None
    note("residual", r)
    u = r if prenorm is None else normalise(prenorm, r)
    note("kernel_input", u)
    y = apply_kernel(layer.kernel, u, network.discretisation, mode)
    note("kernel_output", y)
    g = gelu(y)
    note("gelu", g)
    z = g @ layer.weight.T + layer.bias
    note("linear", z)
    h = glu(z)
    note("glu", h)
    v = r + h
    note("sum", v)
    return v if postnorm is None else normalise(postnorm, v)


def gelu(x: FloatArray) -> FloatArray:
    """Return ``x Phi(x)`` with the exact normal distribution function (PyTorch's default)."""
    from scipy.special import ndtr

    result: FloatArray = x * ndtr(x)
    return result


def glu(z: FloatArray) -> FloatArray:
    """Gated linear unit over the last axis: first half times the logistic of the second."""
    from scipy.special import expit

    half = z.shape[-1] // 2
    result: FloatArray = z[..., :half] * expit(z[..., half:])
    return result


def normalise(norm: Norm, v: FloatArray) -> FloatArray:
    """Normalise the last axis (H): layer norm, or batch norm with its stored statistics."""
    if norm.running_mean is not None and norm.running_variance is not None:
        scale = norm.weight / np.sqrt(norm.running_variance + norm.epsilon)
        shifted: FloatArray = (v - norm.running_mean) * scale + norm.bias
        return shifted
    centred = v - v.mean(axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    result: FloatArray = centred / np.sqrt(variance + norm.epsilon) * norm.weight + norm.bias
    return result


def apply_kernel(
    kernel: S4DKernel, u: FloatArray, discretisation: Discretisation, mode: Mode = "convolution"
) -> FloatArray:
    """Return ``y = kernel(u) + D u`` for u (B, L, H), both directions where there are two."""
    if mode == "recurrent":
        y = _recurrence(kernel, u, discretisation)
    else:
        y = _convolution(kernel, u, discretisation)
    return y + u * kernel.D


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


def _convolution(kernel: S4DKernel, u: FloatArray, discretisation: Discretisation) -> FloatArray:
    from scipy import fft

    length = u.shape[1]
    size = fft.next_fast_len(2 * length, real=True)
    causal, anticausal = impulse_responses(kernel, length, discretisation)
    response = np.zeros((kernel.channels, size))
    response[:, :length] = causal
    if anticausal is not None:
        response[:, size - length :] += anticausal[:, ::-1]
    channels_first = np.ascontiguousarray(u.swapaxes(1, 2))
    spectrum = fft.rfft(channels_first, n=size) * fft.rfft(response)
    y = fft.irfft(spectrum, n=size, overwrite_x=True)[..., :length]
    return np.ascontiguousarray(y.swapaxes(1, 2))


def _recurrence(kernel: S4DKernel, u: FloatArray, discretisation: Discretisation) -> FloatArray:
    y = np.empty_like(u)
    for channel, x in iterate_states(kernel, u, discretisation):
        y[:, :, channel] = 2 * (x @ kernel.C[channel]).real
    if kernel.C_reverse is not None:
        for channel, x in iterate_states(kernel, u, discretisation, reverse=True):
            y[:, :-1, channel] += 2 * (x[:, 1:] @ kernel.C_reverse[channel]).real
    return y


def iterate_states(
    kernel: S4DKernel,
    u: FloatArray,
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
