"""Random draws of a chip instance: a pure function of where a cell stands and what is drawn.

The generator is that of the read noise (docs/decisions/0001); in place of a sample's number stands
the purpose of the draw, as a negative number, which no sample has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Numbers are part of the results: append, never renumber.
_PURPOSES = {
    "programming": 1,
    "relaxation": 2,
    "drift": 3,
    "fault_kind": 4,
    "fault_value": 5,
    "fault_cluster": 6,
    "dead_row": 7,
    "dead_column": 8,
    "adc_gain": 9,
    "adc_offset": 10,
    "adc_levels": 11,
    "write_pulse": 12,
    "write_verify": 13,
    "temperature": 14,
    "dead_converter": 15,
    "dac_steps": 16,
    "calibration": 17,
}
_TURN = 1 << 16
_WRITING = 1 << 32  # beyond the last turn of any purpose


@dataclass(frozen=True)
class Coordinates:
    """What the draws of a set of tiles depend on, beside the place in it.

    Attributes
    ----------
    seed, chip, site : int
        See docs/decisions/0001.
    writing : int
        How often the tiles were written before.
    """

    seed: int
    chip: int
    site: int
    writing: int = 0


def normals(
    where: Coordinates, tile: int, purpose: str, rows: int, columns: int, *, turn: int = 0
) -> FloatArray:
    """Return standard normals (rows, columns) of one tile.

    An element depends on the coordinates and on its own row and column alone, not on the shape.

    Parameters
    ----------
    where : Coordinates
    tile : int
        Number of the tile in its set.
    purpose : str
        What is drawn.
    rows, columns : int
        Shape.
    turn : int
        Number of the draw, where there are several of one purpose.
    """
    from imssa_sim.kernels.read_noise.normal import fill_rows
    from imssa_sim.kernels.read_noise.threefry import derive_key

    sample = sample_number(where, purpose, turn)
    key = derive_key(where.seed, where.chip, sample, where.site, tile)
    key0, key1 = np.uint32(key[0]), np.uint32(key[1])
    out = np.empty(rows * columns, dtype=np.float32)
    if columns:
        fill_rows(key0, key1, columns, out)
    return out.reshape(rows, columns).astype(np.float64)


def sample_number(where: Coordinates, purpose: str, turn: int = 0) -> int:
    """Return the number that stands in a sample's place for a draw; negative."""
    return -_PURPOSES[purpose] - turn * _TURN - where.writing * _WRITING


def uniforms(
    where: Coordinates, tile: int, purpose: str, rows: int, columns: int, *, turn: int = 0
) -> FloatArray:
    """Return numbers uniform in (0, 1), of the same kind: Φ of `normals`."""
    from scipy.special import ndtr

    return np.asarray(ndtr(normals(where, tile, purpose, rows, columns, turn=turn)))
