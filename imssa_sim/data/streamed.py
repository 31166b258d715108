"""Sequences that are read from their files when they are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Read = Callable[[int], NDArray[np.float32]]
MEMORY = 1 << 29
"""[bytes] Data sets of up to this size are read whole, larger ones are streamed."""


class StreamedSequences:
    """A read-only stand-in for an array (n, L, d), indexed along its first axis.

    Only the sequences of one index expression are in memory at a time. Indexing gives a NumPy
    array; `select` gives a part that is streamed as well.

    Parameters
    ----------
    read : callable
        Returns sequence (L, d) of a place in the source.
    places : int64 array (n,)
        Places in the source.
    shape : tuple of int
        (L, d).
    """

    dtype = np.dtype(np.float32)
    ndim = 3

    def __init__(self, read: Read, places: NDArray[np.int64], shape: tuple[int, int]) -> None:
        self._read = read
        self._places = places
        self._sequence = shape
        self.shape = (len(places), *shape)

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self._places)

    def __getitem__(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Read the sequences of a slice, or of an array of places or truth values."""
        places = self._places[index]
        found = np.empty((len(places), *self._sequence), dtype=np.float32)
        for row, place in enumerate(places):
            found[row] = self._read(int(place))
        return found

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NDArray[np.float32]:
        """Refuse: an array of everything is what streaming avoids."""
        raise TypeError("these sequences are streamed; index them for a part at a time")

    def select(self, index: NDArray[np.int64]) -> StreamedSequences:
        """Return the sequences of an index, streamed."""
        return StreamedSequences(self._read, self._places[index], self._sequence)


def sequences(
    read: Read, places: NDArray[np.int64], shape: tuple[int, int], memory: int = MEMORY
) -> NDArray[np.float32] | StreamedSequences:
    """Return sequences, in memory where they fit into ``memory`` bytes, otherwise streamed."""
    streamed = StreamedSequences(read, places, shape)
    if 4 * len(places) * shape[0] * shape[1] > memory:
        return streamed
    return streamed[:]
