"""Tokens that arrive in real time: hand-worked queues, theory, and exact fast-forward."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError, ValidityError
from imssa_sim.timing.arrivals import Arrivals
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.real_time import RealTime, idle_gaps
from imssa_sim.timing.source import Nap
from imssa_sim.timing.stream import run_stream

from .programs import operation, pipeline, programs, serial, stage


def segment_of(stages, tokens=4, bypasses=(), arbitration="fifo"):
    (segment,) = build_graph(stages, bypasses, tokens, serial, arbitration).segments
    return segment


def single(ticks, tokens=4):
    return segment_of([stage("chip.s", operation("chip.s.unit", ticks))], tokens)


@pytest.mark.parametrize(("period", "latency"), [(10, 7), (7, 7)])
def test_d_d_1_below_saturation_never_waits(period, latency):
    found = run_stream(single(7), Arrivals(40, 1, period), capacity=1)
    assert found.latencies.tolist() == [latency] * 40
    assert found.exits.tolist() == [n * period + latency for n in range(40)]
    assert found.dropped == found.stalled == 0


def test_d_d_1_above_saturation_waits_longer_and_longer():
    found = run_stream(single(7), Arrivals(40, 1, 5), capacity=2)
    assert found.latencies.tolist() == [7 + 2 * n for n in range(40)]
    # Token n comes at 5 n and begins at 7 n; it waits outside while two others wait before it.
    outside = sum(sum(5 * n < 7 * m for m in range(n)) >= 2 for n in range(40))
    assert found.stalled == outside


def test_a_burst_is_served_one_by_one():
    found = run_stream(single(3), Arrivals(8, 4, 40), capacity=4)
    assert found.latencies.tolist() == [3, 6, 9, 12] * 2
    # Three wait at once when four came: the fill is 3, 2, 1 for three ticks each.
    assert {level: found.fill[level] for level in (1, 2, 3)} == {1: 6, 2: 6, 3: 6}


def test_the_oldest_token_is_dropped():
    """Four at once, room for one: the first is served, of the others the youngest stays."""
    found = run_stream(single(3), Arrivals(4, 4, 40), capacity=1, overflow="drop_oldest")
    assert found.dropped == 2
    assert found.latencies.tolist() == [3, 6]


def test_overload_drops_what_the_chip_does_not_serve():
    found = run_stream(single(10), Arrivals(1000, 1, 6), capacity=2, overflow="drop_oldest")
    assert len(found.latencies) + found.dropped == 1000
    assert len(found.latencies) == pytest.approx(600, abs=3)
    assert max(found.latencies) <= 10 + 2 * 10


def test_overflow_may_be_an_error():
    with pytest.raises(InputError, match="buffer of 2 tokens overflows"):
        run_stream(single(10), Arrivals(40, 1, 6), capacity=2, overflow="error")
    run_stream(single(6), Arrivals(40, 1, 6), capacity=1, overflow="error")


def test_m_d_1_waits_as_pollaczek_and_khinchine_say():
    """Mean wait of M/D/1 is rho S / (2 (1 - rho)); batch means give the interval."""
    service, load, number, batches = 1000, 0.6, 40_000, 40
    noise = np.random.Generator(np.random.PCG64(5))
    times = np.rint(np.cumsum(noise.exponential(service / load, number))).astype(np.int64)
    found = run_stream(
        single(service, number), Arrivals(number, 1, 0, times - times[0]), capacity=1
    )
    waits = found.latencies - service
    theory = load * service / (2 * (1 - load))
    means = waits.reshape(batches, -1).mean(axis=1)
    error = means.std(ddof=1) / math.sqrt(batches)
    assert error < 0.04 * theory
    assert waits.mean() == pytest.approx(theory, abs=3 * error)


def assert_same(fast, full):
    np.testing.assert_array_equal(fast.latencies, full.latencies)
    np.testing.assert_array_equal(fast.exits, full.exits)
    assert (fast.dropped, fast.stalled) == (full.dropped, full.stalled)
    assert fast.fill == full.fill
    assert fast.busy == full.busy
    assert fast.end == full.end


@settings(max_examples=60, deadline=None)
@given(
    programs(shared=True, extras=False),
    st.integers(1, 60),
    st.sampled_from([1, 1, 2, 5]),
    st.integers(1, 6),
    st.sampled_from(["stall", "drop_oldest"]),
)
def test_fast_forward_equals_the_whole_run(program, period, burst, capacity, overflow):
    stages, bypasses = program
    segment = segment_of(stages, 8, bypasses)
    arrivals = Arrivals(400, burst, period * burst)
    runs = [
        run_stream(segment, arrivals, capacity=capacity, overflow=overflow, fast_forward=fast)
        for fast in (True, False)
    ]
    assert_same(*runs)


def test_fast_forward_skips_what_repeats():
    arrivals = Arrivals(100_000, 1, 20)
    found = run_stream(segment_of(pipeline([2, 9, 3])), arrivals, capacity=4)
    assert found.period.skipped > 99_000
    assert found.events < 2000
    assert found.latencies.tolist() == [14] * 100_000


def test_drops_are_skipped_exactly():
    arrivals = Arrivals(4000, 1, 7)
    segment = segment_of(pipeline([2, 9, 3]))
    fast, full = (
        run_stream(segment, arrivals, capacity=3, overflow="drop_oldest", fast_forward=f)
        for f in (True, False)
    )
    assert fast.period.skipped > 100
    assert fast.dropped > 500
    assert_same(fast, full)


def test_late_output_catches_up_at_the_end_of_every_sequence():
    """One firing more for each sequence: its token comes when the next one is there, or it ends."""
    late = stage("chip.s", operation("chip.s.unit", 3), loop=1, extra=1)
    found = run_stream(segment_of([late], 4), Arrivals(8, 1, 10), capacity=2)
    assert found.latencies.tolist() == [13, 13, 13, 6] * 2
    assert found.busy == ((30,),)


def test_late_output_and_static_order_are_refused():
    stages = [
        stage("chip.a", operation("chip.bus", 3, "bus"), loop=1, extra=1, buffer=3),
        stage("chip.b", operation("chip.bus", 2, "bus")),
    ]
    segment = segment_of(stages, 4, arbitration="static")
    with pytest.raises(ValidityError, match="arbitration: static"):
        run_stream(segment, Arrivals(8, 1, 10), capacity=2)


def test_arrivals_of_a_tick_wait_for_what_leaves_in_it():
    """The chip takes a token in the tick in which the next one comes: one place is enough."""
    segment = single(5)
    found = run_stream(segment, Arrivals(12, 1, 5), capacity=1, overflow="error")
    assert found.latencies.tolist() == [5] * 12


def test_a_token_waits_for_a_sleeping_chip():
    """It sleeps 2 ticks after a result, 1 behind the token's exit; waking takes 4."""
    times = np.array([0, 8, 18, 31])  # exits at 5, 13, 27, 40
    nap = Nap(behind=1, after=2, wake=4)
    found = run_stream(single(5), Arrivals(4, 1, 0, times), capacity=2, nap=nap)
    assert found.latencies.tolist() == [5, 5, 9, 9]
    assert idle_gaps(found, 1, 45).tolist() == [2, 4, 3, 4]


def test_tokens_that_come_while_it_wakes_wait_in_the_buffer():
    times = np.array([0, 20, 21, 22])
    nap = Nap(behind=0, after=0, wake=10)
    found = run_stream(single(5), Arrivals(4, 1, 0, times), capacity=2, nap=nap)
    assert found.latencies.tolist() == [5, 15, 19, 23]
    lossy = run_stream(
        single(5), Arrivals(4, 1, 0, times), capacity=2, overflow="drop_oldest", nap=nap
    )
    assert lossy.latencies.tolist() == [5, 14, 18]


@settings(max_examples=30, deadline=None)
@given(
    programs(shared=True, extras=False),
    st.integers(20, 200),
    st.sampled_from([1, 3]),
    st.integers(0, 60),
    st.integers(1, 30),
)
def test_fast_forward_is_exact_with_naps(program, period, burst, after, wake):
    stages, bypasses = program
    segment = segment_of(stages, 8, bypasses)
    arrivals = Arrivals(400, burst, period * burst)
    nap = Nap(2, after, wake)
    fast, full = (
        run_stream(segment, arrivals, capacity=4, fast_forward=f, nap=nap) for f in (True, False)
    )
    assert_same(fast, full)


def test_the_mean_fill_weighs_each_level_by_its_time():
    mean = RealTime.mean_fill.fget
    assert mean(SimpleNamespace(fill={0: 3.0, 2: 1.0, 5: 4.0})) == (2 * 1 + 5 * 4) / 8
    assert mean(SimpleNamespace(fill={})) == 0.0
