"""Execution of a quantised network in integers: the golden model of the chip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.errors import InputError
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.program.interpret import walk_in_slices
from imssa_sim.program.operations.head import Head
from imssa_sim.program.saturation import Saturation
from imssa_sim.quantisation.quantisers import FloatArray, IntArray
from imssa_sim.threads import ordered_map, use_threads

if TYPE_CHECKING:
    from imssa_sim.program.graph import Node

BATCH = 16
"""Sequences that one thread takes at a time: those that the recurrence runs abreast."""
HELD_CODES = 1 << 23
"""Largest residual stream (sequences x steps x channels) that one thread holds."""


@dataclass(frozen=True)
class DigitalResult:
    """What the integer execution of a quantised network gives.

    Attributes
    ----------
    logits : array (B, K), or (B, L, K) without pooling
        In the network's real units.
    predictions : array (B,) or (B, L)
        Index of the largest logit.
    pooled : int array (B, H), or (B, L, H)
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
    graph, saturation = graph_of(network), Saturation()
    parts = []

    def piece(start: int) -> tuple[FloatArray, IntArray, Saturation]:
        backend = _Golden(network)
        logits = walk_in_slices(graph, backend, x[start : start + size])
        return logits, backend.pooled, backend.saturation

    with numba_threads(threads):
        for start, (*found, clipped) in zip(starts, ordered_map(piece, starts), strict=True):
            parts.append(found)
            saturation.merge(clipped)
            if progress is not None:
                progress(min(start + size, x.shape[0]))
    logits, pooled = (np.concatenate(part) for part in zip(*parts, strict=True))
    return DigitalResult(logits, logits.argmax(axis=-1).astype(np.int64), pooled, saturation)


class _Golden(Integers):
    """Keeps the pooled codes on the way."""

    pooled: IntArray

    def run(self, node: Node, *values: Any) -> Any:
        if isinstance(node.operation, Head):
            self.pooled = values[0].astype(np.int64)
        return super().run(node, *values)


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
