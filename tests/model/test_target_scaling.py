"""Targets as a network is to give them, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.model.target_scaling import TargetScaling, scaling_from


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e-3, 1e-3)), min_size=2, max_size=9))
def test_undone_takes_back_what_was_done(rows: list[tuple[float, float]]) -> None:
    targets = np.array(rows)
    scaling = TargetScaling.of(targets)
    done = scaling.done(targets)
    np.testing.assert_allclose(scaling.undone(done), targets, rtol=1e-9, atol=1e-9)
    assert np.abs(done.mean(axis=0)).max() < 1e-3


def test_scaled_targets_have_mean_zero_and_deviation_one_of_each_output() -> None:
    targets = np.random.default_rng(0).normal((3, -50), (2, 0.1), (5, 40, 2))
    done = TargetScaling.of(targets).done(targets)
    np.testing.assert_allclose(done.mean(axis=(0, 1)), 0, atol=1e-10)
    np.testing.assert_allclose(done.std(axis=(0, 1)), 1)


def test_equal_targets_are_not_divided_by_nothing() -> None:
    assert TargetScaling.of(np.full((4, 1), 7.0)) == TargetScaling((7.0,), (1.0,))


def test_metadata_hold_it() -> None:
    assert scaling_from({}, 2, "f") is None
    found = {"targets": {"mean": [1, 2], "deviation": [3.0, 4.0]}}
    assert scaling_from(found, 2, "f") == TargetScaling((1.0, 2.0), (3.0, 4.0))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"mean": [1.0]}, "f: its metadata entry 'targets' is damaged"),
        ({"mean": ["a"], "deviation": [1.0]}, "damaged"),
        ([1], "damaged"),
        ({"mean": [1.0], "deviation": [1.0]}, "is of 1 outputs, but the network has 2"),
    ],
)
def test_damaged_metadata_are_named(entry: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scaling_from({"targets": entry}, 2, "f")
