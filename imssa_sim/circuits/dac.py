"""Word-line drivers: which analog value each code becomes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Encoding = Literal["pulse_width", "amplitude", "bit_serial"]


def levels(limit: int, bits: int, encoding: Encoding) -> FloatArray | None:
    """Return the value of each code -limit … limit, in units of codes.

    A driver of fewer bits than the codes have rounds them to its own grid (half away from zero),
    whose ends are those of the codes. Bit-serial drivers apply one bit after another and need no
    levels but two.

    Parameters
    ----------
    limit : int
        Largest code, ``2**(code bits - 1) - 1``.
    bits : int
        Of the driver, sign included.
    encoding : str

    Returns
    -------
    array (2·limit + 1,) or None
        None: every code is its own value.
    """
    own = (1 << (bits - 1)) - 1
    if encoding == "bit_serial" or own >= limit:
        return None
    codes = np.arange(-limit, limit + 1)
    if own < 1:  # one bit: a sign
        return np.sign(codes).astype(np.float64) * limit
    magnitude = np.floor(np.abs(codes) * (own / limit) + 0.5)
    return np.asarray(np.sign(codes) * magnitude * (limit / own))
