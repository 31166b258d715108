"""Sequences of unequal length, padded to one: which steps are true, which run together.

Sequences run without their padding, together with others of their length. So a result depends
neither on what stands behind a sequence nor on its company, whatever a network does with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    IntArray = NDArray[np.int64]


def true_steps(lengths: IntArray, steps: int) -> NDArray[np.bool_]:
    """Return which of ``steps`` (n, steps) belong to each sequence."""
    return np.asarray(np.arange(steps) < lengths[:, None])


def checked_lengths(lengths: ArrayLike, count: int, steps: int) -> IntArray:
    """Return lengths after checking them.

    Raises
    ------
    InputError
        They are not ``count`` whole numbers from 1 to ``steps``.
    """
    found = np.asarray(lengths)
    if found.dtype.kind not in "iu" or found.shape != (count,):
        raise InputError(
            f"{count} sequences need {count} lengths, whole numbers; found {found.dtype} "
            f"{found.shape}"
        )
    if ((found < 1) | (found > steps)).any():
        worst = found[(found < 1) | (found > steps)][0]
        raise InputError(f"lengths: {worst} is outside 1…{steps}, the steps of the sequences")
    return found.astype(np.int64)


def by_length(lengths: IntArray, at_once: int) -> Iterator[tuple[int, IntArray]]:
    """Yield lengths and the places of sequences that have them, at most ``at_once`` at a time."""
    order = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[order])) + 1
    for group in np.split(order, ends):
        for start in range(0, len(group), at_once):
            yield int(lengths[group[0]]), group[start : start + at_once]


def cut(sequences: Any, places: IntArray, length: int) -> NDArray[Any]:
    """Return the first steps of the sequences at ``places``, which may lie in their files."""
    return np.asarray(sequences[places])[:, :length]


class Gathered:
    """Results of groups of sequences, put in the order of the sequences.

    Results of every step are followed by zeros.

    Parameters
    ----------
    count, steps : int
        Sequences, and steps of the padded ones.
    """

    def __init__(self, count: int, steps: int) -> None:
        self._sizes = (count, steps)
        self._whole: NDArray[Any] | None = None

    def put(self, places: IntArray, results: NDArray[Any]) -> None:
        """Take the results (m, …) of the sequences at ``places``, or (m, length, …) of steps."""
        count, steps = self._sizes
        each = results.ndim == 3
        if self._whole is None:
            shape = (count, steps, results.shape[2]) if each else (count, *results.shape[1:])
            self._whole = np.zeros(shape, results.dtype)
        if each:
            self._whole[places, : results.shape[1]] = results
        else:
            self._whole[places] = results

    @property
    def whole(self) -> NDArray[Any]:
        """All results (count, …)."""
        assert self._whole is not None  # there is a sequence
        return self._whole
