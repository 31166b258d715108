"""Intervals of accuracies, and of their differences on the same sequences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Share:
    """An accuracy, 0 to 1, with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A difference of accuracies on the same sequences, and half its 95 % interval."""

    value: float
    half: float

    @property
    def clear(self) -> bool:
        """Whether the interval does not hold zero."""
        return abs(self.value) > self.half


def wilson(share: float, samples: float, quantile: float = Z95) -> Share:
    """Return the score interval of a share of ``samples`` independent sequences.

    Wilson, J. Am. Stat. Assoc. 22 (1927) 209: it keeps its level at shares of 0 and 1 and for few
    samples, where the normal interval has no width.

    Parameters
    ----------
    share : float
        0 to 1.
    samples : float
        At least 1; an effective number need not be whole.
    quantile : float
        Two-sided 95 %, of the normal distribution or one with heavier tails.
    """
    square = quantile * quantile / samples
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    low, high = min(share, middle - half), max(share, middle + half)
    return Share(share, max(0.0, low), min(1.0, high))  # rounding alone leaves 0 to 1


def right(predictions: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return for each sequence the share of chips that were right; not a number where none ran.

    Parameters
    ----------
    predictions : mapping of int arrays (n,)
        ``labels``, and one ``chipK`` a chip instance, -1 where it was not given the sequence.
    """
    labels = predictions["labels"]
    chips = np.array([p for name, p in predictions.items() if name.startswith("chip")])
    ran = (chips >= 0).sum(axis=0)
    hits = ((chips == labels) & (chips >= 0)).sum(axis=0)
    found = np.full(len(labels), np.nan)
    np.divide(hits, ran, out=found, where=ran > 0)
    return found


def accuracy(shares: NDArray[np.float64]) -> Share:
    """Return the mean of `right` with its Wilson interval.

    Its samples are sequences, not executions: what several chips make of one sequence is not
    independent, so that further chips do not narrow the interval.
    """
    ran = shares[~np.isnan(shares)]
    return wilson(float(ran.mean()), len(ran))


def difference(shares: NDArray[np.float64], others: NDArray[np.float64]) -> Difference:
    """Return the mean of the differences of two `right` over the sequences that both have.

    The interval is the normal one of paired differences, of at least the width that one sequence
    that differs would give: two equal lists do not tell that nothing will ever differ.
    """
    pairs = (shares - others)[~np.isnan(shares) & ~np.isnan(others)]
    count = len(pairs)
    spread = float(pairs.std(ddof=1)) if count > 1 else 1.0
    return Difference(
        float(pairs.mean()), Z95 * max(spread, 1 / math.sqrt(count)) / math.sqrt(count)
    )
