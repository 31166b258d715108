"""Products of two matrices in one pass, against their definitions in wider numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from imssa_sim.kernels.ops import make_product, make_winograd_products, pointer
from imssa_sim.kernels.read_noise.packing import SQUARE, WORD, noise_pairs, pair_rows

LIMIT, PITCH = 127, 48
product = make_product(1, 2)


def make_winograd(vectors):
    """The products of 16 ``vectors`` samples, to be called from here."""
    winograd = make_winograd_products(3, vectors)

    @njit
    def run_winograd(x, w, u, v, n, j, start, common, unit, extra, flat, squares, sums, deviations):
        winograd(
            pointer(x, 0), pointer(w, 0), pointer(u, 0), pointer(v, 0), PITCH, n, j,
            pointer(start, 0), pointer(common, 0), pointer(unit, 0), pointer(extra, 0),
            pointer(flat, 0), pointer(squares, 0), pointer(sums, 0), pointer(deviations, 0),
        )  # fmt: skip

    return run_winograd


WINOGRAD = {16 * vectors: make_winograd(vectors) for vectors in (1, 2)}


@njit
def run_product(x, w, out, n, j):
    product(pointer(x, 0), 0, 1, 0, pointer(w, 0), j, PITCH, n, pointer(out, 0), j, 0)


def in_pairs(numbers):
    """Rows 2 r and 2 r + 1 as the halves of int32."""
    return ((numbers[::2] & 0xFFFF) | (numbers[1::2] << 16)).astype(np.int32)


def cells(rows, seed, width=32):
    """Integer weights and variances of a tile, the largest variance 2**15 - 1; codes of samples."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-100, 101, (rows, PITCH))
    # sums of squares times variances stay within 32 bits
    variances = rng.integers(0, min(WORD, 2**31 // max(rows * LIMIT**2, 1)) + 1, (rows, PITCH))
    codes = rng.integers(-LIMIT, LIMIT + 1, (rows, width))
    if rows:
        codes[0, :2], codes[-1, :2] = LIMIT, [-LIMIT, 0]
    if 0 < rows < 4:
        variances[0, :5] = WORD
    return weights, variances, codes


@pytest.mark.parametrize("width", WINOGRAD)
@pytest.mark.parametrize("rows", [*range(10), 65, 256])
def test_winograd_gives_the_sums_and_the_noise(rows, width):
    weights, variances, codes = cells(rows, rows, width)
    tall = 2 * pair_rows(rows)
    squares = np.zeros((tall, width), np.int64)
    squares[:rows] = codes**2
    numbers = np.zeros((tall, PITCH), np.int64)
    numbers[:rows] = variances
    # what is the same for all columns, what for all samples, by the definition
    u = squares - SQUARE
    common = -sum(u[k] * u[k + 2] + u[k + 1] * u[k + 3] for k in range(0, tall, 4))
    v = numbers
    start = SQUARE * v.sum(axis=0)
    start = start - sum(v[k] * v[k + 2] + v[k + 1] * v[k + 3] for k in range(0, tall, 4))
    unit, extra = np.float32(0.25), np.arange(PITCH, dtype=np.float32)
    flat, shared = extra[::-1].copy(), np.arange(width, dtype=np.float32) * 64
    sums, deviations = (np.full(PITCH * width, -1, np.float32) for _ in range(2))
    WINOGRAD[width](
        codes.astype(np.float32).ravel(), weights.astype(np.float32).ravel(), in_pairs(u).ravel(),
        in_pairs(v).ravel(), rows, 2, np.broadcast_to(start, PITCH).astype(np.int32),
        np.broadcast_to(common, width).astype(np.int32), np.full(PITCH, unit), extra, flat,
        shared, sums, deviations,
    )  # fmt: skip
    given = slice(2, 5)
    exact = (weights.T @ codes)[given]
    np.testing.assert_array_equal(sums.reshape(PITCH, width)[given], exact)
    totals = (variances.T @ codes**2)[given]
    assert totals.max(initial=0) < 2**31
    expected = 0.25 * totals.astype(np.float32) + extra[given, None]
    added = expected.astype(np.float64) + flat[given, None].astype(np.float64) * shared
    expected = np.sqrt(added.astype(np.float32))
    np.testing.assert_array_equal(deviations.reshape(PITCH, width)[given], expected)
    for out in (sums, deviations):  # nothing beside them is touched
        rest = np.delete(out.reshape(PITCH, width), given, axis=0)
        np.testing.assert_array_equal(rest, -1)


@pytest.mark.parametrize("rows", [*range(10), 65, 256])
def test_products_take_numbers_and_pairs(rows):
    weights, variances, codes = cells(rows, 100 + rows)
    code, square = codes[:, 0], np.zeros(2 * pair_rows(rows), np.int64)
    square[:rows] = code**2
    numbers = np.zeros((square.size, PITCH), np.int64)
    numbers[:rows] = variances
    sums, totals = np.full(PITCH, -1, np.float32), np.full(PITCH, -1, np.int32)
    run_product(code.astype(np.float32), weights.astype(np.float32).ravel(), sums, rows, 16)
    run_product(in_pairs(square), in_pairs(numbers).ravel(), totals, (rows + 1) // 2, 16)
    np.testing.assert_array_equal(sums[16:], (code @ weights)[16:])
    np.testing.assert_array_equal(totals[16:], (code**2 @ variances)[16:])
    np.testing.assert_array_equal([sums[:16], totals[:16]], -1)


def test_packed_variances_start_winograd_where_its_definition_does():
    rng = np.random.default_rng(8)
    variances = rng.uniform(0, 3, (2, 7, 5))
    packed = noise_pairs(variances, LIMIT, 16)
    low, high = (packed.cells[..., :5] << 16) >> 16, packed.cells[..., :5] >> 16
    numbers = np.stack([low, high], axis=2).reshape(2, 8, 5).astype(np.int64)
    np.testing.assert_allclose(numbers[:, :7] * packed.unit[:, None], variances, atol=1e-4)
    products = sum(
        numbers[:, k] * numbers[:, k + 2] + numbers[:, k + 1] * numbers[:, k + 3] for k in (0, 4)
    )
    start = SQUARE * numbers.sum(axis=1) - products
    np.testing.assert_array_equal((start - packed.start) % 2**32, 0)
