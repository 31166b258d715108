from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.kernels.digital import (
    add_saturating,
    affine_norm,
    gate,
    integer_square_root,
    layer_norm,
    look_up,
    requantise_rows,
    weighted_sum,
)


@given(value=st.integers(0, 2**62))
def test_integer_square_root_is_that_of_the_standard_library(value):
    assert integer_square_root(value) == math.isqrt(value)


@pytest.mark.parametrize("root", [1, 2, 3, 94906265, 94906266, 94906267, 2**31 - 1, 2**31])
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_integer_square_root_around_squares_that_floats_miss(root, offset):
    value = min(root * root + offset, 2**62)
    assert integer_square_root(value) == math.isqrt(value)


@settings(max_examples=200)
@given(
    accumulator=st.integers(-(2**29) + 1, 2**29 - 1),
    multiplier=st.integers(0, 2**24 - 1),
    shift=st.integers(1, 52),
    bits=st.integers(2, 16),
)
def test_requantiser_in_floating_point_is_the_integer_one(accumulator, multiplier, shift, bits):
    limit = 2 ** (bits - 1) - 1
    code = (accumulator * multiplier + 2 ** (shift - 1)) >> shift
    out, clipped = np.empty((1, 1), dtype=np.int16), np.zeros(1, dtype=np.int64)
    scale = np.array([math.ldexp(multiplier, -shift)])
    requantise_rows(
        np.array([[accumulator]]), np.zeros(1, dtype=np.int64), scale, limit, out, clipped
    )
    assert out[0, 0] == max(-limit, min(limit, code))
    assert clipped[0] == (abs(code) > limit)


@settings(max_examples=100)
@given(
    v=st.lists(st.integers(-(2**22), 2**22), min_size=2, max_size=8),
    gain=st.integers(-(2**26), 2**26),
    bias=st.integers(-(2**26), 2**26),
    epsilon=st.integers(0, 2**50),
    fraction=st.integers(1, 24),
)
def test_layer_norm_division_is_exact_at_its_bounds(v, gain, bias, epsilon, fraction):
    width, total = len(v), sum(v)
    root = math.isqrt(width * sum(a * a for a in v) - total * total + epsilon) or 1
    codes = [
        (2 * ((width * a - total) * gain + root * bias) + (root << fraction))
        // (root << (fraction + 1))
        for a in v
    ]
    out, clipped = np.empty((1, width), dtype=np.int16), np.zeros(1, dtype=np.int64)
    layer_norm(
        np.array([v], dtype=np.int32), np.full(width, gain), np.full(width, bias), epsilon,
        fraction, 32767, out, clipped,
    )  # fmt: skip
    assert out[0].tolist() == [max(-32767, min(32767, code)) for code in codes]
    assert clipped[0] == sum(abs(code) > 32767 for code in codes)


def test_affine_norm_rounds_half_up():
    out, clipped = np.empty((1, 4), dtype=np.int16), np.zeros(1, dtype=np.int64)
    v = np.array([[1, -1, 3, 100]], dtype=np.int32)
    affine_norm(v, np.full(4, 4), np.zeros(4, dtype=np.int64), 3, 7, out, clipped)
    assert out.tolist() == [[1, 0, 2, 7]]  # 0.5, -0.5, 1.5, 50
    assert clipped.tolist() == [1]


def test_gate_and_weighted_sum_by_hand():
    table = np.arange(7)  # limit 3: gate = code + 3
    z = np.array([[2, -3, 1, -2]], dtype=np.int16)  # values 2, -3; gates 4, 1
    r = np.array([[5, -1]], dtype=np.int16)
    gated, out = np.empty((1, 2), dtype=np.int32), np.empty((1, 2), dtype=np.int32)
    gate(z, table, gated)
    assert gated.tolist() == [[8, -3]]
    weighted_sum(gated, r, np.array([3, 10, 0]), out)
    assert out.tolist() == [[2 * 4 * 3 + 50, -3 * 3 - 10]]
    weighted_sum(gated, r, np.array([3, 10, 2]), out)
    assert out.tolist() == [[math.floor(74 / 4 + 0.5), math.floor(-19 / 4 + 0.5)]]


def test_look_up_and_saturating_sum():
    codes = np.array([[-2, 0, 2]], dtype=np.int16)
    out = np.empty_like(codes)
    look_up(np.array([5, 6, 7, 8, 9], dtype=np.int16), codes, 2, out)
    assert out.tolist() == [[5, 7, 9]]
    clipped = np.zeros(1, dtype=np.int64)
    big = np.array([[30000, -30000, 5]], dtype=np.int16)
    add_saturating(big, np.array([[10000, -10000, -2]], dtype=np.int16), 32767, out, clipped)
    assert out.tolist() == [[32767, -32767, 3]]
    assert clipped.tolist() == [2]
