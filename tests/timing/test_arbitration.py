"""Arbitration against a simulator that steps tick by tick, and by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.timing.build import build_graph
from imssa_sim.timing.event import run_event
from imssa_sim.timing.record import Recorder

from .programs import operation, programs, serial, stage


class TickByTick:
    """The rules of `imssa_sim.timing.graph`, applied to every station in every tick."""

    def __init__(self, segment):
        self.segment = segment
        number = len(segment.stations)
        self.level = [0] * len(segment.channels)
        self.started = [0] * number
        self.phase = [None] * number  # None: wants inputs; len(phases): wants to give outputs
        self.until = [None] * number
        self.holder = [None] * len(segment.resources)
        self.queue = [{} for _ in segment.resources]  # user -> time of request
        self.pointer = [0] * len(segment.resources)
        self.turns = [self._turns(resource) for resource in segment.resources]
        self.phases = {}
        self.time = 0

    def _turns(self, resource):
        firings = [self.segment.stations[s].firings for s, _ in resource.users]
        rounds = range(min(resource.lags), max(firings) + max(resource.lags))
        return [
            user
            for r in rounds
            for user, limit, lag in zip(resource.users, firings, resource.lags, strict=True)
            if 0 <= r - lag < limit
        ]

    def run(self):
        stations = self.segment.stations
        while True:
            while any([self._step(s) for s in range(len(stations))]):
                pass
            if all(
                self.phase[s] is None and self.started[s] == stations[s].firings
                for s in range(len(stations))
            ):
                return self.time
            for number in range(len(self.segment.resources)):
                self._grant(number)
            self.time += 1

    def _step(self, s):
        station, segment = self.segment.stations[s], self.segment
        if self.phase[s] is None:
            if self.started[s] == station.firings:
                return False
            inputs = [c for c, channel in enumerate(segment.channels) if channel.target == s]
            if self.started[s] < segment.tokens:
                if not all(self.level[c] for c in inputs):
                    return False
                for c in inputs:
                    self.level[c] -= 1
            self.started[s] += 1
            self._enter(s, 0)
            return True
        if self.phase[s] == len(station.phases):
            outputs = [c for c, channel in enumerate(segment.channels) if channel.source == s]
            if self.started[s] > station.extra:
                if not all(self.level[c] < segment.channels[c].capacity for c in outputs):
                    return False
                for c in outputs:
                    self.level[c] += 1
            self.phase[s] = None
            return True
        if self.until[s] == self.time:
            self.until[s] = None
            resource = station.phases[self.phase[s]].resource
            if resource >= 0:
                self.holder[resource] = None
            self._enter(s, self.phase[s] + 1)
            return True
        return False

    def _enter(self, s, phase):
        self.phase[s] = phase
        phases = self.segment.stations[s].phases
        if phase == len(phases):
            return
        if phases[phase].resource >= 0:
            self.queue[phases[phase].resource][s, phase] = self.time
        else:
            self._occupy(s)

    def _occupy(self, s):
        ticks = self.segment.stations[s].phases[self.phase[s]].ticks
        self.until[s] = self.time + ticks
        key = (s, self.started[s] - 1)
        self.phases.setdefault(key, []).append((self.time, self.time + ticks))

    def _grant(self, number):
        resource, queue = self.segment.resources[number], self.queue[number]
        if self.holder[number] is not None or not queue:
            return
        place = {user: n for n, user in enumerate(resource.users)}
        if resource.policy == "fifo":
            user = sorted(queue, key=lambda u: (queue[u], place[u]))[0]
        elif resource.policy == "round_robin":
            ahead = len(resource.users)
            user = sorted(queue, key=lambda u: (place[u] - self.pointer[number]) % ahead)[0]
            self.pointer[number] = place[user] + 1
        else:
            user = self.turns[number][0]
            if user not in queue:
                return
            self.turns[number].pop(0)
        del queue[user]
        self.holder[number] = user
        self._occupy(user[0])


@settings(max_examples=120, deadline=None)
@given(
    programs(shared=True, min_stages=2),
    st.integers(1, 40),
    st.sampled_from(["fifo", "round_robin", "static"]),
)
def test_equals_a_simulation_tick_by_tick(program, tokens, arbitration):
    (segment,) = build_graph(*program, tokens, serial, arbitration).segments
    naive = TickByTick(segment)
    end = naive.run()
    recorder = Recorder(None)
    result = run_event(segment, probe=recorder)
    assert result.end == end
    assert dict(recorder.phases) == naive.phases


@pytest.mark.parametrize(
    ("arbitration", "spans"),
    [
        # a uses the bus for 2, then b for 1, then c uses the bus for 3. At 2, a has served token
        # 0 and asks for token 1: 2-4. c asks for token 0 at 3 and waits until 4. At 4, a asks for
        # token 2: c was first (4-7), then a (7-9).
        ("fifo", {("a", 1): (2, 4), ("c", 0): (4, 7), ("a", 2): (7, 9)}),
        ("round_robin", {("a", 1): (2, 4), ("c", 0): (4, 7), ("a", 2): (7, 9)}),
        # c stands two stations behind a, so c's turn for token 0 comes in round 2, before a's for
        # token 2, which is when a asks for it anyway.
        ("static", {("a", 1): (2, 4), ("c", 0): (4, 7), ("a", 2): (7, 9)}),
    ],
)
def test_by_hand(arbitration, spans):
    stages = [
        stage("chip.a", operation("chip.bus", 2, "bus"), buffer=4),
        stage("chip.b", operation("chip.b.unit", 1), buffer=4),
        stage("chip.c", operation("chip.bus", 3, "bus"), buffer=4),
    ]
    (segment,) = build_graph(stages, (), 20, serial, arbitration).segments
    recorder = Recorder(None)
    run_event(segment, probe=recorder)
    number = {"a": 0, "c": 2}
    for (name, token), span in spans.items():
        assert recorder.phases[number[name], token] == [span], (name, token)


def test_static_turns_are_kept_though_the_bus_idles():
    # With room for one token between them only, c has its turn for token k before a's for k + 2
    # at the latest; a cannot run ahead although the bus is free.
    stages = [
        stage("chip.a", operation("chip.bus", 1, "bus")),
        stage("chip.b", operation("chip.b.unit", 10)),
        stage("chip.c", operation("chip.bus", 1, "bus")),
    ]
    (segment,) = build_graph(stages, (), 20, serial, "static").segments
    (bus,) = segment.resources
    assert bus.users == ((2, 0), (0, 0))
    assert bus.lags[0] - bus.lags[1] == 2
    recorder = Recorder(None)
    run_event(segment, probe=recorder)
    for k in range(17):
        assert recorder.phases[2, k][0][1] <= recorder.phases[0, k + 2][0][0]
