"""The largest likelihood: a minimum of its negative logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = NDArray[np.float64]


def largest(negative: Callable[[FloatArray], float], begin: FloatArray) -> FloatArray:
    """Return the parameters at the minimum, in units of order one."""
    from scipy.optimize import minimize

    if not len(begin):
        return begin
    found = minimize(negative, np.array(begin, float).ravel(), method="BFGS")
    return np.asarray(found.x)
