"""Mismatch of the capacitors of successive-approximation converters: uneven code transitions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, Made
from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.draws import normals
from imssa_sim.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LARGEST_TABLE = 1 << 26
"""Entries of the code tables of a set of tiles; beyond it they would fill the memory."""


@dataclass(frozen=True)
class CapacitorMismatch(AdcBehaviour):
    """Binary-weighted capacitors that are off, see `sar_codes`.

    Attributes
    ----------
    spread : float
        Relative standard deviation of a unit capacitor.
    """

    spread: float

    def applied(self, converters: Converters, made: Made) -> Converters:
        """Return converters with code tables, their inner code finer than the outer one.

        Raises
        ------
        InputError
            The code tables would fill the memory.
        """
        low, high, bits = converters.low, converters.high, made.bits
        tiles, columns = converters.scale.shape
        levels = high - low + 1
        fine = max(1, min(8, 1024 // levels))
        if tiles * columns * levels * fine > LARGEST_TABLE:
            raise InputError(
                f"hardware.adc.mismatch with {bits} bits needs code tables of "
                f"{tiles * columns * levels * fine:.1e} entries; use fewer bits or no mismatch"
            )
        table = np.empty((tiles, columns, levels * fine))
        for t in range(tiles):
            errors = normals(made.where, t, "adc_levels", made.per_tile, bits)
            codes = np.stack([sar_codes(bits, self.spread * e, fine) for e in errors])
            table[t] = codes[made.served_by[t]] + low
        return replace(
            converters,
            scale=converters.scale * fine,
            offset=converters.offset * fine,
            low=low * fine,
            high=high * fine + fine - 1,
            table=table,
            fine=fine,
        )


def sar_codes(bits: int, errors: FloatArray, fine: int) -> IntArray:
    """Return the codes of a successive-approximation converter over its range.

    Its binary-weighted capacitors are off by ``errors`` of one unit capacitor each, times the
    square root of their size, as independent units in parallel are; the range is calibrated. Codes
    may be missing, the order never reverses by more than the trial allows.

    Parameters
    ----------
    bits : int
    errors : array (bits,)
        Relative errors of a unit capacitor, least significant first.
    fine : int
        Inputs per code.

    Returns
    -------
    int array (2**bits · fine,)
        Codes 0 … 2**bits - 1 for evenly spaced inputs, each in the middle of its interval.
    """
    size = 2.0 ** np.arange(bits)
    weight = size + np.sqrt(size) * errors
    weight *= (2.0**bits - 1.0) / weight.sum()
    inputs = (np.arange((1 << bits) * fine) + 0.5) / fine
    reached = np.zeros(len(inputs))
    code = np.zeros(len(inputs), dtype=np.int64)
    for k in reversed(range(bits)):
        taken = inputs >= reached + weight[k]
        reached += np.where(taken, weight[k], 0.0)
        code += taken.astype(np.int64) << k
    return code
