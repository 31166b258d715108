"""Where tokens come from in real time: a source that follows a clock, and a bounded input buffer.

The buffer's overflow is settled at the end of a tick, when all tokens of the tick have come and
the chip has taken what it could; so it does not depend on the order of events within a tick.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imssa_sim.errors import InputError
from imssa_sim.timing.components import SETTLE, Fifo, at_end_of_tick

if TYPE_CHECKING:
    from simpy.events import Event

    from imssa_sim.timing.arrivals import Arrivals
    from imssa_sim.timing.event import Design

Overflow = Literal["stall", "drop_oldest", "error"]


@dataclass(frozen=True)
class Nap:
    """A chip that sleeps once nothing has been under way for a while [ticks].

    ``behind``: what a result takes behind the last token's exit; ``after``: how long it waits
    awake; ``wake``: how long a token that finds it asleep waits for it.
    """

    behind: int
    after: int
    wake: int


TRACE = 4096
"""Changes of the buffer's fill that are kept, from the beginning on."""


class InputBuffer(Fifo):
    """The FIFO between the source and the first station; it knows when each token came.

    Attributes
    ----------
    waiting, under_way : deque of int
        Arrival times of the tokens in the buffer, and of those that the chip has taken and not
        given back [ticks]. With overflow ``stall`` tokens beyond the capacity wait in the source.
    dropped, stalled : int
        Tokens that were lost; that found the buffer full and waited outside.
    fill : Counter
        Tokens in the buffer -> ticks for which it held so many.
    trace : list of (int, int)
        (time, tokens in the buffer), of the first changes.
    """

    def __init__(self, design: Design, capacity: int, overflow: Overflow) -> None:
        super().__init__(design.env, "chip.input", capacity)
        self.design = design
        self.overflow = overflow
        self.waiting: deque[int] = deque()
        self.under_way: deque[int] = deque()
        self.dropped = self.stalled = self.held = 0
        self.fill: Counter[int] = Counter()
        self.since = 0
        self.ready = 0  # until then the chip wakes up, and takes no token
        self.trace: list[tuple[int, int]] = []
        self._armed = False

    def offer(self, arrival: int) -> None:
        """Take a token that comes now."""
        self.waiting.append(arrival)
        if self.ready <= self.design.now:
            self.put()
        self._arm()

    def wake(self, ticks: int) -> None:
        """Take no token for so long."""
        self.ready = self.design.now + ticks
        alarm = self.env.timeout(ticks)
        alarm.callbacks.append(self._awake)

    def _awake(self, _: Event) -> None:
        if self.waiting:
            self.level = len(self.waiting) - 1
            self.put()

    def take(self) -> None:
        """Give the chip the oldest token."""
        super().take()
        self.under_way.append(self.waiting.popleft())
        self._arm()

    def hold(self) -> None:
        """Book the time for which the buffer has held what it holds."""
        self.fill[self.held] += self.design.now - self.since
        self.since = self.design.now

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            at_end_of_tick(self.env, self._settle, SETTLE)

    def _settle(self, _: Event) -> None:
        self._armed = False
        over = len(self.waiting) - self.capacity
        if over > 0 and self.overflow == "error":
            raise InputError(
                f"evaluate.input.overflow: the input buffer of {self.capacity} tokens overflows; "
                "the chip does not keep up. Lower the rate, enlarge evaluate.input.buffer, or give "
                "overflow: stall or drop_oldest"
            )
        if over > 0 and self.overflow == "drop_oldest":
            for _token in range(over):
                self.waiting.popleft()
            self.level = min(self.level, len(self.waiting))
            self.dropped += over
        held = min(len(self.waiting), self.capacity)
        if held != self.held:
            self.hold()
            self.held = held
            if len(self.trace) < TRACE and not self.design.skipped:
                self.trace.append((self.design.now, held))


class Source:
    """Brings tokens at given times, and measures how long the chip takes for each.

    ``latencies`` and ``exits`` [ticks] have an entry for each token that left the chip;
    ``repeated`` says which of them stand for how many periods that were skipped: (first, end,
    periods, ticks of a period).
    """

    def __init__(
        self,
        design: Design,
        arrivals: Arrivals,
        capacity: int,
        overflow: Overflow,
        nap: Nap | None = None,
    ) -> None:
        self.design = design
        self.nap = nap
        self.arrivals = arrivals
        self.buffer = InputBuffer(design, capacity, overflow)
        self.generated = 0
        self.latencies: list[int] = []
        self.exits: list[int] = []
        self.repeated: tuple[int, int, int, int] | None = None
        self._left = 0  # when the last token left
        self._most = max(capacity, 2 * arrivals.burst)

    @property
    def left(self) -> int:
        """Tokens that are still to come."""
        return self.arrivals.number - self.generated

    def run(self) -> Generator[Event, None, None]:
        """Bring all tokens: the process of the source."""
        while self.left:
            delay = self.arrivals.at(self.generated) - self.design.now
            if delay:
                yield self.design.env.timeout(delay)
            now = self.design.now
            if self._sleeps(now):
                assert self.nap is not None
                self.buffer.wake(self.nap.wake)
            while self.left and self.arrivals.at(self.generated) == now:
                self.generated += 1
                waits = len(self.buffer.waiting) - self.buffer.capacity
                self.buffer.stalled += self.buffer.overflow == "stall" and waits >= 0
                self.buffer.offer(now)

    def _sleeps(self, now: int) -> bool:
        """Tell whether a token that comes now finds the chip asleep; it begins awake."""
        nap, buffer = self.nap, self.buffer
        if nap is None or not self.exits or buffer.waiting or buffer.under_way:
            return False
        return now - self._left - nap.behind > nap.after

    def leave(self) -> None:
        """Take note that the oldest token under way leaves the chip now."""
        now = self.design.now
        self.latencies.append(now - self.buffer.under_way.popleft())
        self.exits.append(now)
        self._left = now

    # For the detection of the steady state

    def state(self) -> tuple[int, ...]:
        """Return what the future depends on: the next arrival, and how old all tokens are."""
        now, buffer = self.design.now, self.buffer
        if len(buffer.waiting) > self._most:
            return (-self.generated, len(buffer.waiting))  # the queue grows: no state repeats
        ages = [
            now - arrival for tokens in (buffer.waiting, buffer.under_way) for arrival in tokens
        ]
        waking = max(0, buffer.ready - now)
        return (self.arrivals.at(self.generated) - now, waking, len(buffer.waiting), *ages)

    def counters(self) -> tuple[int, ...]:
        """Return what grows from period to period."""
        buffer = self.buffer
        buffer.hold()
        levels = (buffer.fill[level] for level in range(buffer.capacity + 1))
        return (self.generated, buffer.dropped, buffer.stalled, len(self.latencies), *levels)

    def room(self, before: tuple[int, ...]) -> int:
        """Return how many periods may be skipped before the last arrival shows."""
        return max(0, (self.left - 1) // (self.generated - before[0]))

    def advance(self, before: tuple[int, ...], periods: int, ticks: int) -> None:
        """Move on by whole periods; ``before`` are the counters one period ago."""
        buffer, shift = self.buffer, periods * ticks
        if not periods:
            return
        buffer.hold()
        self.repeated = (before[3], len(self.latencies), periods, ticks)
        self.generated += periods * (self.generated - before[0])
        buffer.dropped += periods * (buffer.dropped - before[1])
        buffer.stalled += periods * (buffer.stalled - before[2])
        for level, earlier in enumerate(before[4:]):
            buffer.fill[level] += periods * (buffer.fill[level] - earlier)
        for tokens in (buffer.waiting, buffer.under_way):
            for n, arrival in enumerate(tokens):
                tokens[n] = arrival + shift
        buffer.since += shift
        buffer.ready += shift
        self._left += shift
