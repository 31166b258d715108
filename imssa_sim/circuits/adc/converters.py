"""Converters of a set of tiles: gain, offset, range, noise and code table of every column.

The nominal converter of a column gives ``clip(floor(acc·scale + offset), low, high)``. Shapes: T
tiles, C logical columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Converters:
    """Converters of a set of tiles, as the compiled reads take them.

    ``code = table[clip(floor(acc·scale + offset), low, high) - low]`` with noise of ``variance``
    added to ``acc``. With a table the inner code is finer than the outer one, so that transitions
    may lie between the nominal ones.

    Attributes
    ----------
    scale, offset : array (T, C)
    low, high : int
    variance : array (T, C)
        [(weight units x code units)²]
    table : array (T, C, high - low + 1) or None
    fine : int
        Inner codes per outer code.
    """

    scale: FloatArray
    offset: FloatArray
    low: int
    high: int
    variance: FloatArray | float = 0.0
    table: FloatArray | None = None
    fine: int = 1

    def trimmed(self, trim: Trim) -> Converters:
        """Return the converters with gain and offset set against what was measured.

        Their noise is one of codes, so it counts for more sum where the gain was raised.
        """
        return replace(
            self,
            scale=self.scale / trim.gain,
            offset=(self.offset - self.fine * trim.offset) / trim.gain,
            variance=self.variance * np.square(trim.gain),
        )


@dataclass(frozen=True)
class Trim:
    """Gain and offset that the columns were found to have, each array (T, C).

    Attributes
    ----------
    gain : array
        Relative to the nominal one.
    offset : array
        [codes]
    """

    gain: FloatArray
    offset: FloatArray
