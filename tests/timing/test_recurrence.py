"""The Numba kernel against a naive twin, its memory, its limits."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.constraints import event_system, schedule
from imssa_sim.timing.recurrence import run_recurrence

from .programs import pipeline, programs, serial


def naive(system):
    """Every occurrence of every event, by recursion along the arcs."""
    incoming = [[] for _ in system.names]
    for arc, target in enumerate(system.target):
        incoming[target].append(arc)
    plan = schedule(system)
    times = {}
    for n in range(int((system.limit + plan.delay).max())):
        for v in map(int, plan.order):
            k = n - int(plan.delay[v])
            if not 0 <= k < system.limit[v]:
                continue
            times[v, k] = 0
            for a in incoming[v]:
                u = int(system.source[a])
                j = k - int(system.marking[a])
                if system.clamp[a]:
                    j = min(j, int(system.limit[u]) - 1)
                if 0 <= j < system.limit[u]:
                    times[v, k] = max(times[v, k], times[u, j] + int(system.weight[a]))
    return times


@settings(max_examples=60, deadline=None)
@given(programs(shared=True), st.integers(1, 60))
def test_kernel_equals_naive_twin(program, tokens):
    (segment,) = build_graph(*program, tokens, serial, "static").segments
    system = event_system(segment)
    twin = naive(system)
    result = run_recurrence(segment, record=True, early=tokens + 6)
    for (v, k), time in twin.items():
        assert result.early[k, v] == time
    for s, station in enumerate(segment.stations):
        assert result.last_end[s] == twin[int(system.end[s]), station.firings - 1]
    last = int(system.end[-1])
    assert list(result.output) == [twin[last, k] for k in range(segment.stations[-1].firings)]


def test_the_closed_formula_of_an_unbounded_pipeline():
    # With FIFOs that never fill, token k leaves at sum(d) + k max(d).
    ticks = [3, 5, 7, 4]
    (segment,) = build_graph(pipeline(ticks, capacity=300), (), 300, serial).segments
    output = run_recurrence(segment, record=True).output
    assert list(output) == [sum(ticks) + k * max(ticks) for k in range(300)]


def test_overflow_is_refused():
    (segment,) = build_graph(pipeline([2**40, 3]), (), 2**22, serial).segments
    with pytest.raises(InputError, match="beyond 64 bits"):
        run_recurrence(segment)


def test_memory_does_not_grow_with_the_sequence():
    peaks, updates = {}, {}
    for tokens in (1_000, 30_000):
        (segment,) = build_graph(pipeline([3, 5, 7, 4]), (), tokens, serial).segments
        run_recurrence(segment)
        tracemalloc.start()
        try:
            updates[tokens] = run_recurrence(segment).updates
            peaks[tokens] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert updates[30_000] > 25 * updates[1_000]
    assert peaks[30_000] < peaks[1_000] + 20_000 < 200_000
