"""Blocks of samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.kernels._blocks import ALONE, make_plan


@given(st.integers(1, 300))
def test_a_plan_takes_each_sample_once_and_leaves_few_lanes_empty(samples):
    plan = make_plan(samples)
    taken = [
        s for first, n in zip(plan.first, plan.valid, strict=True) for s in range(first, first + n)
    ]
    assert taken == list(range(samples))
    assert set(plan.width.tolist()) <= {32, 16, 1}
    np.testing.assert_array_equal(plan.place, np.cumsum(plan.width) - plan.width)
    assert 0 <= plan.width.sum() - samples <= 16 - ALONE - 1
    assert np.count_nonzero(plan.width == 1) <= ALONE
    assert (np.diff(plan.width) <= 0).all()
