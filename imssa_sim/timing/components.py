"""SimPy components of the event engine: ports, FIFOs, arbiters, stations.

Three phases, as hardware descriptions have them: build the components, connect their ports and
*elaborate* (an unconnected port is an error that names it), and only then start the processes.
Time is in integer ticks; an occupancy is one event. Nothing here records: a probe attaches from
outside to ``Server.on_start`` and ``Server.on_end``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from simpy.events import Event, EventPriority

from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    import simpy

    from imssa_sim.timing import graph

# Within a tick: everything that happens (SimPy's 0 and 1), then grants, then the overflow of the
# input buffer, then observers. So neither the outcome of arbitration nor what is dropped depends on
# the order in which a tick's events are processed.
GRANT = 2
SETTLE = 3
OBSERVE = 4

IDLE = -1  # no occupancy in progress


class ElaborationError(InternalError):
    """The components are not wired completely."""


class TimingError(InternalError):
    """The simulation reached a state that its rules exclude."""


def at_end_of_tick(
    env: simpy.Environment, callback: Callable[[Event], None], priority: int
) -> None:
    """Call ``callback`` after the other events of this tick."""
    event = Event(env)
    event._ok, event._value = True, None
    event.callbacks.append(callback)
    env.schedule(event, priority=EventPriority(priority))


class Fifo:
    """A bounded FIFO between one writer and one reader; tokens carry no values, so it counts."""

    def __init__(self, env: simpy.Environment, path: str, capacity: int, initial: int = 0) -> None:
        self.env = env
        self.path = path
        self.capacity = capacity
        self.level = initial
        self._reader: Event | None = None
        self._writer: Event | None = None

    def filled(self) -> Event:
        """Return the event of the next token's arrival; for a reader that found it empty."""
        self._reader = Event(self.env)
        return self._reader

    def room(self) -> Event:
        """Return the event of the next token's leaving; for a writer that found it full."""
        self._writer = Event(self.env)
        return self._writer

    def put(self) -> None:
        """Add a token; the writer has checked that there is room."""
        self.level += 1
        if self._reader is not None:
            self._reader.succeed()
            self._reader = None

    def take(self) -> None:
        """Remove a token; the reader has checked that there is one."""
        self.level -= 1
        if self._writer is not None:
            self._writer.succeed()
            self._writer = None


class Port:
    """A named connection point of a component, to a FIFO or an arbiter."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.peer: Any = None

    def connect(self, peer: Fifo | Arbiter) -> None:
        """Wire the port, once."""
        if self.peer is not None:
            raise ElaborationError(f"{self.path}: connected to {self.peer.path} and {peer.path}")
        self.peer = peer


class Arbiter(ABC):
    """Grants a shared component to one user at a time, at the end of a tick.

    Subclasses choose among the waiting users.
    """

    def __init__(self, env: simpy.Environment, resource: graph.Resource) -> None:
        self.env = env
        self.path = resource.path
        self.users = resource.users
        self.number = {user: n for n, user in enumerate(resource.users)}
        # user number -> (time of the request, length of the occupancy, its event, the station)
        self.waiting: dict[int, tuple[int, int, Event, Server]] = {}
        self.busy = False
        self._armed = False

    def serve(self, station: Server, phase: int, ticks: int) -> Event:
        """Return the event of the end of an occupancy that is asked for now."""
        event = Event(self.env)
        user = self.number[station.index, phase]
        self.waiting[user] = (int(self.env.now), ticks, event, station)
        self._arm()
        return event

    def release(self) -> None:
        """End the occupancy in progress."""
        self.busy = False
        self._arm()

    def _arm(self) -> None:
        if not self.busy and not self._armed and self.waiting:
            self._armed = True
            at_end_of_tick(self.env, self._grant, GRANT)

    def _grant(self, _: Event) -> None:
        self._armed = False
        chosen = self.choose()
        if chosen is None:
            return
        self.busy = True
        ticks, service, station = self.waiting.pop(chosen)[1:]
        station.until = int(self.env.now) + ticks
        service._ok, service._value = True, None
        self.env.schedule(service, delay=ticks)

    @abstractmethod
    def choose(self) -> int | None:
        """Return the number of the user to be served next, None to wait."""

    @abstractmethod
    def state(self, reference: int) -> tuple[int, ...]:
        """Return what future choices depend on; token numbers relative to ``reference``."""

    def headroom(self) -> int | None:
        """Return how many tokens may pass before the end of the sequence shows; None: any."""
        return None

    def advance(self, tokens: int) -> None:  # noqa: B027 - most hold none
        """Move the token numbers that the arbiter holds."""


class FirstComeArbiter(Arbiter):
    """First come, first served; within a tick in the order of the users."""

    def choose(self) -> int | None:
        """Return the user who has waited longest."""
        if len(self.waiting) == 1:
            return next(iter(self.waiting))
        return min(self.waiting, key=lambda user: (self.waiting[user][0], user))

    def state(self, reference: int) -> tuple[int, ...]:
        """Return the queue."""
        return tuple(sorted(self.waiting, key=lambda user: (self.waiting[user][0], user)))


class RoundRobinArbiter(Arbiter):
    """The next waiting user after the one served last."""

    def __init__(self, env: simpy.Environment, resource: graph.Resource) -> None:
        super().__init__(env, resource)
        self.pointer = 0

    def choose(self) -> int | None:
        """Return the first waiting user from the pointer on."""
        number = len(self.users)
        chosen = min(self.waiting, key=lambda user: (user - self.pointer) % number)
        self.pointer = (chosen + 1) % number
        return chosen

    def state(self, reference: int) -> tuple[int, ...]:
        """Return the pointer and who waits."""
        return (self.pointer, *sorted(self.waiting))


class StaticArbiter(Arbiter):
    """A fixed cyclic order: in round r, user j has its turn for token ``r - lags[j]``.

    Turns for tokens that do not exist, before the first and after the last, are left out.
    """

    def __init__(self, env: simpy.Environment, resource: graph.Resource) -> None:
        super().__init__(env, resource)
        self.lags = resource.lags
        self.limits: tuple[int, ...] = ()  # firings of each user, set by the elaboration
        self.turn = -1
        self.round = min(resource.lags)

    def start(self) -> None:
        """Find the first turn."""
        self._next()

    def _next(self) -> None:
        over = max(limit + lag for limit, lag in zip(self.limits, self.lags, strict=True))
        while self.round < over:
            self.turn += 1
            if self.turn == len(self.users):
                self.turn = 0
                self.round += 1
            if 0 <= self.round - self.lags[self.turn] < self.limits[self.turn]:
                return

    def choose(self) -> int | None:
        """Return the user whose turn it is, if it waits."""
        if self.turn not in self.waiting:
            return None
        chosen = self.turn
        self._next()
        return chosen

    def state(self, reference: int) -> tuple[int, ...]:
        """Return the turn, its round, and who waits."""
        return (self.turn, self.round - reference, *sorted(self.waiting))

    def headroom(self) -> int | None:
        """Return the rounds until a user has its last turn."""
        pairs = zip(self.limits, self.lags, strict=True)
        return min(limit - 1 - (self.round - lag) for limit, lag in pairs)

    def advance(self, tokens: int) -> None:
        """Move the round on."""
        self.round += tokens


ARBITERS: dict[str, type[Arbiter]] = {
    "fifo": FirstComeArbiter,
    "round_robin": RoundRobinArbiter,
    "static": StaticArbiter,
}


class Server:
    """A server: takes a token from each input, passes its phases, puts one into each output.

    ``started`` and ``ended`` count firings; ``phase`` is the current one (-1 before the start,
    the number of phases when blocked by full outputs), ``until`` the end of the occupancy in
    progress or -1. ``executed`` and ``busy`` count occupancies and ticks per phase.

    ``sequence`` is the number of tokens after which a late output catches up: the first ``extra``
    firings of a sequence give no token, its last ones take none. By default there is one sequence.
    """

    def __init__(
        self,
        env: simpy.Environment,
        index: int,
        station: graph.Station,
        tokens: int,
        sequence: int | None = None,
    ) -> None:
        self.env = env
        self.index = index
        self.path = station.path
        self.phases = station.phases
        self.ticks = tuple(phase.ticks for phase in station.phases)
        self.limit = station.firings
        self.extra = station.extra
        self.tokens = tokens
        self.sequence = tokens if sequence is None else sequence
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.arbiters = [
            Port(f"{station.path}.phase{n}") if phase.resource >= 0 else None
            for n, phase in enumerate(station.phases)
        ]
        self.on_start: Callable[[Server], None] | None = None
        self.on_phase: Callable[[Server, int, int], None] | None = None  # phase, its ticks
        self.on_end: Callable[[Server], None] | None = None
        self.started = 0
        self.ended = 0
        self.phase = IDLE
        self.until = IDLE
        self.waiting_on = ""
        self.executed = [0] * len(station.phases)
        self.busy = [0] * len(station.phases)

    def input(self) -> Port:
        """Return a new input port."""
        self.inputs.append(Port(f"{self.path}.in{len(self.inputs)}"))
        return self.inputs[-1]

    def output(self) -> Port:
        """Return a new output port."""
        self.outputs.append(Port(f"{self.path}.out{len(self.outputs)}"))
        return self.outputs[-1]

    def ports(self) -> list[Port]:
        """Return all ports, for the elaboration to check."""
        return [*self.inputs, *self.outputs, *(port for port in self.arbiters if port is not None)]

    def run(self) -> Generator[Event, None, None]:
        """Serve all firings: the process of the station."""
        env = self.env
        inputs: list[Fifo] = [port.peer for port in self.inputs]
        outputs: list[Fifo] = [port.peer for port in self.outputs]
        arbiters: list[Arbiter | None] = [
            None if port is None else port.peer for port in self.arbiters
        ]
        last = len(self.phases)
        round_trip = self.sequence + self.extra
        while self.started < self.limit:
            position = self.started % round_trip
            if position < self.sequence:
                for fifo in inputs:
                    while fifo.level == 0:
                        self.waiting_on = fifo.path
                        yield fifo.filled()
                for fifo in inputs:
                    fifo.take()
            self.started += 1
            if self.on_start is not None:
                self.on_start(self)
            for n, arbiter in enumerate(arbiters):
                self.phase = n
                varying = self.phases[n].varying
                ticks = self.ticks[n] if varying is None else varying(self.started - 1)
                if arbiter is None:
                    self.until = int(env.now) + ticks
                    yield env.timeout(ticks)
                else:
                    self.waiting_on = arbiter.path
                    yield arbiter.serve(self, n, ticks)
                    arbiter.release()
                self.until = IDLE
                self.executed[n] += 1
                self.busy[n] += ticks
                if self.on_phase is not None:
                    self.on_phase(self, n, ticks)
            self.phase = last
            if position >= self.extra:
                for fifo in outputs:
                    while fifo.level >= fifo.capacity:
                        self.waiting_on = fifo.path
                        yield fifo.room()
                for fifo in outputs:
                    fifo.put()
            self.ended += 1
            self.phase = IDLE
            if self.on_end is not None:
                self.on_end(self)
