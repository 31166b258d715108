"""Exact detection of the steady state of the event engine, and extrapolation by whole periods.

All future of a segment follows from its *signature* at the end of a tick: how far each station is
ahead of the last one (which fixes the fill of every FIFO), its phase, the rest of its occupancy,
and the queues and pointers of the arbiters; with a source, the ages of all tokens under way and
the time until the next arrival. If it repeats after p tokens and T ticks, everything
repeats, until the end of the sequence comes into sight. Whole periods are then skipped: token
numbers, counts and busy times move on, and the simulation runs the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from imssa_sim.timing.components import OBSERVE, Server, at_end_of_tick

if TYPE_CHECKING:
    from simpy.events import Event

    from imssa_sim.timing.event import Design
    from imssa_sim.timing.graph import Segment

# Signatures remembered; a longer transient is found all the same, once its period fits in here.
SEEN_LIMIT = 1 << 16

Signature = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Period:
    """A steady state: ``tokens`` leave every ``ticks``; ``skipped`` periods were extrapolated."""

    tokens: int
    ticks: int
    found_at: int  # token of the last station at which the repetition was certain
    skipped: int

    @property
    def interval(self) -> Fraction:
        """Ticks per token."""
        return Fraction(self.ticks, self.tokens)


def fast_forward_refusal(segment: Segment, *, trace: bool = False) -> str | None:
    """Return why a segment must be simulated in full, or None."""
    if trace:
        return "a trace of the whole run is asked for"
    if segment.varying:
        return f"the latency of {segment.varying[0]} depends on the token or is random"
    return None


@dataclass(frozen=True)
class _Point:
    token: int
    ticks: int
    executed: tuple[tuple[int, ...], ...]
    busy: tuple[tuple[int, ...], ...]
    signature: Signature
    source: tuple[int, ...]


class SteadyState:
    """Watches the last station of a design; on repetition, moves the design forward.

    Hashes of all signatures are kept, whole signatures only of a candidate, whose repetition one
    period later is then compared in full. Nothing is skipped before token ``after``,
    nor at all without ``skip``.
    """

    def __init__(self, design: Design, *, after: int = 0, skip: bool = True) -> None:
        self.design = design
        self.after = after
        self.skip = skip
        self.period: Period | None = None
        self._seen: dict[int, int] = {}
        self._anchor: _Point | None = None
        self._expected = -1
        self._over = False

    def watch(self, _: Server) -> None:
        """Look at the state at the end of this tick."""
        if not self._over:
            at_end_of_tick(self.design.env, self._observe, OBSERVE)

    def signature(self) -> Signature:
        """Return the state that the future depends on, relative to the last station's token."""
        design = self.design
        now = int(design.env.now)
        reference = design.stations[-1].ended
        stations = tuple(
            value
            for s in design.stations
            for value in (
                s.started - reference,
                s.ended - reference,
                s.phase,
                s.until - now if s.until >= 0 else -1,
            )
        )
        source = () if design.source is None else (design.source.state(),)
        return (stations, *(a.state(reference) for a in design.arbiters), *source)

    def _observe(self, _: Event) -> None:
        design = self.design
        token = design.stations[-1].ended
        ended = design.source is not None and design.source.left == 0
        if ended or any(station.started >= station.tokens for station in design.stations):
            self._over = True  # the end of the sequence shows: nothing more to win
            return
        signature = self.signature()
        if self._anchor is not None and token == self._expected:
            if signature == self._anchor.signature:
                if token < self.after:
                    self._expected += token - self._anchor.token
                    self._anchor = self._point(token, signature)
                    return
                self._found(self._anchor, token)
                return
            self._anchor = None
        key = hash(signature)
        if self._anchor is None and key in self._seen:
            self._anchor = self._point(token, signature)
            self._expected = 2 * token - self._seen[key]
        if len(self._seen) >= SEEN_LIMIT:
            self._seen.clear()
        self._seen[key] = token

    def _point(self, token: int, signature: Signature) -> _Point:
        design = self.design
        executed = tuple(tuple(s.executed) for s in design.stations)
        busy = tuple(tuple(s.busy) for s in design.stations)
        source = () if design.source is None else design.source.counters()
        return _Point(token, design.now, executed, busy, signature, source)

    def _found(self, anchor: _Point, token: int) -> None:
        design = self.design
        self._over = True
        self._seen.clear()
        tokens, ticks = token - anchor.token, design.now - anchor.ticks
        rooms = [s.tokens - 1 - s.started for s in design.stations]
        rooms += [room for a in design.arbiters if (room := a.headroom()) is not None]
        periods = max(0, min(rooms) // tokens) if self.skip else 0
        if design.source is not None:
            periods = min(periods, design.source.room(anchor.source))
            design.source.advance(anchor.source, periods, ticks)
        for n, station in enumerate(design.stations):
            station.started += periods * tokens
            station.ended += periods * tokens
            for p in range(len(station.phases)):
                station.executed[p] += periods * (station.executed[p] - anchor.executed[n][p])
                station.busy[p] += periods * (station.busy[p] - anchor.busy[n][p])
        for arbiter in design.arbiters:
            arbiter.advance(periods * tokens)
        design.skipped += periods * ticks
        self.period = Period(tokens, ticks, token, periods)
