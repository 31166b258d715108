"""From a card entry's plausible range to a distribution.

=========================================  ====================================================
entry                                      distribution
=========================================  ====================================================
``sigma``                                  normal about the value; of a positive quantity cut off
                                           at a thousandth of it
``range``, highest / lowest below 4        triangular, the value its mode
``range``, highest / lowest 4 or more      triangular in the logarithm, the value its mode
``status: assumed`` without a range        triangular in the logarithm, from half to twice the value
``range`` of equal ends                    fixed (a definition, or a count that is not in doubt)
anything else                              fixed
=========================================  ====================================================

All entries vary independently. A list varies as a whole: all its elements at one quantile.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from imssa_sim.cards import Card, Entry
from imssa_sim.components.parameters import Draws, FloatArray

LOGARITHMIC_FROM = 4.0
ASSUMED_FACTOR = 2.0
LEAST = 1e-3


@dataclass(frozen=True)
class Triangular:
    """Triangular, or triangular in the logarithm; ``quantile`` is the inverse of its CDF."""

    low: float
    mode: float
    high: float
    logarithmic: bool

    def quantile(self, u: FloatArray) -> FloatArray:
        """Return the values at cumulative probabilities."""
        ends = np.array([self.low, self.mode, self.high])
        low, mode, high = np.log(ends) if self.logarithmic else ends
        span, left = high - low, mode - low
        at_mode = left / span
        below = low + np.sqrt(u * span * left)
        above = high - np.sqrt((1 - u) * span * (high - mode))
        value = np.where(u < at_mode, below, above)
        return np.asarray(np.exp(value) if self.logarithmic else value)


@dataclass(frozen=True)
class Normal:
    """Normal about each element of ``mean``; positive ones stay above a thousandth of it."""

    mean: FloatArray
    sigma: FloatArray

    def quantile(self, u: FloatArray) -> FloatArray:
        """Return the values at cumulative probabilities (n,), shape (n,) or (n, k)."""
        from scipy.special import ndtri

        z = ndtri(u)
        values = self.mean + np.multiply.outer(z, self.sigma)
        return np.where(self.mean > 0, np.maximum(values, LEAST * self.mean), values)


Distribution = Triangular | Normal


def distribution_of(entry: Entry) -> Distribution | None:
    """Return the distribution of a card entry, None if it is fixed."""
    if entry.scaled is None:
        return None
    if entry.sigma is not None:
        return Normal(np.asarray(entry.scaled, float), np.asarray(entry.sigma, float))
    if isinstance(entry.scaled, tuple):
        return None
    value = entry.si
    if entry.range is not None:
        low, high = entry.range
        if low == high:
            return None
        logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
        return Triangular(low, value, high, logarithmic)
    if entry.status == "assumed" and value > 0:
        return Triangular(value / ASSUMED_FACTOR, value, value * ASSUMED_FACTOR, True)
    return None


@dataclass(frozen=True)
class Varied:
    """A card entry that varies."""

    card: str
    entry: str
    distribution: Distribution

    @property
    def name(self) -> str:
        """``card entry``."""
        return f"{self.card} {self.entry}"


def varied_entries(cards: Iterable[Card]) -> tuple[Varied, ...]:
    """Return the entries of cards that vary, each card once."""
    unique = {card.name: card for card in cards}
    return tuple(
        Varied(card.name, entry.name, distribution)
        for card in unique.values()
        for entry in card.parameters.values()
        if (distribution := distribution_of(entry)) is not None
    )


def draws_at(varied: Iterable[Varied], u: FloatArray) -> Draws:
    """Return the entries' values at cumulative probabilities.

    Parameters
    ----------
    varied : iterable of Varied
        k entries.
    u : (n, k)
        In the open interval from 0 to 1.
    """
    return {(v.card, v.entry): v.distribution.quantile(u[:, i]) for i, v in enumerate(varied)}


def latin_hypercube(draws: int, entries: int, seed: int, stream: int = 0) -> FloatArray:
    """Return stratified uniform numbers (draws, entries): each column has one in every stratum.

    Streams of one seed are independent of each other.
    """
    rng = np.random.default_rng(np.random.Philox(seed).jumped(stream))
    strata = np.argsort(rng.random((draws, entries)), axis=0)
    return (strata + rng.random((draws, entries))) / draws
