"""Fronts and hypervolumes against counting cells of a grid."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.searches.front import dominates, hypervolume, nondominated

SIDE = 5
PLACES = {
    d: st.lists(st.tuples(*[st.integers(0, SIDE - 1)] * d), max_size=7, unique=True)
    for d in (1, 2, 3, 4)
}


@pytest.mark.parametrize("dimensions", PLACES)
def test_volume_is_that_of_the_cells_counted(dimensions: int) -> None:
    @given(PLACES[dimensions])
    def check(places: list[tuple[int, ...]]) -> None:
        cells = itertools.product(range(SIDE), repeat=dimensions)
        counted = sum(
            any(all(x <= c for x, c in zip(p, cell, strict=True)) for p in places) for cell in cells
        )
        floats = [tuple(map(float, p)) for p in places]
        assert hypervolume(floats, (float(SIDE),) * dimensions) == counted

    check()


@given(PLACES[3])
def test_no_point_of_a_front_dominates_another(places: list[tuple[int, ...]]) -> None:
    front = nondominated(places)  # type: ignore[arg-type]
    assert not any(dominates(a, b) for a in front for b in front)
    assert all(p in front or any(dominates(q, p) for q in front) for p in places)  # type: ignore[comparison-overlap]


def test_what_lies_at_the_reference_or_beyond_counts_nothing() -> None:
    assert hypervolume([(1.0, 2.0)], (1.0, 3.0)) == 0.0
    assert hypervolume([], (1.0, 3.0)) == 0.0
