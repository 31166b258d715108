"""Intervals of accuracies against SciPy's, and of differences on paired sequences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from imssa_sim.simulation.intervals import accuracy, difference, right, wilson


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(case: tuple[int, int]) -> None:
    hits, samples = case
    found = wilson(hits / samples, samples)
    expected = binomtest(hits, samples).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_right_is_the_share_of_the_chips_that_ran() -> None:
    found = right(
        {
            "labels": np.array([1, 2, 3, 4]),
            "float": np.array([9, 9, 9, 9]),
            "chip0": np.array([1, 2, -1, -1]),
            "chip1": np.array([1, 0, 3, -1]),
        }
    )
    np.testing.assert_array_equal(found, [1.0, 0.5, 1.0, np.nan])
    assert accuracy(found) == wilson(2.5 / 3, 3)


def test_more_chips_do_not_narrow_the_interval() -> None:
    labels = np.arange(20) % 2
    one = {"labels": labels, "chip0": np.zeros(20, int)}
    two = one | {"chip1": np.zeros(20, int)}
    assert accuracy(right(one)) == accuracy(right(two))


def test_difference_is_paired_and_over_common_sequences() -> None:
    first = np.array([0.0, 0.0, 1.0, 1.0, np.nan])
    second = np.array([1.0, 0.0, 1.0, np.nan, 1.0])
    found = difference(second, first)
    assert found.value == pytest.approx(1 / 3)
    spread = np.std([1, 0, 0], ddof=1)
    assert found.half == pytest.approx(1.959963984540054 * spread / np.sqrt(3))
    assert not found.clear


def test_equal_lists_still_have_an_interval() -> None:
    found = difference(np.ones(100), np.ones(100))
    assert found.value == 0
    assert found.half == pytest.approx(0.0196, rel=1e-3)


def test_a_difference_has_the_interval_of_paired_samples_by_hand() -> None:
    ones, others = np.array([1.0, 0.0, 0.5, 1.0, np.nan]), np.array([0.0, 1.0, 0.0, np.nan, 1.0])
    found = difference(ones, others)
    # Of the three pairs: 1, -1, 1/2; squares about 1/6 add up to 13/6, over two.
    assert found.value == pytest.approx(1 / 6)
    assert found.half == pytest.approx(1.959963984540054 * math.sqrt(13 / 12) / math.sqrt(3))
    equal = difference(ones, ones)
    assert (equal.value, equal.half) == (0.0, pytest.approx(1.959963984540054 / 4))
