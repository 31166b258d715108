"""What the timing of a Program gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Engine = Literal["auto", "event", "recurrence"]


@dataclass(frozen=True)
class Occupancy:
    """One action of one component for one token; ``start`` and ``end`` in [s]."""

    path: str
    action: str
    token: int
    start: float
    end: float


@dataclass(frozen=True)
class LatencyRow:
    """Share of an action in the latency of the first token.

    ``kind`` is the kind of component, ``service`` [s] the time of the action, ``waiting`` [s]
    the time that the token waited for it.
    """

    stage: str
    component: str
    kind: str
    action: str
    service: float
    waiting: float


@dataclass(frozen=True)
class Bottleneck:
    """What sets the interval: ``path`` of the station or resource, and why, in words."""

    path: str
    interval: Fraction
    explanation: str


@dataclass(frozen=True)
class SegmentTiming:
    """One segment; times in ticks since its start, ``interval`` in ticks per token.

    ``exact`` says whether ``interval`` is the steady state's, or a mean over a sequence that was
    too short to reach one. ``period_tokens`` is None where no period was looked for or found.
    """

    path: str
    tokens: int
    first_output: int
    end: int
    interval: Fraction
    exact: bool
    period_tokens: int | None
    events: int
    note: str


@dataclass(frozen=True)
class TimingResult:
    """Latency, interval, counts and use of a Program, for one sequence, or a batch of them.

    Attributes
    ----------
    first_output : float
        The first token leaves the last stage that runs per step [s].
    interval : float
        Steady-state time between tokens at the output [s].
    end_to_end : float
        The sequence's result is there [s].
    sequence_interval : float
        Time between results if sequences follow each other without a break [s]. An upper bound
        where an extra step or a barrier with a single buffer is in the way.
    tick : float
        Length of a tick [s].
    first_output_ticks, interval_ticks, end_to_end_ticks
        The same, exactly [ticks].
    counts : mapping
        (component, action) -> actions per sequence.
    busy : mapping
        Component -> time that it is occupied per sequence [s].
    utilisation : mapping
        Component -> share of ``end_to_end``.
    bottleneck : Bottleneck
        What sets ``interval``.
    latency : tuple of LatencyRow
        Where the first token's latency goes, in the order of the flow.
    timeline : tuple of Occupancy
        Of the first tokens.
    segments : tuple of SegmentTiming
    engine : str
        Engine that ran: "event", "event, fast-forwarded" or "recurrence".
    events : int
        SimPy events, or evaluations of the recurrence.
    host_seconds : float
        Wall time of the simulation.
    batch : int
        Sequences that go through together (`imssa_sim.timing.passes`): ``first_output`` and
        ``end_to_end`` are those of all of them, with tiles written in between; counts and busy
        times stay per sequence.
    """

    first_output: float
    interval: float
    end_to_end: float
    sequence_interval: float
    tick: float
    first_output_ticks: int
    interval_ticks: Fraction
    end_to_end_ticks: int
    counts: Mapping[tuple[str, str], int]
    busy: Mapping[str, float]
    utilisation: Mapping[str, float]
    bottleneck: Bottleneck
    latency: tuple[LatencyRow, ...]
    timeline: tuple[Occupancy, ...]
    segments: tuple[SegmentTiming, ...]
    engine: str
    events: int
    host_seconds: float
    batch: int = 1

    @property
    def throughput(self) -> float:
        """Sequences per second, if they follow each other without a break."""
        return 1.0 / self.sequence_interval
