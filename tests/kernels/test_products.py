"""Products of two matrices in one pass, against their definitions in wider numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from imssa_sim.kernels._packing import WORD
from imssa_sim.kernels.ops import make_double_product, pointer

LIMIT, PITCH, WIDTH = 127, 48, 32
double = make_double_product(2)


@njit
def run_double(x, w, sums, pairs, v, totals, n, j):
    double(
        pointer(x, 0), pointer(w, 0), PITCH, pointer(sums, 0), pointer(pairs, 0), pointer(v, 0),
        PITCH, pointer(totals, 0), n, j,
    )  # fmt: skip


def in_pairs(numbers):
    """Rows 2 r and 2 r + 1 as the halves of int32."""
    return ((numbers[::2] & 0xFFFF) | (numbers[1::2] << 16)).astype(np.int32)


def cells(rows, seed):
    """Integer weights and variances of a tile, the largest variance 2**15 - 1; codes of samples."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-100, 101, (rows, PITCH))
    # sums of squares times variances stay within 32 bits
    variances = rng.integers(0, min(WORD, 2**31 // max(rows * LIMIT**2, 1)) + 1, (rows, PITCH))
    codes = rng.integers(-LIMIT, LIMIT + 1, (rows, WIDTH))
    if rows:
        codes[0, :2], codes[-1, :2] = LIMIT, [-LIMIT, 0]
    if 0 < rows < 4:
        variances[0, :5] = WORD
    return weights, variances, codes


@pytest.mark.parametrize("rows", [*range(10), 65, 256])
def test_double_product_gives_both(rows):
    weights, variances, codes = cells(rows, 100 + rows)
    code, square = codes[:, 0], np.zeros(-(-rows // 4) * 4, np.int64)
    square[:rows] = code**2
    numbers = np.zeros((square.size, PITCH), np.int64)
    numbers[:rows] = variances
    sums, totals = np.full(PITCH, -1, np.float32), np.full(PITCH, -1, np.int32)
    run_double(
        code.astype(np.float32), weights.astype(np.float32).ravel(), sums, in_pairs(square),
        in_pairs(numbers).ravel(), totals, rows, 16,
    )  # fmt: skip
    np.testing.assert_array_equal(sums[16:], (code @ weights)[16:])
    np.testing.assert_array_equal(totals[16:], (code**2 @ variances)[16:])
    np.testing.assert_array_equal([sums[:16], totals[:16]], -1)
