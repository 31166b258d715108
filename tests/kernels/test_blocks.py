"""Blocks of samples."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.kernels import _blocks
from imssa_sim.kernels._blocks import ALONE, FEW, make_plan


def check(plan, samples, widths):
    """Every sample is taken once, the widest blocks first, one behind the other."""
    taken = [
        s for first, n in zip(plan.first, plan.valid, strict=True) for s in range(first, first + n)
    ]
    assert taken == list(range(samples))
    assert set(plan.width.tolist()) <= widths
    np.testing.assert_array_equal(plan.place, np.cumsum(plan.width) - plan.width)
    assert (np.diff(plan.width) <= 0).all()
    assert (plan.valid <= plan.width).all()


@given(st.integers(1, 300))
def test_of_long_sequences_few_lanes_are_empty(samples):
    plan = make_plan(samples, 1 << 20)
    check(plan, samples, {32, 16, 1})
    assert 0 <= plan.width.sum() - samples <= 16 - ALONE - 1
    assert np.count_nonzero(plan.width == 1) <= ALONE


@given(st.integers(1, 300), st.integers(0, 2000))
def test_short_ones_take_no_loop_of_16(samples, reads):
    plan = make_plan(samples, reads)
    check(plan, samples, {32, 1})
    assert np.count_nonzero(plan.width == 1) <= FEW


def test_the_reads_of_the_rest_decide():
    assert make_plan(48, _blocks.WORTH // 16).width.tolist() == [32, 16]
    assert make_plan(48, _blocks.WORTH // 16 - 1).width.tolist() == [32, 32]
