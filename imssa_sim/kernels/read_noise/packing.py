"""Variances of the cells as the loops take them: integers in pairs, shot noise in further rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.kernels.ops import LANES
from imssa_sim.kernels.read_circuit import ShotNoise

WORD = 2**15 - 1  # largest number of a pair
SQUARE = 2**14  # above all squared codes


def pair_rows(rows: int) -> int:
    """Rows of the variances in pairs: whole fours of rows."""
    return -(-rows // 4) * 2


class NoisePairs(NamedTuple):
    """Variances as integers of 16 bits, two rows to an int32."""

    cells: NDArray[np.int32]  # (T, H, P), H even: whole fours of rows
    unit: NDArray[np.float32]  # (T, C) variance that a 1 stands for
    start: NDArray[np.int32]  # (T, C) what Winograd's product of a column starts from


def noise_pairs(excess: NDArray[np.float64], limit: int, multiple: int) -> NoisePairs:
    """Variances (T, R, C) as integers.

    The unit of a column is the least for which no number leaves 16 bits, nor with ``SQUARE`` taken
    from it, and no sum of numbers times squared codes 32 bits. A variance is rounded to it, so that
    of a sum is wrong by at most ``unit / 2 * sum_i code_i**2``.
    """
    tiles, rows, columns = excess.shape
    room = 2.0**31 - 1 - rows * limit**2
    least = np.maximum(excess.max(axis=1) / WORD, -excess.min(axis=1) / SQUARE)
    least = np.maximum(least, np.abs(excess).sum(axis=1) * limit**2 / room)
    unit = np.nextafter(least.astype(np.float32), np.float32(np.inf))
    numbers = np.zeros((tiles, 2 * pair_rows(rows), columns), np.int64)
    numbers[:, :rows] = np.rint(excess / unit[:, None].astype(np.float64))
    pairs = np.zeros((tiles, pair_rows(rows), -(-columns // multiple) * multiple), np.int32)
    pairs[:, :, :columns] = (numbers[:, ::2] & 0xFFFF) | (numbers[:, 1::2] << 16)
    fours = numbers.reshape(tiles, pair_rows(rows) // 2, 2, 2, columns)
    start = SQUARE * numbers.sum(axis=1) - (fours[:, :, 0] * fours[:, :, 1]).sum(axis=(1, 2))
    return NoisePairs(pairs, unit, start.astype(np.int32))  # modulo 2**32


def with_shot(
    excess: NDArray[np.float64], shot: ShotNoise, driven: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance with the shot noise in further rows, from a whole vector of rows on; the powers."""
    tiles, rows, columns = excess.shape
    first = -(-rows // LANES) * LANES
    both = np.zeros((tiles, first + rows, columns))
    both[:, :rows] = excess
    in_use = np.arange(rows) < driven[:, None]
    both[:, first:] = shot.variance * in_use[:, :, None]
    return both, shot.power
