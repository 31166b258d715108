"""The accuracy of chips and sequences that are both samples, each of many more.

Every chip instance evaluates the same sequences: a two-way crossed design with both effects random,
one reading a cell. What chips, sequences, and both together contribute to the variance of the mean
is estimated from mean squares (Searle, Casella, McCulloch, Variance Components, 1992, section
4.4), its degrees of freedom as Satterthwaite does (Biometrics Bulletin 2 (1946) 110). Readers and
cases of diagnostic studies are compared so: Gallas, Academic Radiology 13 (2006) 353.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.simulation.intervals import Z95, wilson

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from imssa_sim.simulation.intervals import Share


@dataclass(frozen=True)
class CrossedShare:
    """An accuracy over chips and sequences, with its interval.

    Attributes
    ----------
    share : Share
        Mean, 0 to 1, and the bounds of its 95 % interval for further chips and sequences.
    chips, sequences : int
        How many were evaluated.
    of_chips, of_sequences, of_both : float
        Variance of the mean that comes from which chips were drawn, which sequences, and from what
        a chip makes of a sequence beyond both; not negative.
    degrees : float
        Of freedom of their sum.
    """

    share: Share
    chips: int
    sequences: int
    of_chips: float
    of_sequences: float
    of_both: float
    degrees: float

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (self.share.high - self.share.low) / 2

    @property
    def variance(self) -> float:
        """Variance of the mean."""
        return self.of_chips + self.of_sequences + self.of_both

    @property
    def held_by_sequences(self) -> bool:
        """Whether only further sequences narrow the interval by much.

        So it is if they make more of the variance, or if right and wrong differ so little that the
        number of sequences alone bounds what is known.
        """
        value = self.share.value
        few = value * (1 - value) >= self.variance * self.sequences
        return few or self.of_sequences >= self.of_chips

    def least(self, chips: bool, sequences: bool) -> float:
        """Return half the interval with ever more of what is allowed, as far as now known."""
        of_chips = 0.0 if chips else self.of_chips
        of_sequences = 0.0 if sequences else self.of_sequences
        of_both = 0.0 if chips or sequences else self.of_both
        value, variance = self.share.value, of_chips + of_sequences + of_both
        most = np.inf if sequences else float(self.sequences)
        number = min(value * (1 - value) / variance if variance else np.inf, most)
        if number == np.inf:
            return 0.0
        best = wilson(value, number)
        return (best.high - best.low) / 2


def crossed(hits: ArrayLike) -> CrossedShare:
    """Return the accuracy of chips that evaluated the same sequences.

    The interval is Wilson's, of as many independent sequences as have the variance that was found,
    with Student's quantile in the place of the normal one. They are never taken for more than there
    are sequences: what several chips make of one sequence is not independent.

    Parameters
    ----------
    hits : array (chips, sequences)
        1 where a chip was right, 0 where it was not; between them for a share of a sequence's
        steps. At least two of each.
    """
    from scipy.special import stdtrit

    found = np.asarray(hits, dtype=np.float64)
    chips, sequences = found.shape
    mean = float(found.mean())
    rows, columns = found.mean(axis=1) - mean, found.mean(axis=0) - mean
    rest = found - mean - rows[:, None] - columns
    free = (chips - 1, sequences - 1, (chips - 1) * (sequences - 1))
    squares = (
        sequences * float(rows @ rows) / free[0],
        chips * float(columns @ columns) / free[1],
        float((rest * rest).sum()) / free[2],
    )
    by_chip, by_sequence, both = squares
    cells = chips * sequences
    of_chips = max(by_chip - both, 0.0) / cells
    of_sequences = max(by_sequence - both, 0.0) / cells
    variance = of_chips + of_sequences + both / cells
    used = (float(of_chips > 0), float(of_sequences > 0))
    weights = (*used, 1.0 - sum(used))  # of the mean squares, in cells x variance
    uncertain = sum(
        (weight * square) ** 2 / n for weight, square, n in zip(weights, squares, free, strict=True)
    )
    degrees = float(free[1])
    if uncertain > 0.0:
        degrees = max(1.0, (cells * variance) ** 2 / uncertain)
    effective = float(sequences)
    if variance > 0.0:
        effective = max(1.0, min(effective, mean * (1 - mean) / variance))
    quantile = max(Z95, float(stdtrit(degrees, 0.975)))
    return CrossedShare(
        wilson(mean, effective, quantile), chips, sequences, of_chips, of_sequences, both / cells,
        degrees,
    )  # fmt: skip
