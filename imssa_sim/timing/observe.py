"""Observation of a whole run: from the event engine's reports to what a person wants to see.

`observe` runs the timing of a graph event by event, without fast-forward, and tells an `Observer`
of every service, occupancy, wait and blockage, and of every change of a FIFO. Components and
engine know nothing of it. Times are ticks since the start of the sequence; stations and channels
are numbered through all segments, as in `numbered`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from imssa_sim.timing.event import EventResult, run_event

if TYPE_CHECKING:
    from imssa_sim.timing.graph import Channel, Segment, TimingGraph

PATIENCE = 1024  # services between two statements of the time that all that follows lies behind
PROGRESS = 1024  # tokens between two statements of how many have left


class Observer(Protocol):
    """Is told what happens within a window of time, in the order in which it ends.

    What is told as an interval overlaps the window, and may begin before it.
    """

    def open(self, time: int) -> None:
        """The window opens; told once, before anything else."""

    def service(self, station: int, firing: int, start: int, end: int) -> None:
        """A station held a token, from taking it to passing it on."""

    def occupied(
        self, station: int, phase: int, part: int, firing: int, start: int, end: int
    ) -> None:
        """A component did an action: a part of a phase of a station."""

    def waited(self, station: int, phase: int, firing: int, start: int, end: int) -> None:
        """A station waited for the arbiter of a shared component, longer than no time."""

    def blocked(self, station: int, firing: int, start: int, end: int) -> None:
        """A station was done, but could not pass its token on, longer than no time."""

    def fill(self, channel: int, time: int, tokens: int) -> None:
        """A FIFO holds another number of tokens from now on."""

    def advance(self, time: int) -> None:
        """Nothing that is told from here on begins before this time."""

    def close(self, time: int) -> None:
        """The window closes; told once, after everything else."""


@dataclass(frozen=True)
class Window:
    """What is observed: from when token ``first`` enters the chip to when ``last`` leaves it.

    ``last`` None: to the end of the sequence, and what follows it once per sequence.
    """

    first: int = 0
    last: int | None = None


WHOLE = Window()
"""The whole sequence."""


def numbered(graph: TimingGraph) -> tuple[tuple[Channel, int], ...]:
    """Return each channel of a graph, and the number of the first station of its segment."""
    found: list[tuple[Channel, int]] = []
    first = 0
    for segment in graph.segments:
        found += [(channel, first) for channel in segment.channels]
        first += len(segment.stations)
    return tuple(found)


def observe(
    graph: TimingGraph,
    observer: Observer,
    window: Window = WHOLE,
    advanced: Callable[[int], None] | None = None,
) -> tuple[EventResult, ...]:
    """Run the timing of one sequence event by event, and tell an observer.

    Parameters
    ----------
    graph : TimingGraph
    observer : Observer
    window : Window
        Tokens of the segments that run per step.
    advanced : callable, optional
        Told now and then how many tokens have left, of all segments together.

    Returns
    -------
    tuple of EventResult
        One a segment, times in ticks since its start.

    Raises
    ------
    TimingError
        The stations wait for each other for ever.
    """
    steps = [n for n, segment in enumerate(graph.segments) if segment.per == "step"]
    probe = _Observation(observer, advanced)
    results = []
    for number, segment in enumerate(graph.segments):
        opens = window.first if number == (steps[0] if steps else 0) else None
        whole = window.last is None or window.last >= segment.tokens - 1
        closes = window.last if steps and number == steps[-1] and not whole else None
        probe.enter(segment, opens, closes)
        results.append(run_event(segment, probe=probe))
        probe.leave(results[-1].end)
    probe.finish()
    return tuple(results)


class _Observation:
    """The probe: puts intervals together, applies the window, says how far it is."""

    tokens: int | None = None  # every token, so that the engine refuses to fast-forward

    def __init__(self, observer: Observer, advanced: Callable[[int], None] | None) -> None:
        self._observer = observer
        self._advanced = advanced
        self._begin = 0  # of the segment
        self._left = 0  # tokens that have left the segments before
        self._from: int | None = None
        self._to: int | None = None
        self._reports = 0
        self._bases = (0, 0)  # numbers of the segment's first station and channel
        self._next = (0, 0)

    def enter(self, segment: Segment, opens: int | None, closes: int | None) -> None:
        """Prepare for a segment; its first station opens, its last one closes the window."""
        self._segment = segment
        self._opens, self._closes = opens, closes
        self._bases = self._next
        self._next = (
            self._bases[0] + len(segment.stations),
            self._bases[1] + len(segment.channels),
        )
        self._levels = [0] * len(segment.channels)
        stations = range(len(segment.stations))
        self._inputs = [_numbers(segment.channels, "target", s) for s in stations]
        self._outputs = [_numbers(segment.channels, "source", s) for s in stations]
        self._parts = [
            [[part.ticks for part in phase.parts] for phase in station.phases]
            for station in segment.stations
        ]
        self._took = [0] * len(stations)
        self._reached: dict[int, int] = {}  # station at work -> end of what it has reported

    def leave(self, end: int) -> None:
        """Go on behind a segment that took so many ticks."""
        self._begin += end
        self._left += self._segment.tokens
        if self._from is not None and self._to is None:
            self._observer.advance(self._begin)

    def finish(self) -> None:
        """Close the window with the sequence, unless it is closed."""
        if self._from is None:
            self._open(self._begin)
        self._observer.close(self._begin if self._to is None else self._to)

    def start(self, station: int, token: int, time: int) -> None:
        """Take note that a station has taken its input tokens."""
        now = self._begin + time
        if station == 0 and token == self._opens and self._from is None:
            self._open(now)
        self._took[station] = self._reached[station] = now
        if token < self._segment.tokens:
            for channel in self._inputs[station]:
                self._fill(channel, now, -1)
        self._reports += 1
        if self._reports % PATIENCE == 0 and self._from is not None and self._to is None:
            self._observer.advance(min(self._took[s] for s in self._reached))

    def phase(self, station: int, phase: int, token: int, start: int, end: int) -> None:
        """Take note of an occupancy."""
        start, end = self._begin + start, self._begin + end
        asked, self._reached[station] = self._reached[station], end
        number = station + self._bases[0]
        if asked < start and self._shows(asked, start):
            self._observer.waited(number, phase, token, asked, start)
        parts = self._parts[station][phase]
        now = start
        for part, ticks in enumerate(parts):
            until = now + ticks
            if part == 0:  # a latency that varies is the first one's
                until += end - start - sum(parts)
            if self._shows(now, until):
                self._observer.occupied(number, phase, part, token, now, until)
            now = until

    def end(self, station: int, token: int, time: int) -> None:
        """Take note that a token has left a station."""
        now = self._begin + time
        done = self._reached.pop(station)
        number = station + self._bases[0]
        if done < now and self._shows(done, now):
            self._observer.blocked(number, token, done, now)
        if self._shows(self._took[station], now):
            self._observer.service(number, token, self._took[station], now)
        extra = self._segment.stations[station].extra
        if token >= extra:
            for channel in self._outputs[station]:
                self._fill(channel, now, +1)
        if station == len(self._outputs) - 1 and token >= extra:
            if token - extra == self._closes and self._from is not None:
                self._to = now
            if self._advanced is not None and (token - extra) % PROGRESS == 0:
                self._advanced(self._left + token - extra)

    def _open(self, time: int) -> None:
        self._from = time
        self._observer.open(time)
        for channel, level in enumerate(self._levels):
            if level:
                self._observer.fill(channel + self._bases[1], time, level)

    def _fill(self, channel: int, time: int, change: int) -> None:
        self._levels[channel] += change
        if self._from is not None and self._to is None:
            self._observer.fill(channel + self._bases[1], time, self._levels[channel])

    def _shows(self, start: int, end: int) -> bool:
        return (
            self._from is not None and end > self._from and (self._to is None or start < self._to)
        )


def _numbers(channels: Sequence[Channel], side: str, station: int) -> list[int]:
    return [n for n, channel in enumerate(channels) if getattr(channel, side) == station]
