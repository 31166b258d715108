"""What a graph says of itself."""

from __future__ import annotations

import pytest

from imssa_sim.timing.graph import Phase, Resource, Segment, Station, TimedAction, TimingGraph


def phase(*ticks: int, component: str = "a", **more: object) -> Phase:
    parts = tuple(TimedAction(component, "act", n, 1) for n in ticks)
    return Phase(parts, **more)  # type: ignore[arg-type]


def test_times_are_sums() -> None:
    assert phase(3, 4).ticks == 7
    assert Station("s", "s", (phase(3, 4), phase(5)), 2).ticks == 12


@pytest.mark.parametrize("policy", ["fifo", "round_robin", "static"])
@pytest.mark.parametrize("users", [1, 2])
def test_an_order_depends_on_arrivals_where_several_come_without_turns(
    policy: str, users: int
) -> None:
    pairs = tuple((n, 0) for n in range(users))
    shared = Resource("r", policy, pairs, (0,) * users)  # type: ignore[arg-type]
    expected = policy != "static" and users == 2
    assert shared.dynamic is expected
    stations = tuple(Station(f"s{n}", "s", (phase(1, resource=0),), 1) for n in range(users))
    segment = Segment("g", 1, stations, (), (shared,))
    assert segment.dynamic == (("r",) if expected else ())


def test_what_varies_is_named_by_its_first_component() -> None:
    varying = phase(1, component="v", varying=lambda token: token + 1)
    stations = (Station("s", "s", (phase(1), varying), 1), Station("t", "t", (phase(2),), 1))
    segments = tuple(Segment(name, 1, stations, (), ()) for name in ("g", "h"))
    assert segments[0].varying == ("v",)
    assert TimingGraph(segments).stations == stations + stations
