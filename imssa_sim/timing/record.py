"""Recording of the first tokens, by a probe on the event engine or from the recurrence."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.timing.graph import Segment
    from imssa_sim.timing.recurrence import RecurrenceResult


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


def recorder_of(segment: Segment, result: RecurrenceResult) -> Recorder:
    """Return the first tokens of a recurrence, as a probe on the event engine records them."""
    system, early = result.system, result.early
    recorder = Recorder(len(early))
    grants: list[list[int]] = [[] for _ in segment.stations]
    ends = set(map(int, (*system.start, *system.end)))
    for v, owner in enumerate(system.station):
        if v not in ends:
            grants[owner].append(v)
    for s, station in enumerate(segment.stations):
        for k in range(min(len(early), station.firings)):
            now = int(early[k, system.start[s]])
            recorder.starts[s, k] = now
            turns = iter(grants[s])
            for phase in station.phases:
                if phase.resource >= 0:
                    now = int(early[k, next(turns)])
                recorder.phases[s, k].append((now, now + phase.ticks))
                now += phase.ticks
            recorder.ends[s, k] = int(early[k, system.end[s]])
    return recorder
