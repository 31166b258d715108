"""Quarter turns of states: what accumulators do to them by an exchange of parts and a sign.

A state that is multiplied by i**q, q in 0…3, needs no multiplier: q = 1 makes (re, im) of it
(-im, re). A cell array that holds A - i**q, for the q nearest to A, holds less than A - 1 wherever
a mode turns by more than an eighth of a circle in one step (docs/decisions/0017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import IntArray
from imssa_sim.ssm.recurrence import ComplexArray

QUARTERS: NDArray[np.complex128] = np.array([1, 1j, -1, -1j])
"""i**q, exactly."""


def nearest_turns(a: ComplexArray) -> IntArray:
    """Return q in 0…3 of the i**q nearest to each of ``a``; 0 to zeros."""
    return np.rint(np.angle(a) / (np.pi / 2)).astype(np.int64) % 4
