"""Markup escapes what is not markup; scales put numbers where they belong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.report.page.flow import Occupied, lanes, queues
from imssa_sim.report.page.markup import element
from imssa_sim.report.page.scales import Scale, decades, fitted
from imssa_sim.report.page.sweep import pareto


def test_text_and_values_are_escaped() -> None:
    found = element("p", "<b>&", element("i", "x"), None, ["1", 2], data_tip='"<', class_="a")
    assert found == '<p data-tip="&quot;&lt;" class="a">&lt;b&gt;&amp;<i>x</i>12</p>'
    assert element("input", hidden=True, name=None) == "<input hidden>"


@given(st.lists(st.floats(1e-15, 1e9), min_size=1, max_size=9), st.booleans())
def test_scales_hold_their_values_and_have_ticks(values: list[float], logarithmic: bool) -> None:
    scale = decades(values) if logarithmic else fitted(values)
    assert all(-1e-6 <= scale(value) <= 100 + 1e-6 for value in values)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 16
    assert all(-1e-6 <= scale(tick) <= 100 + 1e-6 for tick in ticks)


def test_ticks_are_round() -> None:
    assert Scale(0.0, 1.0).ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Scale(1e-7, 1e-1, logarithmic=True).ticks(8) == pytest.approx(
        [10.0**n for n in range(-7, 0)]
    )


def test_the_front_holds_what_no_other_point_beats() -> None:
    points = [(3.0, 0.9), (1.0, 0.5), (2.0, 0.5), (2.0, 0.8), (4.0, 0.9)]
    assert pareto(points) == [1, 3, 0]


def rows() -> list[Occupied]:
    """Two stages of 1 s and 2 s; three steps one after the other."""
    first = [Occupied("a", "a", "do", n, float(n), n + 1.0) for n in range(3)]
    second = [Occupied("b", "b", "do", n, 1.0 + 2 * n, 3.0 + 2 * n) for n in range(3)]
    return first + second


def test_use_adds_up_to_the_time_that_components_are_busy() -> None:
    found = {lane.path: lane for lane in lanes(rows(), 7.0)}
    for path, busy in (("a", 3.0), ("b", 6.0)):
        shares = found[path].shares
        assert shares.sum() * 7.0 / len(shares) == pytest.approx(busy)
        assert np.all((shares >= 0) & (shares <= 1))
    assert found["a"].known == 3.0


def test_queues_count_steps_between_two_stages() -> None:
    (queue,) = queues(rows(), ["a", "b"])
    # Done in a at 1, 2, 3; begun in b at 1, 3, 5; known until the last arrival.
    assert queue.stage == "b"
    assert queue.known == 3.0
    assert queue.steps[0] == (0.0, 0)
    assert dict(queue.steps)[2.0] == 1
    assert queue.longest == 1
