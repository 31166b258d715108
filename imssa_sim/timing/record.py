"""Recording of the first tokens, by a probe on the event engine or from the recurrence."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imssa_sim.timing.constraints import event_system, schedule

if TYPE_CHECKING:
    from imssa_sim.timing.graph import Segment


class Recorder:
    """Keeps start, occupancies and end of the first ``tokens`` firings of every station.

    ``starts`` and ``ends`` map (station, token) to ticks, ``phases`` (station, token) to a list
    of (start, end).
    """

    def __init__(self, tokens: int | None) -> None:
        self.tokens = tokens
        self.starts: dict[tuple[int, int], int] = {}
        self.ends: dict[tuple[int, int], int] = {}
        self.phases: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)

    def start(self, station: int, token: int, time: int) -> None:
        """Keep the start of a service."""
        self.starts[station, token] = time

    def phase(self, station: int, phase: int, token: int, start: int, end: int) -> None:
        """Keep an occupancy."""
        self.phases[station, token].append((start, end))

    def end(self, station: int, token: int, time: int) -> None:
        """Keep the end of a service."""
        self.ends[station, token] = time


def record_recurrence(segment: Segment, tokens: int) -> Recorder:
    """Evaluate the recurrence for the first tokens in plain Python and keep everything.

    Parameters
    ----------
    segment : Segment
        Without dynamic arbitration.
    tokens : int
        Firings to keep per station.
    """
    system = event_system(segment)
    plan = schedule(system)
    incoming: list[list[int]] = [[] for _ in system.names]
    for arc, target in enumerate(system.target):
        incoming[target].append(arc)
    times: dict[tuple[int, int], int] = {}
    for n in range(int(min(tokens, system.limit.max()) + plan.delay.max())):
        for v in map(int, plan.order):
            k = n - int(plan.delay[v])
            if not 0 <= k < system.limit[v]:
                continue
            best = 0
            for a in incoming[v]:
                u = int(system.source[a])
                j = k - int(system.marking[a])
                if system.clamp[a]:
                    j = min(j, int(system.limit[u]) - 1)
                if 0 <= j < system.limit[u]:
                    best = max(best, times[u, j] + int(system.weight[a]))
            times[v, k] = best
    recorder = Recorder(tokens)
    turns = {
        (int(system.station[v]), name.split(" turn at ", 1)[1], v)
        for v, name in enumerate(system.names)
        if " turn at " in name
    }
    for s, station in enumerate(segment.stations):
        grants = sorted(v for owner, _, v in turns if owner == s)
        for k in range(min(tokens, station.firings)):
            recorder.starts[s, k] = now = times[int(system.start[s]), k]
            position = 0
            for phase in station.phases:
                if phase.resource >= 0:
                    now = times[grants[position], k]
                    position += 1
                recorder.phases[s, k].append((now, now + phase.ticks))
                now += phase.ticks
            recorder.ends[s, k] = times[int(system.end[s]), k]
    return recorder
