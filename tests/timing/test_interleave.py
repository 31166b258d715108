"""Sequences in turn: hand-worked loops, both engines, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import ValidityError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.event import run_event
from imssa_sim.timing.interleave import interleave
from imssa_sim.timing.recurrence import run_recurrence

from .programs import operation, pipeline, programs, serial, stage


def segment_of(stages, tokens=20, bypasses=(), arbitration="fifo"):
    (segment,) = build_graph(stages, bypasses, tokens, serial, arbitration).segments
    return segment


def loop(*ticks, unit="chip.s.u"):
    return stage(
        "chip.s", *(operation(f"{unit}{n}", t) for n, t in enumerate(ticks)), loop=len(ticks)
    )


def interval(segment, sequences, policy="fifo"):
    found = run_event(interleave(segment, sequences, policy), fast_forward=True)
    return found.period.interval


@pytest.mark.parametrize(
    ("sequences", "ticks"),
    [(1, Fraction(16)), (2, Fraction(8)), (3, Fraction(16, 3)), (4, 4), (9, 4)],
)
def test_a_balanced_loop_takes_a_kth_until_each_unit_is_always_busy(sequences, ticks):
    """Four units of 4 ticks: four sequences are four times as fast, a fifth adds nothing."""
    assert interval(segment_of([loop(4, 4, 4, 4)]), sequences) == ticks


def test_the_longest_unit_bounds_what_turns_can_hide():
    assert interval(segment_of([loop(10, 2, 3)]), 16) == 10


def test_a_read_keeps_its_word_lines_until_the_columns_are_sampled():
    read = stage(
        "chip.k",
        operation("chip.k.dac", 6, "dac"),
        operation("chip.k.array", 1, "array"),
        operation("chip.k.adc", 5, "adc"),
        loop=3,
    )
    assert interval(segment_of([read]), 4) == 7


@pytest.mark.parametrize(
    ("sequences", "ticks"), [(1, 44), (2, 22), (3, Fraction(44, 3)), (4, 11), (5, 11)]
)
def test_ways_take_the_next_sums_while_the_last_are_converted(sequences, ticks):
    """A read of 11 ticks, a conversion of 30 of which one begins every 10, and 3 behind it."""
    read = stage(
        "chip.k",
        operation("chip.k.dac", 1, "dac"),
        operation("chip.k.array", 10, "array"),
        operation("chip.k.adc", 30, "adc"),
        operation("chip.k.requantiser", 3),
        loop=4,
    )
    (adc,) = (action for action in read.actions if action.kind == "adc")
    behind = {(adc.component, adc.verb): 20}
    turned = interleave(segment_of([read]), sequences, "fifo", behind)
    assert run_event(turned, fast_forward=True).period.interval == ticks


@given(st.integers(1, 9), st.integers(0, 30), st.integers(1, 12))
def test_what_is_behind_a_service_delays_and_never_limits(service, behind, read):
    stages = [loop(read, service + behind)]
    one = {("chip.s.u1", stages[0].actions[1].verb): behind}
    for sequences, least in ((1, read + service + behind), (64, max(read, service))):
        found = run_event(
            interleave(segment_of(stages, 200), sequences, "fifo", one), fast_forward=True
        )
        assert found.period.interval == least


def test_a_unit_that_the_loop_uses_twice_is_shared():
    twice = stage(
        "chip.s",
        operation("chip.s.a", 3),
        operation("chip.s.b", 2),
        operation("chip.s.a", 4, action="again"),
        loop=3,
    )
    assert interval(segment_of([twice]), 8) == 7
    assert interval(segment_of([twice]), 8, "static") == 7


def test_last_result_of_a_short_round():
    """Two units of 3 and 2 ticks, two sequences of two steps: 3 + 3 + 3 + 3 + 2 ticks."""
    found = run_event(interleave(segment_of([loop(3, 2)], 2), 2, "fifo"))
    assert found.end == 14
    assert found.executed == ((4,), (4,))


@settings(max_examples=60, deadline=None)
@given(programs(extras=False), st.integers(1, 5))
def test_both_engines_agree_and_nothing_gets_slower(program, sequences):
    stages, bypasses = program
    segment = segment_of(stages, 12, bypasses, "static")
    turned = interleave(segment, sequences, "static")
    full, fast = run_event(turned), run_event(turned, fast_forward=True)
    assert full.end == fast.end == int(run_recurrence(turned).last_end.max())
    assert full.executed == fast.executed
    assert full.end <= sequences * run_event(segment).end


def test_a_pipeline_without_loops_gains_nothing():
    segment = segment_of(pipeline([2, 9, 3]))
    assert interval(segment, 4) == 9


def test_a_late_output_is_refused():
    late = stage("chip.s", operation("chip.s.u", 3), loop=1, extra=1)
    with pytest.raises(ValidityError, match="comes a step late"):
        interleave(segment_of([late]), 2, "fifo")
