"""The event engine: a segment elaborated into SimPy components, and run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import simpy
from simpy.core import EmptySchedule

from imssa_sim.errors import ValidityError
from imssa_sim.timing.components import (
    ARBITERS,
    Arbiter,
    ElaborationError,
    Fifo,
    Server,
    StaticArbiter,
    TimingError,
)
from imssa_sim.timing.steady import Period, SteadyState, fast_forward_refusal

if TYPE_CHECKING:
    from imssa_sim.timing.graph import Segment
    from imssa_sim.timing.source import Source


class Probe(Protocol):
    """An observer of one segment; attached from outside, before the run.

    Times are in ticks since the start of the segment. ``tokens`` is the number of tokens that it
    wants to see, None for all: then the run must not be fast-forwarded.
    """

    tokens: int | None

    def start(self, station: int, token: int, time: int) -> None:
        """Take note that a station has taken its input tokens."""

    def phase(self, station: int, phase: int, token: int, start: int, end: int) -> None:
        """Take note of an occupancy."""

    def end(self, station: int, token: int, time: int) -> None:
        """Take note that a token has left a station."""


class SteadyStateNotFoundError(TimingError):
    """The transient is longer than the simulation was to last."""


@dataclass
class Design:
    """The components of a segment.

    `elaborate` checks the wiring; `start` creates the processes.
    """

    env: simpy.Environment
    stations: list[Server]
    fifos: list[Fifo]
    arbiters: list[Arbiter]
    skipped: int = 0  # ticks that were extrapolated instead of simulated
    source: Source | None = None  # without one, the first station always finds its next token
    _elaborated: bool = field(default=False, init=False)

    @property
    def now(self) -> int:
        """Simulated time since the start of the segment [ticks]."""
        return int(self.env.now) + self.skipped

    def elaborate(self) -> None:
        """Check that every port is connected and every path is unique.

        Raises
        ------
        ElaborationError
        """
        paths = [component.path for component in self.stations]
        paths += [component.path for component in self.fifos]
        paths += [component.path for component in self.arbiters]
        for path, number in Counter(paths).items():
            if number > 1:
                raise ElaborationError(f"{path}: {number} components have this path")
        for station in self.stations:
            for port in station.ports():
                if port.peer is None:
                    raise ElaborationError(f"{port.path}: not connected")
        for arbiter in self.arbiters:
            if isinstance(arbiter, StaticArbiter):
                arbiter.limits = tuple(self.stations[s].limit for s, _ in arbiter.users)
                arbiter.start()
        self._elaborated = True

    def start(self) -> None:
        """Create the processes."""
        if not self._elaborated:
            raise ElaborationError("the design was started before it was elaborated")
        for station in self.stations:
            self.env.process(station.run())


def build_design(segment: Segment, sequence: int | None = None) -> Design:
    """Create and wire the components of a segment, which takes sequences of so many tokens."""
    env = simpy.Environment()
    stations = [
        Server(env, index, station, segment.tokens, sequence)
        for index, station in enumerate(segment.stations)
    ]
    fifos = []
    for channel in segment.channels:
        fifo = Fifo(env, channel.path, channel.capacity, channel.initial)
        stations[channel.source].output().connect(fifo)
        stations[channel.target].input().connect(fifo)
        fifos.append(fifo)
    arbiters = []
    for resource in segment.resources:
        arbiter = ARBITERS[resource.policy](env, resource)
        for station, phase in resource.users:
            port = stations[station].arbiters[phase]
            if port is None:
                raise ElaborationError(f"{resource.path}: {stations[station].path} has no port")
            port.connect(arbiter)
        arbiters.append(arbiter)
    return Design(env, stations, fifos, arbiters)


@dataclass(frozen=True)
class EventResult:
    """What the event engine measured on one segment; times in ticks since its start.

    Attributes
    ----------
    first_output, end : int
        First and last token leave the last station.
    executed, busy : tuple of tuple of int
        Occupancies and ticks per station and phase.
    events : int
        SimPy events processed.
    period : Period or None
        The steady state, if it was looked for and found.
    """

    first_output: int
    end: int
    executed: tuple[tuple[int, ...], ...]
    busy: tuple[tuple[int, ...], ...]
    events: int
    period: Period | None


def run_event(
    segment: Segment,
    *,
    fast_forward: bool = False,
    watch: bool = False,
    patience: int | None = None,
    probe: Probe | None = None,
) -> EventResult:
    """Run a segment event by event.

    Parameters
    ----------
    segment : Segment
    fast_forward : bool
        Extrapolate once the steady state is detected and the probe has seen its tokens.
    watch : bool
        Look for the steady state, but simulate everything.
    patience : int, optional
        Events after which to give up if the steady state is not found yet.
    probe : Probe, optional
        Told of every service.

    Raises
    ------
    TimingError
        The stations wait for each other for ever.
    SteadyStateNotFoundError
        The patience is at its end.
    ValidityError
        Fast-forward is asked for where it would be wrong (see `fast_forward_refusal`).
    """
    if fast_forward:
        reason = fast_forward_refusal(segment, trace=probe is not None and probe.tokens is None)
        if reason is not None:
            raise ValidityError(f"{segment.path}: no fast-forward, because {reason}")
    design = build_design(segment)
    design.elaborate()
    first: list[int] = []
    last = design.stations[-1]
    seen = probe.tokens if probe is not None and probe.tokens is not None else 0
    steady = SteadyState(design, after=seen, skip=fast_forward) if watch or fast_forward else None

    def ended(station: Server) -> None:
        if not first and station.ended > station.extra:
            first.append(design.now)
        if steady is not None:
            steady.watch(station)

    last.on_end = ended
    if probe is not None:
        _attach(design, probe)
    design.start()
    events = _advance(design.env, patience)
    if events == patience and steady is not None and steady.period is None:
        raise SteadyStateNotFoundError(f"{segment.path}: no steady state in {events} events")
    events += _advance(design.env, None)
    stuck = [station for station in design.stations if station.ended < station.limit]
    if stuck:
        raise TimingError(
            "the pipeline locks up: "
            + "; ".join(f"{s.path} waits for {s.waiting_on or 'nothing'}" for s in stuck[:6])
        )
    return EventResult(
        first[0],
        design.now,
        tuple(tuple(station.executed) for station in design.stations),
        tuple(tuple(station.busy) for station in design.stations),
        events,
        steady.period if steady is not None else None,
    )


def _advance(env: simpy.Environment, most: int | None) -> int:
    """Process events until none is left, or so many are done; return their number."""
    step, done = env.step, 0
    try:
        while done != most:
            step()
            done += 1
    except EmptySchedule:
        pass
    return done


def _attach(design: Design, probe: Probe) -> None:
    """Hang a probe on every station; it comes off after the tokens that it wants to see."""

    def wanted(token: int) -> bool:
        return probe.tokens is None or token < probe.tokens

    def start(station: Server) -> None:
        if wanted(token := station.started - 1):
            probe.start(station.index, token, design.now)
        else:
            station.on_start = station.on_phase = None

    def phase(station: Server, number: int, ticks: int) -> None:
        if wanted(token := station.started - 1):
            probe.phase(station.index, number, token, design.now - ticks, design.now)

    for station in design.stations:
        station.on_start, station.on_phase = start, phase
        station.on_end = _chain(station.on_end, probe, design)


def _chain(
    earlier: Callable[[Server], None] | None, probe: Probe, design: Design
) -> Callable[[Server], None]:
    def end(station: Server) -> None:
        if earlier is not None:
            earlier(station)
        if probe.tokens is None or station.ended <= probe.tokens:
            probe.end(station.index, station.ended - 1, design.now)
        else:
            station.on_end = earlier

    return end
