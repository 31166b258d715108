"""Value change dump (IEEE 1364): a scope a path, a tick the unit of time.

In the scope of a component, for each of its actions ``ACTION`` (1 while it is done) and
``ACTION_token`` (which token, z between them). In the scope of a station its ``state`` and
``token``; of a FIFO its ``fill``; of a shared component also ``waiting`` (how many stations) and
``user`` (which station has it).
"""

from __future__ import annotations

from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

from imssa_sim import __version__
from imssa_sim.traces.order import TimeOrder

if TYPE_CHECKING:
    from imssa_sim.traces.source import TraceSource

IDLE, WORKS, WAITS, BLOCKED = "idle", "works", "waits", "blocked"
"""States of a station: without a token; at work; for a shared component; for room behind it."""

UNITS = ("s", "ms", "us", "ns", "ps", "fs")
FINEST = Fraction(1, 10**15)


def timescale(tick: Fraction) -> tuple[str, Fraction]:
    """Return the coarsest timescale of which a tick is a whole multiple, and that multiple.

    VCD knows 1, 10 and 100 of s to fs. A tick that none of them divides is rounded to fs when
    times are written (the multiple is then no whole number).
    """
    for n, unit in enumerate(UNITS):
        for size in (100, 10, 1):
            number = tick / (size * Fraction(1, 10 ** (3 * n)))
            if number.denominator == 1:
                return f"{size} {unit}", number
    return "1 fs", tick / FINEST


class VcdTrace:
    """An observer (`imssa_sim.timing.observe.Observer`) that writes VCD as it is told.

    Parameters
    ----------
    source : TraceSource
    file : text stream
    """

    def __init__(self, source: TraceSource, file: IO[str]) -> None:
        self._source, self._file = source, file
        self._changes: TimeOrder[tuple[Any, Any]] = TimeOrder()
        self._scale = timescale(source.tick)
        self._waiting: dict[str, int] = {}

    def open(self, time: int) -> None:
        """Declare all variables; what holds at this time becomes their first values."""
        from vcd import VCDWriter

        source = self._source
        text, self._unit = self._scale
        self._writer = VCDWriter(
            self._file,
            timescale=text,
            date="",
            version=f"imssa_sim {__version__}",
            comment=f"tick {source.tick} s, clock cycle {source.cycle} s; "
            f"tokens 0 to {source.program.sequence_length - 1}",
            check_values=False,
            init_timestamp=self._at(time),
        )
        self._from = time
        self._declare()

    def _declare(self) -> None:
        register = self._writer.register_var
        stations = self._source.graph.stations
        bits = max(station.firings for station in stations).bit_length()
        self._actions: dict[tuple[str, str], tuple[Any, Any]] = {}
        self._states, self._fills = [], []
        for station in stations:
            for phase in station.phases:
                for part in phase.parts:
                    key = part.component, part.action
                    if key not in self._actions:
                        self._actions[key] = (
                            register(part.component, part.action, "wire", 1, 0),
                            register(part.component, f"{part.action}_token", "wire", bits, "z"),
                        )
        seen: dict[str, Any] = {}
        for station in stations:
            self._states.append(
                (
                    register(station.path, "state", "string", init=IDLE),
                    register(station.path, "token", "wire", bits, "z"),
                )
            )
        self._arbiters: list[list[tuple[Any, Any, str] | None]] = []
        for segment in self._source.graph.segments:
            for channel in segment.channels:
                wide = max(channel.capacity.bit_length(), 2)  # of one bit z would be no number
                self._fills.append(register(channel.path, "fill", "wire", wide, 0))
            shared = []
            for resource in segment.resources:
                if resource.path not in seen:
                    wide = max(len(resource.users).bit_length(), 2)
                    seen[resource.path] = (
                        register(resource.path, "waiting", "wire", wide, 0),
                        register(resource.path, "user", "string", init=""),
                        resource.path,
                    )
                shared.append(seen[resource.path])
            for station in segment.stations:
                self._arbiters.append(
                    [shared[p.resource] if p.resource >= 0 else None for p in station.phases]
                )

    def service(self, station: int, firing: int, start: int, end: int) -> None:
        """Show the token of a station."""
        state, token = self._states[station]
        self._changes.add(start, (token, firing))
        self._changes.add(end, (token, "z"))
        self._changes.add(end, (state, IDLE))

    def occupied(
        self, station: int, phase: int, part: int, firing: int, start: int, end: int
    ) -> None:
        """Show an action, and who has a shared component."""
        held = self._source.graph.stations[station]
        action = held.phases[phase].parts[part]
        add = self._changes.add
        busy, token = self._actions[action.component, action.action]
        add(start, (self._states[station][0], WORKS))
        add(start, (busy, 1))
        add(start, (token, firing))
        add(end, (busy, 0))
        add(end, (token, "z"))
        arbiter = self._arbiters[station][phase]
        if arbiter is not None:
            add(start, (arbiter[1], held.path))
            add(end, (arbiter[1], ""))

    def waited(self, station: int, phase: int, firing: int, start: int, end: int) -> None:
        """Show a station in the queue of an arbiter."""
        arbiter = self._arbiters[station][phase]
        assert arbiter is not None  # nothing else is waited for within a service
        self._changes.add(start, (self._states[station][0], WAITS))
        self._changes.add(start, (arbiter, +1))
        self._changes.add(end, (arbiter, -1))

    def blocked(self, station: int, firing: int, start: int, end: int) -> None:
        """Show a station that cannot pass its token on."""
        self._changes.add(start, (self._states[station][0], BLOCKED))

    def fill(self, channel: int, time: int, tokens: int) -> None:
        """Show the tokens in a FIFO."""
        self._changes.add(time, (self._fills[channel], tokens))

    def advance(self, time: int) -> None:
        """Write what is certain."""
        self._write(time)

    def close(self, time: int) -> None:
        """Write the rest, up to the end of the window."""
        self._write(time + 1)
        self._writer.close(self._at(time))

    def _write(self, until: int) -> None:
        """Write changes before a time; of one variable in one tick the last one alone."""
        last: dict[str, tuple[Any, Any]] = {}
        now = self._from
        for told, (target, value) in self._changes.until(until):
            moment = max(told, self._from)  # what began before the window has begun with it
            if moment != now:
                self._flush(now, last)
                now = moment
            if isinstance(target, tuple):
                target, _, path = target
                value = self._waiting[path] = self._waiting.get(path, 0) + value
            last[target.ident] = target, value
        self._flush(now, last)

    def _flush(self, time: int, last: dict[str, tuple[Any, Any]]) -> None:
        at = self._at(time)
        for variable, value in last.values():
            self._writer.change(variable, at, value)
        last.clear()

    def _at(self, time: int) -> int:
        return round(time * self._unit)
