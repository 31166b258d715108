"""Which steps are true, and which sequences run together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.data.lengths import Gathered, by_length, checked_lengths, cut, true_steps
from imssa_sim.errors import InputError


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=30), at_once=st.integers(1, 8))
def test_groups_hold_every_sequence_once_with_others_of_its_length(
    lengths: list[int], at_once: int
) -> None:
    given_lengths = np.array(lengths)
    groups = list(by_length(given_lengths, at_once))
    assert sorted(np.concatenate([places for _, places in groups])) == list(range(len(lengths)))
    for length, places in groups:
        assert 1 <= len(places) <= at_once
        assert (given_lengths[places] == length).all()


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=12), each=st.booleans())
def test_results_return_to_their_places(lengths: list[int], each: bool) -> None:
    sizes, steps = np.array(lengths), 5
    x = np.arange(len(sizes) * steps * 2.0).reshape(len(sizes), steps, 2)
    gathered = Gathered(len(sizes), steps)
    for length, places in by_length(sizes, 3):
        part = cut(x, places, length)
        gathered.put(places, part if each else part.sum(axis=1))
    masked = np.where(true_steps(sizes, steps)[..., None], x, 0)
    np.testing.assert_array_equal(gathered.whole, masked if each else masked.sum(axis=1))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 0], "lengths: 0 is outside 1…4"), ([5, 1], "lengths: 5 is outside"),
        ([1], "2 sequences need 2 lengths"), ([1.0, 2.0], "found float64"),
    ],
)  # fmt: skip
def test_lengths_that_cannot_be(lengths: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_lengths(lengths, 2, 4)
