"""Execution of a quantised network in integers: the golden model of the chip.

The building blocks are in `imssa_sim.functional.blocks` and named here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.errors import InputError
from imssa_sim.functional.blocks import (
    SLICE,
    Codes,
    Saturation,
    WideCodes,
    add_codes,
    decode,
    encode_inputs,
    gated_sum,
    gelu,
    glu_residual_norm,
    input_codes,
    layer_kernel,
    linear_accumulate,
    linear_digital,
    normalise,
    pool,
    quantise_inputs,
    requantise_codes,
)
from imssa_sim.functional.digital_kernel import (
    FLOAT32_EXACT,
    accumulator_bounds,
    kernel_digital,
    one_step_ahead,
)
from imssa_sim.model.quantised import FloatArray, IntArray, QuantisedNetwork
from imssa_sim.threads import ordered_map, use_threads

__all__ = [
    "BATCH",
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

BATCH = 16
"""Sequences that one thread takes at a time: those that the recurrence runs abreast."""
HELD_CODES = 1 << 23
"""Largest residual stream (sequences x steps x channels) that one thread holds."""


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
    inputs : array (B, L, d_in), or anything of that shape whose slices are such arrays
        Real inputs; L must be the sequence length that the network was quantised for.
    threads : int or None
        Threads to use; None: as many as are set (`imssa_sim.threads`).
    batch : int or None
        Sequences that one thread holds at a time, at most; None: `BATCH`.
    progress : callable or None
        Called with the number of sequences done after each batch.

    Raises
    ------
    InputError
        Wrong shape or length, values that are not finite, or no sequence.
    """
    x = checked_inputs(network, inputs)
    held = max(1, HELD_CODES // (x.shape[1] * network.encoder.weight.shape[0]))
    size = min(BATCH, held, batch or BATCH)
    starts = range(0, x.shape[0], size)
    saturation = Saturation()
    pooled = []
    with numba_threads(threads):
        work = partial(_piece, network, x, size)
        for start, (codes, clipped) in zip(starts, ordered_map(work, starts), strict=True):
            pooled.append(codes)
            saturation.merge(clipped)
            if progress is not None:
                progress(min(start + size, x.shape[0]))
    codes = np.concatenate(pooled)
    logits = decode(network, codes)
    return DigitalResult(logits, logits.argmax(axis=1).astype(np.int64), codes, saturation)


def _piece(network: QuantisedNetwork, x: Any, size: int, start: int) -> tuple[IntArray, Saturation]:
    """Return the pooled codes of the sequences from ``start`` on, and what was clipped."""
    saturation = Saturation()
    r = encode_inputs(network, x[start : start + size], saturation)
    for index, layer in enumerate(network.layers):
        path = f"layer{index}"
        u = input_codes(layer, r, saturation, path)
        y = layer_kernel(layer, u, saturation, path)
        # Token by token from here on: slices go through the rest while they are in the cache.
        flat, residual = y.reshape(-1, y.shape[2]), r.reshape(-1, r.shape[2])
        for at in range(0, len(flat), SLICE):
            part = slice(at, at + SLICE)
            g = gelu(layer, flat[part])
            z = linear_digital(layer.linear, g, saturation, f"{path}.linear")
            residual[part] = glu_residual_norm(layer, z, residual[part], saturation, path)
    return pool(network, r, saturation), saturation


def checked_inputs(network: QuantisedNetwork, inputs: Any) -> Any:
    """Return the inputs, whose slices are arrays, after checking shape and length.

    Their values are looked at when they are quantised, a part at a time: sequences may be read
    from their files only then.

    Raises
    ------
    InputError
        See `run_digital`.
    """
    x: Any = inputs if hasattr(inputs, "shape") else np.asarray(inputs)
    width = network.encoder.weight.shape[1]
    length = network.sequence_length
    if len(x.shape) != 3 or x.shape[0] == 0 or x.shape[1:] != (length, width):
        raise InputError(
            f"the quantised network takes at least one sequence of {length} steps with {width} "
            f"inputs; found shape {x.shape}"
        )
    return x


@contextmanager
def numba_threads(threads: int | None) -> Iterator[None]:
    """Set the threads of compiled kernels, Numba's own among them, for a ``with`` block."""
    with use_threads(threads):
        if threads is None:
            yield
            return
        import numba

        before = numba.get_num_threads()
        available = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(max(1, min(threads, available)))
        try:
            yield
        finally:
            numba.set_num_threads(before)
