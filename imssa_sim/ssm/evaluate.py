"""Evaluation of state-space models on sequences: as convolutions, or step by step.

Sequences are (batch, steps, channels) in double or single precision; impulse responses and states
are computed in double precision in any case. Models whose blocks mix channels run step by step in
both modes: their impulse responses would be a matrix for every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.recurrence import ComplexArray, Recurrence

Mode = Literal["convolution", "recurrent"]
Values = NDArray[np.floating[Any]]
Spectra = NDArray[np.complexfloating[Any, Any]]
Evaluator = Callable[[Values], Values]

_BLOCK_VALUES = 1 << 21
"""Values of all transforms at a time: 16 MiB in double precision."""


def apply_kernel(
    kernel: StateSpaceModel,
    u: FloatArray,
    discretisation: Discretisation,
    mode: Mode = "convolution",
) -> FloatArray:
    """Return ``y = kernel(u) + D u`` for u (B, L, H), both directions where there are two."""
    run = evaluator(kernel.recurrences(discretisation), u.shape[1], mode, u.dtype)
    return np.asarray(run(u) + u * kernel.feedthrough)


def evaluator(recurrences: Sequence[Recurrence], length: int, mode: Mode, dtype: Any) -> Evaluator:
    """Return the function of inputs (B, length, H) to outputs, D u left out.

    Parameters
    ----------
    recurrences : sequence of Recurrence
        Directions, whose outputs add up.
    length : int
        Steps of the sequences.
    mode : {"convolution", "recurrent"}
    dtype : type
        Real type of the inputs.
    """
    if mode == "recurrent" or not all(r.single for r in recurrences):
        return lambda u: recur(recurrences, u)
    spectra = transfer(recurrences, length, dtype)
    return lambda u: convolve(spectra, u)


def impulse_response(recurrence: Recurrence, length: int) -> FloatArray:
    """Return ``K[l] = Re sum_n c_n b_n a_n^l`` of each channel, (H, length).

    With l = q s + r the powers factor, and K is a product of two small Vandermonde matrices.
    """
    return _responses(*recurrence.per_channel(), length)


def _responses(a: ComplexArray, b: ComplexArray, c: ComplexArray, length: int) -> FloatArray:
    block = int(np.ceil(np.sqrt(length)))
    count = -(-length // block)
    fine = a[..., None] ** np.arange(block)
    coarse = (a**block)[..., None] ** np.arange(count)
    scaled = (c * b)[..., None] * coarse
    product = np.matmul(scaled.swapaxes(1, 2), fine).real
    return np.ascontiguousarray(product.reshape(len(a), -1)[:, :length])


def transfer(recurrences: Sequence[Recurrence], length: int, dtype: Any) -> Spectra:
    """Return the spectra (size // 2 + 1, H) of the impulse responses, for sequences of a length.

    Of the real type ``dtype``; padded to a ``size`` at which a circular convolution is a linear
    one.
    """
    from scipy import fft

    size, channels = _padded(length), recurrences[0].channels
    spectra = np.empty((size // 2 + 1, channels), np.result_type(dtype, np.complex64))
    parts = [(one, one.per_channel()) for one in recurrences]
    for block in _channel_blocks(channels, size):
        response = np.zeros((len(range(channels)[block]), size))
        for recurrence, (a, b, c) in parts:
            own = _responses(a[block], b[block], c[block], length)
            if recurrence.inclusive:
                response[:, size - length + 1 :] += own[:, :0:-1]
                response[:, 0] += own[:, 0]
            elif recurrence.reverse:
                response[:, size - length :] += own[:, ::-1]
            else:
                response[:, :length] += own
        spectra[:, block] = fft.rfft(response).T
    return spectra


def _channel_blocks(channels: int, size: int) -> list[slice]:
    """Return blocks of channels with so much work that all of it stays near the processor.

    Of a multiple of eight channels: transforms run in groups of so many at most, and each then
    stands where it would without blocks.
    """
    count = max(8, _BLOCK_VALUES // size // 8 * 8)
    return [slice(start, start + count) for start in range(0, channels, count)]


def _padded(length: int) -> int:
    from scipy import fft

    return int(fft.next_fast_len(2 * length, real=True))


def convolve(spectra: Spectra, u: Values) -> Values:
    """Return the convolution of u (B, L, H) with the kernels whose `transfer` is given."""
    batch, length, channels = u.shape
    size = _padded(length)
    blocks = _channel_blocks(channels, batch * size)
    if len(blocks) == 1:
        return _convolved(spectra, u, size)
    y = np.empty(u.shape, spectra.real.dtype)
    for block in blocks:
        y[:, :, block] = _convolved(spectra[:, block], u[:, :, block], size)
    return y


def _convolved(spectra: Spectra, u: Values, size: int) -> Values:
    from scipy import fft

    product = fft.rfft(u, n=size, axis=1)
    product *= spectra
    y: Values = fft.irfft(product, n=size, axis=1, overwrite_x=True)[:, : u.shape[1]]
    return y


def recur(recurrences: Sequence[Recurrence], u: Values) -> Values:
    """Return the outputs (B, L, H) of the recurrences for inputs u, all directions added."""
    y = np.zeros_like(u)
    for recurrence in recurrences:
        width = recurrence.c.shape[1]
        for block, x in iterate_states(recurrence, u):
            c = recurrence.c[block]
            own: Any = slice(block * width, (block + 1) * width)
            weights, own = (c[0], block) if width == 1 else (c.T, own)
            if recurrence.reverse and not recurrence.inclusive:
                y[:, :-1, own] += (x[:, 1:] @ weights).real
            else:
                y[:, :, own] += (x @ weights).real
    return y


def iterate_states(recurrence: Recurrence, u: Values) -> Iterator[tuple[int, ComplexArray]]:
    """Run a recurrence and yield the states block by block.

    Parameters
    ----------
    recurrence : Recurrence
        A reverse one runs from the last step to the first; its output at step l belongs to the
        state at step l + 1.
    u : array (B, L, H)

    Yields
    ------
    block : int
    states : complex array (B, L, M)
        State after each step, at the index of the step. The next block overwrites it.
    """
    batch, length, _ = u.shape
    blocks, modes, width = recurrence.b.shape
    states = np.empty((length, batch, modes), dtype=np.complex128)
    carried = np.empty((batch, modes), dtype=np.complex128)
    steps = range(length - 1, -1, -1) if recurrence.reverse else range(length)
    for block in range(blocks):
        a, b = recurrence.a[block], recurrence.b[block]
        if width == 1:
            np.multiply(u[:, :, block].T[..., None], b[:, 0], out=states)
        else:
            own = slice(block * width, (block + 1) * width)
            np.matmul(u[:, :, own].swapaxes(0, 1), b.T, out=states)
        previous: ComplexArray | None = None
        for step in steps:
            current = states[step]
            if previous is not None:
                np.multiply(previous, a, out=carried)
                np.add(current, carried, out=current)
            previous = current
        yield block, states.swapaxes(0, 1)
