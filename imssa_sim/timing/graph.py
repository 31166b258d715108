"""The timed event graph of a chip: stations, FIFOs, shared resources, segments.

A *station* serves one token at a time: it takes one token from each of its input FIFOs (at its
start), passes through its phases one after another, and puts one token into each of its output
FIFOs (at its end) as soon as all of them have room; until then it is blocked and holds the token.
A *segment* is a set of stations that work at the same time. Segments follow each other: a barrier
(reverse direction) and the stages that run once per sequence open a new one.

All times are integer ticks. A graph holds no state; the engines of this package run it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Arbitration = Literal["fifo", "round_robin", "static"]


@dataclass(frozen=True)
class TimedAction:
    """One action within an occupancy: the key of the ledger, and its share of the time."""

    component: str
    action: str
    ticks: int
    count: int


@dataclass(frozen=True)
class Phase:
    """One uninterrupted occupancy within a station: actions that follow each other.

    Attributes
    ----------
    parts : tuple of TimedAction
        In the order of their execution.
    resource : int
        Index into ``Segment.resources`` of the shared component that is held, or -1.
    varying : callable or None
        Latency that depends on the token: token number -> ticks, at least 1. Only the event
        engine without fast-forward can run it; the parts' ticks then count for nothing.
    """

    parts: tuple[TimedAction, ...]
    resource: int = -1
    varying: Callable[[int], int] | None = None

    @property
    def ticks(self) -> int:
        """Length of the occupancy [ticks]."""
        return sum(part.ticks for part in self.parts)


@dataclass(frozen=True)
class Station:
    """A server of the pipeline: one action, or the fused actions of a recurrence loop.

    Attributes
    ----------
    path : str
        Dotted path, unique in the graph.
    stage : str
        Path of the stage that the station belongs to.
    phases : tuple of Phase
        In the order of their execution.
    firings : int
        How often the station serves in one sequence: the tokens of its segment plus ``extra``.
    extra : int
        The first ``extra`` firings give no output token, the last ``extra`` take no input token
        (a fused kernel whose output comes one step late).
    """

    path: str
    stage: str
    phases: tuple[Phase, ...]
    firings: int
    extra: int = 0

    @property
    def ticks(self) -> int:
        """Time of one service without waiting [ticks]."""
        return sum(phase.ticks for phase in self.phases)


@dataclass(frozen=True)
class Channel:
    """A bounded FIFO from one station to a later one of the same segment.

    A token is in the FIFO from the end of the source's service to the start of the target's.
    ``initial`` tokens are in it at the beginning; only one with such tokens may lead backwards.
    """

    path: str
    source: int
    target: int
    capacity: int
    initial: int = 0


@dataclass(frozen=True)
class Resource:
    """A component that several stations share; it serves one of them at a time.

    ``users`` are (station, phase) pairs, in the order in which they break ties. Policies:
    ``fifo``: first come, first served; of requests of one tick the first user. ``round_robin``:
    the next waiting user after the one served last. ``static``: a fixed cyclic order, user j
    having its turn for token ``r - lags[j]`` in round r; it is kept even if the component idles.
    """

    path: str
    policy: Arbitration
    users: tuple[tuple[int, int], ...]
    lags: tuple[int, ...]

    @property
    def dynamic(self) -> bool:
        """Whether the order of service depends on when requests arrive."""
        return self.policy != "static" and len(self.users) > 1


@dataclass(frozen=True)
class Segment:
    """Stations that work at the same time on ``tokens`` tokens; the last station gives the output.

    ``overlaps`` says whether the buffer in front of the segment holds two sequences, so that the
    segment before it may begin the next sequence while this one works.
    """

    path: str
    tokens: int
    stations: tuple[Station, ...]
    channels: tuple[Channel, ...]
    resources: tuple[Resource, ...]
    per: Literal["step", "sequence"] = "step"
    overlaps: bool = True

    @property
    def dynamic(self) -> tuple[str, ...]:
        """Paths of the resources with dynamic arbitration."""
        return tuple(resource.path for resource in self.resources if resource.dynamic)

    @property
    def varying(self) -> tuple[str, ...]:
        """Components whose latency depends on the token."""
        return tuple(
            phase.parts[0].component
            for station in self.stations
            for phase in station.phases
            if phase.varying is not None
        )


@dataclass(frozen=True)
class TimingGraph:
    """The segments of one sequence, in the order of time."""

    segments: tuple[Segment, ...]

    @property
    def stations(self) -> tuple[Station, ...]:
        """All stations, in the order of the flow."""
        return tuple(station for segment in self.segments for station in segment.stations)
