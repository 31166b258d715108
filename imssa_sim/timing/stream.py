"""A segment fed in real time: tokens arrive by a clock of their own, sequence after sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.errors import ValidityError
from imssa_sim.timing.components import Server, TimingError
from imssa_sim.timing.event import build_design
from imssa_sim.timing.source import Nap, Overflow, Source
from imssa_sim.timing.steady import Period, SteadyState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imssa_sim.timing.arrivals import Arrivals
    from imssa_sim.timing.graph import Segment

    IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class StreamOutcome:
    """What the event engine measured [ticks], from the first arrival on.

    Attributes
    ----------
    latencies, exits : (delivered,)
        From a token's arrival to when it has left the last station; when that was.
    dropped, stalled : int
        Tokens lost; tokens that found the buffer full and waited outside.
    fill : mapping
        Tokens in the input buffer -> ticks, until the last token left the chip.
    trace : tuple of (int, int)
        (time, tokens in the buffer) of the first changes.
    busy : tuple of tuple of int
        Ticks per station and phase.
    end, events : int
    period : Period or None
    """

    latencies: IntArray
    exits: IntArray
    dropped: int
    stalled: int
    fill: Mapping[int, int]
    trace: tuple[tuple[int, int], ...]
    busy: tuple[tuple[int, ...], ...]
    end: int
    events: int
    period: Period | None


def run_stream(
    segment: Segment,
    arrivals: Arrivals,
    *,
    capacity: int,
    overflow: Overflow = "stall",
    fast_forward: bool = True,
    nap: Nap | None = None,
) -> StreamOutcome:
    """Run a segment on tokens that arrive at given times.

    Parameters
    ----------
    segment : Segment
        Of one sequence; sequences follow each other without a break.
    arrivals : Arrivals
        Of whole sequences.
    capacity : int
        Tokens that the input buffer holds.
    overflow : {"stall", "drop_oldest", "error"}
    fast_forward : bool
        Skip whole periods once arrivals and chip repeat; periodic arrivals alone, and no output
        that comes late (it makes the sequence's end show).
    nap : Nap, optional
        When the chip sleeps, and how long it takes to wake up.

    Raises
    ------
    InputError
        The buffer overflows, and the policy is ``error``.
    ValidityError
        A late output with a static order of service, which counts tokens of one sequence.
    TimingError
        The stations wait for each other for ever.
    """
    late = any(station.extra for station in segment.stations)
    if late and any(r.policy == "static" and len(r.users) > 1 for r in segment.resources):
        raise ValidityError(
            "evaluate.input: hardware.chip.arbitration: static gives turns by the tokens of one "
            "sequence, and the kernel's output comes late; choose another arbitration"
        )
    sequences = arrivals.number // segment.tokens
    whole = replace(
        segment,
        tokens=arrivals.number,
        stations=tuple(
            replace(s, firings=arrivals.number + s.extra * sequences) for s in segment.stations
        ),
    )
    design = build_design(whole, segment.tokens)
    source = design.source = Source(design, arrivals, capacity, overflow, nap)
    design.stations[0].input().connect(source.buffer)
    design.elaborate()
    watched = fast_forward and arrivals.periodic and not late and not segment.varying
    steady = SteadyState(design) if watched else None
    last = design.stations[-1]

    def ended(station: Server) -> None:
        if (station.ended - 1) % (segment.tokens + station.extra) >= station.extra:
            source.leave()
        if steady is not None:
            steady.watch(station)

    last.on_end = ended
    design.start()
    env = design.env
    env.process(source.run())
    events = 0
    while env.peek() != float("inf"):
        env.step()
        events += 1
    if source.left or source.buffer.waiting or source.buffer.under_way:
        waits = "; ".join(f"{s.path} waits for {s.waiting_on}" for s in design.stations[:6])
        raise TimingError(f"the pipeline locks up: {waits}")
    buffer = source.buffer
    buffer.hold()
    latencies, exits = _all(source)
    return StreamOutcome(
        latencies,
        exits,
        buffer.dropped,
        buffer.stalled,
        {level: ticks for level, ticks in sorted(buffer.fill.items()) if ticks},
        tuple(buffer.trace),
        tuple(tuple(station.busy) for station in design.stations),
        int(exits[-1]),
        events,
        None if steady is None else steady.period,
    )


def _all(source: Source) -> tuple[IntArray, IntArray]:
    """Return latencies and exits with those of the skipped periods."""
    latencies = np.array(source.latencies, dtype=np.int64)
    exits = np.array(source.exits, dtype=np.int64)
    if source.repeated is None:
        return latencies, exits
    first, end, periods, ticks = source.repeated
    shifts = np.arange(1, periods + 1, dtype=np.int64) * ticks
    skipped = (exits[first:end] + shifts[:, None]).ravel()
    return (
        np.concatenate((latencies[:end], np.tile(latencies[first:end], periods), latencies[end:])),
        np.concatenate((exits[:end], skipped, exits[end:])),
    )
