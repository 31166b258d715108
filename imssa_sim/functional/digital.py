"""Execution of a quantised network in integers: the golden model of the chip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.data.lengths import Gathered, by_length, checked_lengths, cut
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
    lengths: ArrayLike | None = None,
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
    lengths : int array (B,), optional
        Steps of each sequence; padding behind them takes no part, and results of each step are
        followed by zeros.

    Raises
    ------
    InputError
        Wrong shape or length, values that are not finite, or no sequence.
    """
    x = checked_inputs(network, inputs)
    held = max(1, HELD_CODES // (x.shape[1] * network.encoder.weight.shape[0]))
    size = min(BATCH, held, batch or BATCH)
    total = x.shape[0]
    turns = batches(total, size, lengths, x.shape[1])
    graph, saturation = graph_of(network), Saturation()
    gathered = Gathered(total, x.shape[1]), Gathered(total, x.shape[1])

    def piece(turn: tuple[int | None, IntArray]) -> tuple[FloatArray, IntArray, Saturation]:
        backend = _Golden(network)
        length, places = turn
        if length is not None:
            backend.for_length(length)
        part = x[places[0] : places[-1] + 1] if length is None else cut(x, places, length)
        logits = walk_in_slices(graph, backend, part)
        pooled = np.concatenate(backend.slices).reshape(*logits.shape[:-1], -1)
        return logits, pooled, backend.saturation

    done = 0
    with numba_threads(threads):
        for (_, places), (*found, clipped) in zip(turns, ordered_map(piece, turns), strict=True):
            for whole, part in zip(gathered, found, strict=True):
                whole.put(places, part)
            saturation.merge(clipped)
            done += len(places)
            if progress is not None:
                progress(done)
    logits, pooled = (each.whole for each in gathered)
    return DigitalResult(logits, logits.argmax(axis=-1).astype(np.int64), pooled, saturation)


def batches(
    total: int, size: int, lengths: ArrayLike | None, steps: int
) -> list[tuple[int | None, IntArray]]:
    """Return the places of sequences that run together, with their length where it is given."""
    if lengths is None:
        every = np.arange(total)
        return [(None, every[start : start + size]) for start in range(0, total, size)]
    return list(by_length(checked_lengths(lengths, total, steps), size))


class _Golden(Integers):
    """Keeps the codes that enter the decoder, whole or slice by slice."""

    def __init__(self, network: QuantisedNetwork) -> None:
        super().__init__(network)
        self.slices: list[IntArray] = []

    def run(self, node: Node, *values: Any) -> Any:
        if isinstance(node.operation, Head):
            self.slices.append(values[0].astype(np.int64))
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
