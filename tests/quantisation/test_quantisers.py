from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import (
    clipping_range,
    code_limit,
    quantise_codes,
    scale_of_range,
    weight_range,
)
from imssa_sim.quantisation.requantiser import requantise, requantiser_from, requantiser_scale

values = hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-100, 100))
bits = st.integers(2, 16)


@given(values, bits, st.floats(1e-3, 10))
def test_idempotent_and_within_half_a_step(x, width, scale):
    codes = quantise_codes(x, scale, width)
    limit = code_limit(width)
    assert np.abs(codes).max() <= limit
    np.testing.assert_array_equal(quantise_codes(codes * scale, scale, width), codes)
    inside = np.abs(x) <= limit * scale
    assert np.all(np.abs(codes * scale - x)[inside] <= scale / 2 * (1 + 1e-9))


@given(values, bits, st.floats(1e-3, 10))
def test_monotone(x, width, scale):
    assert np.all(np.diff(quantise_codes(np.sort(x), scale, width)) >= 0)


def test_half_rounds_up():
    assert quantise_codes([-1.5, -0.5, 0.5, 1.5], 1.0, 8).tolist() == [-1, 0, 1, 2]


@given(values, bits)
def test_max_range_clips_nothing(x, width):
    step = scale_of_range(clipping_range(x, "max", width), width)
    # A denormal range has too coarse a step to hold "half a step" in floating point.
    if np.abs(x).max() > 1e-300:
        assert np.all(np.abs(quantise_codes(x, step, width) * step - x) <= step / 2 * (1 + 1e-9))


def test_percentile_range_is_that_of_numpy():
    x = np.random.default_rng(0).normal(size=(3, 1000))
    found = clipping_range(x, "percentile", 8, 99.0)
    np.testing.assert_allclose(found, np.percentile(np.abs(x), 99.0, axis=1))


def test_percentile_of_mostly_zeros_is_not_zero():
    assert clipping_range([0.0] * 999 + [2.0], "percentile", 8, 99.0) == 2.0


@pytest.mark.parametrize(("width", "step"), [(2, 1.2240), (3, 0.6508)])
def test_mse_range_is_the_published_optimum_for_a_normal_source(width, step):
    """Uniform quantisers of 3 and 7 levels: J. Max, Quantizing for minimum distortion (1960)."""
    x = np.random.default_rng(1).normal(size=200_000)
    # The candidates are 2**(1/8) apart.
    assert clipping_range(x, "mse", width) == pytest.approx(step * code_limit(width), rel=0.06)


@given(values, bits)
def test_mse_is_never_worse_than_max(x, width):
    def error(largest) -> float:
        step = scale_of_range(largest, width)
        return float(np.mean((quantise_codes(x, step, width) * step - x) ** 2))

    best, full = error(clipping_range(x, "mse", width)), error(clipping_range(x, "max", width))
    assert best <= full * (1 + 1e-9) + 1e-300


def test_granularity_shares_ranges():
    w = np.arange(24, dtype=float).reshape(3, 4, 2)
    assert np.unique(weight_range(w, "tensor", "max", 8)).tolist() == [23.0]
    assert weight_range(w, "channel", "max", 8).tolist() == [[7.0] * 4, [15.0] * 4, [23.0] * 4]
    np.testing.assert_array_equal(weight_range(w, "mode", "max", 8), w.max(axis=-1))


def test_zero_range_has_a_usable_scale():
    assert quantise_codes(0.0, scale_of_range(0.0, 8), 8) == 0


@settings(max_examples=300)
@given(scale=st.floats(1e-12, 1e3), width=bits, bound=st.integers(1, 2**45))
def test_requantiser_is_near_its_scale_and_keeps_the_floating_point_twin_exact(scale, width, bound):
    found = requantiser_from(scale, width, bound)
    m, s = int(found.multiplier), int(found.shift)
    assert 0 <= m < 2**24
    assert 1 <= s <= 52
    assert bound * m < 2**53
    digits = min(24, 53 - bound.bit_length())
    if 2 * scale >= 2**digits:  # beyond what so few bits can hold: the largest multiplier
        assert m == 2**digits - 1
    elif s < 52:
        assert m >= 2 ** (digits - 1)
        assert math.ldexp(m, -s) == pytest.approx(scale, rel=2.0**-digits)
    else:
        assert abs(math.ldexp(m, -s) - scale) <= 2.0**-53


@settings(max_examples=300)
@given(accumulator=st.integers(-(2**29) + 1, 2**29 - 1), scale=st.floats(1e-9, 100), width=bits)
def test_floating_point_twin_equals_the_integer_arithmetic(accumulator, scale, width):
    found = requantiser_from(scale, width)
    exact = (accumulator * int(found.multiplier) + (1 << (int(found.shift) - 1))) >> int(
        found.shift
    )
    limit = code_limit(width)
    clipped = max(-limit, min(limit, exact))
    assert requantise(np.array(accumulator), found) == clipped
    twin = np.floor(accumulator * requantiser_scale(found) + 0.5)
    assert np.clip(twin, -limit, limit) == clipped


def test_a_scale_of_one_is_the_identity():
    found = requantiser_from(1.0, 8)
    codes = np.arange(-127, 128)
    np.testing.assert_array_equal(requantise(codes, found), codes)


@pytest.mark.parametrize("exponent", [-20, -3, 0, 5])
def test_a_mantissa_that_rounds_up_is_the_next_power_of_two(exponent):
    scale = 2.0**exponent * (1 - 2.0**-26)
    assert requantiser_scale(requantiser_from(scale, 8, 100)) == 2.0**exponent


def test_requantiser_beyond_its_range_saturates():
    found = requantiser_from(1e9, 8)
    assert requantise(np.array([-1, 0, 1]), found).tolist() == [-127, 0, 127]


@pytest.mark.parametrize("scale", [-1.0, np.nan, np.inf])
def test_bad_scales_are_refused(scale):
    with pytest.raises(InputError, match="finite, non-negative"):
        requantiser_from(scale, 8)


def test_too_wide_accumulators_are_refused():
    with pytest.raises(InputError, match="fewer bits"):
        requantiser_from(1.0, 8, 2**53)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'percentile'"):
        clipping_range([1.0], "percentil", 8)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="did you mean 'channel'"):
        weight_range(np.ones((1, 1, 1)), "chanel", "max", 8)  # type: ignore[arg-type]
