"""Execution of a quantised network in integers: the golden model of the chip.

The building blocks are in `imssa_sim.functional.blocks` and named here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.functional.blocks import (
    FLOAT32_EXACT,
    Codes,
    Saturation,
    WideCodes,
    accumulator_bounds,
    add_codes,
    decode,
    encode_inputs,
    gated_sum,
    gelu,
    glu_residual_norm,
    input_codes,
    kernel_digital,
    layer_kernel,
    linear_accumulate,
    linear_digital,
    normalise,
    one_step_ahead,
    pool,
    quantise_inputs,
    requantise_codes,
)
from imssa_sim.model.quantised import FloatArray, IntArray, QuantisedNetwork

__all__ = [
    "BATCH_TOKENS",
    "FLOAT32_EXACT",
    "Codes",
    "DigitalResult",
    "Saturation",
    "WideCodes",
    "accumulator_bounds",
    "add_codes",
    "checked_inputs",
    "decode",
    "encode_inputs",
    "gated_sum",
    "gelu",
    "glu_residual_norm",
    "input_codes",
    "kernel_digital",
    "layer_kernel",
    "linear_accumulate",
    "linear_digital",
    "normalise",
    "numba_threads",
    "one_step_ahead",
    "pool",
    "quantise_inputs",
    "requantise_codes",
    "run_digital",
]

BATCH_TOKENS = 1 << 14
"""Tokens of one batch where the caller names no size: enough work for each parallel loop."""


@dataclass(frozen=True)
class DigitalResult:
    """What the integer execution of a quantised network gives.

    Attributes
    ----------
    logits : array (B, K)
        In the network's real units.
    predictions : array (B,)
        Index of the largest logit.
    pooled : int array (B, H)
        Codes that enter the decoder.
    saturation : Saturation
    """

    logits: FloatArray
    predictions: IntArray
    pooled: IntArray
    saturation: Saturation


def run_digital(
    network: QuantisedNetwork,
    inputs: ArrayLike,
    threads: int | None = None,
    batch: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> DigitalResult:
    """Run a quantised network on sequences, in integer arithmetic throughout.

    The result does not depend on ``threads`` or ``batch``.

    Parameters
    ----------
    network : QuantisedNetwork
    inputs : array (B, L, d_in)
        Real inputs; L must be the sequence length that the network was quantised for.
    threads : int or None
        Threads of the compiled kernels; None leaves Numba's setting.
    batch : int or None
        Sequences held at a time; bounds the memory. None: about `BATCH_TOKENS` tokens.
    progress : callable or None
        Called with the number of sequences done after each batch.

    Raises
    ------
    InputError
        Wrong shape or length, values that are not finite, or no sequence.
    """
    x = checked_inputs(network, inputs)
    size = max(1, BATCH_TOKENS // x.shape[1] if batch is None else batch)
    saturation = Saturation()
    pooled = []
    with numba_threads(threads):
        for start in range(0, x.shape[0], size):
            r = encode_inputs(network, x[start : start + size], saturation)
            for index, layer in enumerate(network.layers):
                path = f"layer{index}"
                u = input_codes(layer, r, saturation, path)
                y = layer_kernel(layer, u, saturation, path)
                g = gelu(layer, y)
                z = linear_digital(layer.linear, g, saturation, f"{path}.linear")
                r = glu_residual_norm(layer, z, r, saturation, path)
            pooled.append(pool(network, r, saturation))
            if progress is not None:
                progress(min(start + size, x.shape[0]))
    codes = np.concatenate(pooled)
    logits = decode(network, codes)
    return DigitalResult(logits, logits.argmax(axis=1).astype(np.int64), codes, saturation)


def checked_inputs(network: QuantisedNetwork, inputs: ArrayLike) -> NDArray[Any]:
    """Return the inputs as an array after checking shape, length and finiteness.

    Raises
    ------
    InputError
        See `run_digital`.
    """
    x = np.asarray(inputs)
    width = network.encoder.weight.shape[1]
    length = network.sequence_length
    if x.ndim != 3 or x.shape[0] == 0 or x.shape[1:] != (length, width):
        raise InputError(
            f"the quantised network takes at least one sequence of {length} steps with {width} "
            f"inputs; found shape {x.shape}"
        )
    if not np.all(np.isfinite(x)):
        raise InputError("the inputs hold values that are not finite")
    return x


@contextmanager
def numba_threads(threads: int | None) -> Iterator[None]:
    """Set the number of Numba's threads for the duration of a ``with`` block."""
    import numba

    before = numba.get_num_threads()
    if threads is not None:
        available = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(max(1, min(threads, available)))
    try:
        yield
    finally:
        numba.set_num_threads(before)
