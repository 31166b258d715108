"""Chrome's trace event format, which Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

Processes and their lanes (threads):

- ``tokens``: a lane a station; a slice a token, within it its actions, waits and blockages. Arrows
  follow a token from station to station.
- one process a layer, and ``chip`` for what is shared: a lane a component (of a buffer one a port),
  a slice an action, with token, clock cycles, nanoseconds, count and energy; a counter a FIFO; the
  power of the layer's actions.
- ``power``: the power of the chip: actions in progress, on top of leakage and whatever takes no
  time of its own, spread evenly.

Times are in microseconds, as the format has it; ``start_ns`` and ``ns`` are exact.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any

from imssa_sim.components.path import ComponentPath
from imssa_sim.timing.observe import numbered
from imssa_sim.traces.order import TimeOrder

if TYPE_CHECKING:
    from imssa_sim.traces.source import TraceSource

TOKENS, POWER = 1, 2
"""Process numbers of stations and of the chip's power; the layers follow."""
MICRO, NANO = 10**6, 10**9


def number(value: Fraction) -> int | float:
    """Return a number as JSON has it: whole where it is."""
    return value.numerator if value.denominator == 1 else float(value)


class PerfettoTrace:
    """An observer (`imssa_sim.timing.observe.Observer`) that writes trace events as it is told.

    Parameters
    ----------
    source : TraceSource
    file : text stream
    """

    def __init__(self, source: TraceSource, file: IO[str]) -> None:
        self._source, self._file = source, file
        self._tick, self._cycles = source.tick, source.tick / source.cycle
        self._steps: TimeOrder[tuple[int, float, int]] = TimeOrder()  # process, power, +1 or -1
        self._active: dict[int, Counter[float]] = {}
        self._stations = source.graph.stations
        self._segments = [
            n for n, segment in enumerate(source.graph.segments) for _ in segment.stations
        ]
        self._lanes: dict[tuple[str, str], tuple[int, int]] = {}
        self._processes: dict[str, int] = {}
        self._flows: set[str] = set()  # tokens whose arrow has begun and not ended

    def open(self, time: int) -> None:
        """Begin the file: what it is, and the names of processes and lanes."""
        source = self._source
        self._from = time
        about = {
            "tick_s": float(source.tick),
            "clock_cycle_s": float(source.cycle),
            "steps": source.program.sequence_length,
        }
        head = {"displayTimeUnit": "ns", "otherData": about}
        self._file.write(json.dumps(head)[:-1] + ', "traceEvents": [\n')
        self._first = True
        self._process(TOKENS, "tokens")
        self._process(POWER, "power")
        for lane, station in enumerate(self._stations, 1):
            self._name("thread_name", TOKENS, lane, station.path)
        self._name_components()
        self._queues = [
            (self._process_of(channel.path), f"fifo {channel.path}")
            for channel, _ in numbered(source.graph)
        ]
        self._power(time, POWER)

    def _name_components(self) -> None:
        parts = [p for s in self._stations for phase in s.phases for p in phase.parts]
        ports = Counter(component for component, _ in {(p.component, p.action) for p in parts})
        buffers = {  # the ports of a buffer do not exclude each other
            part.component
            for station in self._stations
            for phase in station.phases
            for part in phase.parts
            if ports[part.component] > 1 and ComponentPath(part.component).part == "buffer"
        }
        lanes: Counter[int] = Counter()
        named: dict[str, tuple[int, int]] = {}
        for part in parts:
            key = part.component, part.action
            if key in self._lanes:
                continue
            name = ".".join(key) if part.component in buffers else part.component
            if name not in named:
                process = self._process_of(part.component)
                lanes[process] += 1
                named[name] = process, lanes[process]
                self._name("thread_name", *named[name], name)
            self._lanes[key] = named[name]

    def _process_of(self, path: str) -> int:
        place = ComponentPath(path)
        name = place.parts[0] if len(place.parts) < 3 else ".".join(place.parts[:2])
        if name not in self._processes:
            self._processes[name] = POWER + 1 + len(self._processes)
            self._process(self._processes[name], name)
        return self._processes[name]

    def service(self, station: int, firing: int, start: int, end: int) -> None:
        """Show a token at a station, and bind the arrows that follow it."""
        self._slice(TOKENS, station + 1, f"token {firing}", start, end, token=firing)
        held, segment = self._stations[station], self._segments[station]
        last = station + 1 == len(self._segments) or self._segments[station + 1] != segment
        for token in dict.fromkeys((firing, firing - held.extra)):
            if not 0 <= token < held.firings - held.extra:
                continue
            flow = f"{segment}.{token}"
            ends = last and token == firing - held.extra
            begins = flow not in self._flows
            if not (begins and ends):
                kind = "s" if begins else "f" if ends else "t"
                self._event(
                    kind, f"token {token}", TOKENS, station + 1, start,
                    cat="token", id=flow, **({} if begins else {"bp": "e"}),
                )  # fmt: skip
            if ends:
                self._flows.discard(flow)
            else:
                self._flows.add(flow)

    def occupied(
        self, station: int, phase: int, part: int, firing: int, start: int, end: int
    ) -> None:
        """Show an action in the lanes of its station and of its component, and its power."""
        held = self._stations[station]
        action = held.phases[phase].parts[part]
        name = f"{ComponentPath(action.component).part} {action.action}"
        self._slice(TOKENS, station + 1, name, start, end, token=firing)
        energy = self._source.energy(held, action)
        process, lane = self._lanes[action.component, action.action]
        self._slice(
            process, lane, action.action, start, end,
            token=firing, stage=held.stage, count=action.count, energy_J=energy,
        )  # fmt: skip
        power = energy / float((end - start) * self._tick)
        for where in (process, POWER):
            self._steps.add(start, (where, power, +1))
            self._steps.add(end, (where, power, -1))

    def waited(self, station: int, phase: int, firing: int, start: int, end: int) -> None:
        """Show a token that waits for a shared component."""
        component = self._stations[station].phases[phase].parts[0].component
        name = f"waits for {component}"
        self._slice(TOKENS, station + 1, name, start, end, token=firing)

    def blocked(self, station: int, firing: int, start: int, end: int) -> None:
        """Show a token that finds no room behind its station."""
        self._slice(TOKENS, station + 1, "waits for room", start, end, token=firing)

    def fill(self, channel: int, time: int, tokens: int) -> None:
        """Show the tokens in a FIFO."""
        process, name = self._queues[channel]
        self._event("C", name, process, 0, time, args={"tokens": tokens})

    def advance(self, time: int) -> None:
        """Write the power up to here."""
        self._write_power(time)

    def close(self, time: int) -> None:
        """Write the rest of the power, and end the file."""
        self._write_power(None)
        self._file.write("\n]}\n")

    def _write_power(self, until: int | None) -> None:
        now: int | None = None
        changed: dict[int, None] = {}
        for time, (process, power, change) in self._steps.until(until):
            if now is not None and time != now:
                self._powers(now, changed)
            now = time
            changed[process] = None
            active = self._active.setdefault(process, Counter())
            active[power] += change
            if not active[power]:
                del active[power]
        if now is not None:
            self._powers(now, changed)

    def _powers(self, time: int, changed: dict[int, None]) -> None:
        for process in changed:
            self._power(time, process)
        changed.clear()

    def _power(self, time: int, process: int) -> None:
        active = self._active.get(process, Counter())
        power = math.fsum(value * times for value, times in active.items())
        name = "power of actions"
        if process == POWER:
            power, name = power + self._source.background, "power of the chip"
        self._event("C", name, process, 0, time, args={"W": power})

    def _process(self, process: int, name: str) -> None:
        self._name("process_name", process, 0, name)
        self._write(
            {"ph": "M", "name": "process_sort_index", "pid": process, "tid": 0,
             "args": {"sort_index": process}}
        )  # fmt: skip

    def _name(self, what: str, process: int, lane: int, name: str) -> None:
        self._write({"ph": "M", "name": what, "pid": process, "tid": lane, "args": {"name": name}})

    def _slice(
        self, process: int, lane: int, name: str, start: int, end: int, **more: object
    ) -> None:
        ticks = end - start
        more |= {
            "start_cycle": number(start * self._cycles),
            "cycles": number(ticks * self._cycles),
            "start_ns": number(start * self._tick * NANO),
            "ns": number(ticks * self._tick * NANO),
        }
        length = number(ticks * self._tick * MICRO)
        self._event("X", name, process, lane, start, dur=length, cat="chip", args=more)

    def _event(
        self, kind: str, name: str, process: int, lane: int, time: int, **more: object
    ) -> None:
        at = number(time * self._tick * MICRO)
        self._write({"ph": kind, "name": name, "pid": process, "tid": lane, "ts": at, **more})

    def _write(self, event: dict[str, Any]) -> None:
        self._file.write(("" if self._first else ",\n") + json.dumps(event))
        self._first = False
