"""Observation of whole runs: everything is told once, in order, and exactly as it happened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings

from imssa_sim.errors import InputError
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.event import build_design, run_event
from imssa_sim.timing.observe import WHOLE, Window, numbered, observe
from imssa_sim.timing.record import Recorder

from .programs import operation, pipeline, programs, serial, stage


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """Let the observation say how far it is after every other service."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imssa_sim.timing.observe.PATIENCE", 2)
        yield


class Told:
    """Keeps all that it is told, and checks the order on the way."""

    def __init__(self):
        self.opened = self.closed = None
        self.advanced = 0
        self.services, self.occupancies, self.waits, self.blockages = [], [], [], []
        self.fills = defaultdict(list)

    def _check(self, start):
        assert self.opened is not None
        assert self.closed is None
        assert start >= self.advanced

    def open(self, time):
        assert self.opened is None
        self.opened = time

    def service(self, station, firing, start, end):
        self._check(start)
        self.services.append((station, firing, start, end))

    def occupied(self, station, phase, part, firing, start, end):
        self._check(start)
        self.occupancies.append((station, phase, part, firing, start, end))

    def waited(self, station, phase, firing, start, end):
        self._check(start)
        self.waits.append((station, phase, firing, start, end))

    def blocked(self, station, firing, start, end):
        self._check(start)
        self.blockages.append((station, firing, start, end))

    def fill(self, channel, time, tokens):
        self._check(time)
        self.fills[channel].append((time, tokens))

    def advance(self, time):
        assert time >= self.advanced
        self.advanced = time

    def close(self, time):
        assert self.closed is None
        self.closed = time


def graph_of(stages, bypasses=(), tokens=9):
    return build_graph(stages, bypasses, tokens, serial)


def told_of(graph, window=WHOLE):
    told = Told()
    results = observe(graph, told, window)
    return told, results


@settings(deadline=None, max_examples=60)
@given(programs(shared=True, barriers=True))
def test_what_is_told_is_what_the_engine_did(drawn):
    stages, bypasses = drawn
    try:
        graph = graph_of(stages, bypasses)
    except InputError:  # a buffer too small for a barrier
        assume(False)
    told, results = told_of(graph)
    begin = first = 0
    expected = []
    inside = defaultdict(list)
    for station, phase, _, firing, start, end in told.occupancies:
        inside[station, phase, firing].append((start, end))
    for segment, result in zip(graph.segments, results, strict=True):
        recorder = Recorder(None)
        again = run_event(segment, probe=recorder)
        assert again == result
        for s, station in enumerate(segment.stations):
            for k in range(station.firings):
                expected.append(
                    (first + s, k, begin + recorder.starts[s, k], begin + recorder.ends[s, k])
                )
                for n, (start, end) in enumerate(recorder.phases[s, k]):
                    parts = inside[first + s, n, k]
                    assert parts[0][0] == begin + start
                    assert parts[-1][1] == begin + end
                    assert [b - a for a, b in parts] == [p.ticks for p in station.phases[n].parts]
        begin += result.end
        first += len(segment.stations)
    assert sorted(told.services) == sorted(expected)
    assert (told.opened, told.closed) == (0, begin)


@settings(deadline=None, max_examples=60)
@given(programs(shared=True))
def test_a_service_is_work_waits_and_blockages_without_a_gap(drawn):
    stages, bypasses = drawn
    graph = graph_of(stages, bypasses)
    told, _ = told_of(graph)
    pieces = defaultdict(list)
    for station, _, _, firing, start, end in told.occupancies:
        pieces[station, firing].append((start, end))
    for station, _, firing, start, end in told.waits:
        assert end > start
        pieces[station, firing].append((start, end))
    for station, firing, start, end in told.blockages:
        assert end > start
        pieces[station, firing].append((start, end))
    for station, firing, start, end in told.services:
        now = start
        for a, b in sorted(pieces[station, firing]):
            assert a == now
            now = b
        assert now == end


@settings(deadline=None, max_examples=60)
@given(programs(shared=True))
def test_fifos_stay_within_their_capacity_and_end_empty(drawn):
    stages, bypasses = drawn
    graph = graph_of(stages, bypasses)
    told, _ = told_of(graph)
    for n, (channel, _) in enumerate(numbered(graph)):
        levels = [level for _, level in told.fills[n]]
        assert min(levels) == 0
        assert 1 <= max(levels) <= channel.capacity
        assert levels[-1] == 0
        assert all(abs(b - a) == 1 for a, b in pairwise([0, *levels]))


def test_a_window_holds_what_overlaps_it():
    graph = graph_of(pipeline([3, 5, 2], capacity=2), tokens=40)
    whole, _ = told_of(graph)
    told, results = told_of(graph, Window(10, 12))
    first = next(s for s in whole.services if s[:2] == (0, 10))
    last = next(s for s in whole.services if s[:2] == (2, 12))
    assert (told.opened, told.closed) == (first[2], last[3])
    for name in ("services", "occupancies", "blockages"):
        overlapping = [
            entry
            for entry in getattr(whole, name)
            if entry[-1] > told.opened and entry[-2] < told.closed
        ]
        assert getattr(told, name) == overlapping
    assert results == told_of(graph)[1]  # the run itself is the same
    for channel, changes in told.fills.items():  # begins with what the FIFOs hold
        before = [level for time, level in whole.fills[channel] if time <= told.opened]
        if before and before[-1]:
            assert (told.opened, before[-1]) in changes


def test_a_window_to_the_end_takes_along_what_follows():
    stages = [
        *pipeline([3, 5], capacity=2),
        stage("chip.decoder", operation("chip.decoder.mac", 7, "mac", "mac"), per="sequence"),
    ]
    graph = graph_of(stages, tokens=6)
    told, results = told_of(graph, Window(4, 5))
    assert told.closed == sum(result.end for result in results)
    assert (2, 0) in [entry[:2] for entry in told.services]


def test_what_a_latency_that_varies_takes_is_the_first_parts():
    graph = graph_of([stage("chip.a", operation("chip.a.u", 2), operation("chip.a.v", 3), loop=2)])
    (segment,) = graph.segments
    (station,) = segment.stations
    (phase,) = station.phases
    varying = replace(phase, varying=lambda token: 10 + token)
    segment = replace(segment, stations=(replace(station, phases=(varying,)),))
    told, _ = told_of(replace(graph, segments=(segment,)))
    assert told.occupancies[2:4] == [(0, 0, 0, 1, 10, 18), (0, 0, 1, 1, 18, 21)]


def test_it_says_how_far_it_is():
    told, results = told_of(graph_of(pipeline([3, 5, 2], capacity=2), tokens=40))
    assert 0.9 * results[0].end < told.advanced <= results[0].end


def test_progress_is_told():
    graph = graph_of(pipeline([1, 1]), tokens=3000)
    told = []
    observe(graph, Told(), advanced=told.append)
    assert told == [0, 1024, 2048]


@pytest.mark.parametrize("ticks", [[4, 1], [1, 4]])
def test_an_observer_costs_the_engine_nothing_when_there_is_none(ticks):
    design = build_design(graph_of(pipeline(ticks)).segments[0])
    assert all(s.on_start is s.on_phase is s.on_end is None for s in design.stations)
