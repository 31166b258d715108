"""Full event simulation, fast-forwarded one, recurrence and cycle ratio answer alike."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError, ValidityError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.constraints import event_system, schedule
from imssa_sim.timing.cycle_ratio import maximum_cycle_ratio
from imssa_sim.timing.event import run_event
from imssa_sim.timing.record import Recorder, recorder_of
from imssa_sim.timing.recurrence import run_recurrence

from .programs import programs, serial

TOKENS = st.integers(1, 150)
MANY = settings(max_examples=100, deadline=None)


def only_segment(program, tokens, arbitration="fifo"):
    stages, bypasses = program
    (segment,) = build_graph(stages, bypasses, tokens, serial, arbitration).segments
    return segment


def live(segment):
    try:
        schedule(event_system(segment))
    except InputError:
        return False
    return True


def check_all_agree(segment):
    recorder = Recorder(None)
    full = run_event(segment, probe=recorder)
    some = Recorder(5)
    fast = run_event(segment, fast_forward=True, probe=some)
    recurrence = run_recurrence(segment, record=True)
    last = len(segment.stations) - 1
    ends = [recorder.ends[last, k] for k in range(segment.stations[-1].firings)]
    assert list(recurrence.output) == ends
    assert full.end == fast.end == int(recurrence.last_end.max())
    assert full.first_output == fast.first_output == ends[segment.stations[-1].extra]
    assert full.executed == fast.executed
    assert full.busy == fast.busy
    assert full.executed == tuple((s.firings,) * len(s.phases) for s in segment.stations)
    for (station, token), end in some.ends.items():
        assert end == recorder.ends[station, token]
    quick = run_recurrence(segment, extrapolate=True)
    assert (quick.last_end == recurrence.last_end).all()
    firsts = recorder_of(segment, run_recurrence(segment, early=segment.tokens + 7))
    assert firsts.starts == recorder.starts
    assert firsts.phases == recorder.phases
    assert firsts.ends == recorder.ends
    ratio = maximum_cycle_ratio(event_system(segment)).ratio
    if fast.period is not None:
        assert Fraction(fast.period.ticks, fast.period.tokens) == ratio
    return full, fast


@MANY
@given(programs(), TOKENS)
def test_without_shared_resources(program, tokens):
    segment = only_segment(program, tokens)
    assume(live(segment))
    check_all_agree(segment)


@MANY
@given(programs(shared=True, min_stages=2), TOKENS)
def test_with_resources_in_static_order(program, tokens):
    segment = only_segment(program, tokens, "static")
    assume(live(segment))
    check_all_agree(segment)


@MANY
@given(programs(shared=True, min_stages=2), TOKENS, st.sampled_from(["fifo", "round_robin"]))
def test_with_dynamic_arbitration(program, tokens, arbitration):
    segment = only_segment(program, tokens, arbitration)
    relaxed = event_system(segment, relaxed=True)
    try:
        schedule(relaxed)
    except InputError:
        assume(False)
    recorder, some = Recorder(None), Recorder(5)
    full = run_event(segment, probe=recorder)
    fast = run_event(segment, fast_forward=True, probe=some)
    assert (full.first_output, full.end) == (fast.first_output, fast.end)
    assert (full.executed, full.busy) == (fast.executed, fast.busy)
    for (station, token), end in some.ends.items():
        assert end == recorder.ends[station, token]
    if fast.period is not None:
        loads = [
            sum(segment.stations[s].phases[p].ticks for s, p in r.users) for r in segment.resources
        ]
        assert fast.period.interval >= max([maximum_cycle_ratio(relaxed).ratio, *loads])
    # One at a time: the occupancies of a shared component never overlap.
    for number, resource in enumerate(segment.resources):
        spans = sorted(
            span
            for (s, _), phases in recorder.phases.items()
            for phase, span in zip(segment.stations[s].phases, phases, strict=True)
            if phase.resource == number
        )
        assert all(a[1] <= b[0] for a, b in pairwise(spans)), resource.path
    if segment.dynamic:
        with pytest.raises(ValidityError, match="depends on when they ask"):
            run_recurrence(segment)
