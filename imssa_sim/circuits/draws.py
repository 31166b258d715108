"""Random draws of a chip instance: a pure function of where a cell stands and what is drawn.

The generator is that of the read noise (docs/decisions/0001); in place of a sample's number stands
the purpose of the draw, as a negative number, which no sample has.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Purpose = Literal[
    "programming",
    "relaxation",
    "drift",
    "fault_kind",
    "fault_value",
    "fault_cluster",
    "dead_line",
    "adc_gain",
    "adc_offset",
    "adc_levels",
    "dac_levels",
    "write_verify",
    "temperature",
]
# Numbers are part of the results: append, never renumber.
_NUMBERS: dict[Purpose, int] = {
    "programming": 1,
    "relaxation": 2,
    "drift": 3,
    "fault_kind": 4,
    "fault_value": 5,
    "fault_cluster": 6,
    "dead_line": 7,
    "adc_gain": 8,
    "adc_offset": 9,
    "adc_levels": 10,
    "dac_levels": 11,
    "write_verify": 12,
    "temperature": 13,
}


def normals(
    seed: int, chip: int, stage: int, tile: int, purpose: Purpose, rows: int, columns: int
) -> FloatArray:
    """Return standard normals (rows, columns) of one tile.

    An element depends on the coordinates and on its own row and column alone, not on the shape.

    Parameters
    ----------
    seed, chip, stage, tile : int
        Coordinates, see docs/decisions/0001.
    purpose : str
        What is drawn.
    rows, columns : int
        Shape.
    """
    from imssa_sim.kernels.normal import fill_normals
    from imssa_sim.kernels.threefry import derive_key

    key = derive_key(seed, chip, -_NUMBERS[purpose], stage, tile)
    key0, key1 = np.uint32(key[0]), np.uint32(key[1])
    out = np.empty((rows, columns), dtype=np.float32)
    for row in range(rows):
        fill_normals(key0, key1, np.uint32(row), out[row])
    return out.astype(np.float64)


def uniforms(
    seed: int, chip: int, stage: int, tile: int, purpose: Purpose, rows: int, columns: int
) -> FloatArray:
    """Return numbers uniform in (0, 1), of the same kind: Φ of `normals`."""
    from scipy.special import ndtr

    return np.asarray(ndtr(normals(seed, chip, stage, tile, purpose, rows, columns)))
