"""A segment as a max-plus linear system: events, and arcs with a weight and a marking.

The k-th occurrence of an event is the latest of ``x[source, k - marking] + weight`` over its
incoming arcs (Baccelli, Cohen, Olsder, Quadrat, *Synchronization and Linearity*, 1992, section
2.5). Events of a station: its start, each grant of a shared resource, its end (the token has left
it). This is only possible where the order of service does not depend on time: resources with
dynamic arbitration are left out when ``relaxed`` (the rest then bounds the interval from below).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError, ValidityError
from imssa_sim.timing.graph import Segment

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
StaticOrder = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]  # users, their lags


@dataclass(frozen=True)
class EventSystem:
    """Events V and arcs E of a segment.

    Attributes
    ----------
    names : tuple of str
        Path and event of each node.
    station : (V,)
        Index of the station.
    limit : (V,)
        Occurrences per sequence; ``k`` runs from 0.
    source, target, weight, marking : (E,)
        ``x[target, k] >= x[source, k - marking] + weight`` [ticks]; occurrences before 0 impose
        nothing, nor those from ``limit`` on, except where ``clamp``.
    clamp : (E,)
        Beyond the source's last occurrence, the last one counts (order of service).
    core : (E,)
        False: implied by other arcs as long as all occurrences exist.
    start, end : (S,)
        Nodes of each station.
    """

    names: tuple[str, ...]
    station: IntArray
    limit: IntArray
    source: IntArray
    target: IntArray
    weight: IntArray
    marking: IntArray
    clamp: BoolArray
    core: BoolArray
    start: IntArray
    end: IntArray


@dataclass(frozen=True)
class Schedule:
    """An order in which the system can be evaluated: iteration n computes ``k = n - delay``.

    ``order`` lists the nodes; every arc leads to an earlier iteration, or within one iteration
    from an earlier node of the order.
    """

    delay: IntArray
    order: IntArray


def static_order(segment: Segment, users: Sequence[tuple[int, int]]) -> StaticOrder:
    """Return a fixed cyclic order of service that keeps the pipeline full and cannot lock it up.

    A station that stands n stations behind the first has its turn for a token n rounds later:
    as many tokens are under way between them; less where the buffers do not hold so many. Within
    a round the most advanced station comes first, except where an earlier one must precede it.

    Parameters
    ----------
    segment : Segment
        Whose resources are not ordered yet.
    users : sequence of (station, phase)
        Of the resource.
    """
    system = event_system(segment, relaxed=True)
    plan = schedule(system, system.station)
    rank = {int(v): n for n, v in enumerate(plan.order)}
    ordered = sorted(users, key=lambda user: (rank[int(system.start[user[0]])], user[1]))
    return tuple(ordered), tuple(int(plan.delay[system.start[s]]) for s, _ in ordered)


def event_system(segment: Segment, *, relaxed: bool = False) -> EventSystem:
    """Return the max-plus system of a segment.

    Parameters
    ----------
    segment : Segment
    relaxed : bool
        Leave resources with dynamic arbitration out instead of refusing them.

    Raises
    ------
    ValidityError
        The segment has dynamic arbitration or latencies that depend on the token.
    """
    if segment.varying:
        raise ValidityError(
            f"{segment.varying[0]}: its latency depends on the token, which a recurrence with "
            "constant coefficients cannot express; use the event engine"
        )
    if segment.dynamic and not relaxed:
        raise ValidityError(
            f"{segment.dynamic[0]}: its users are served in an order that depends on when they "
            "ask, which is not max-plus linear; use the event engine, or set "
            "hardware.chip.arbitration to static"
        )
    nodes: list[tuple[str, int]] = []
    arcs: list[tuple[int, int, int, int, bool, bool]] = []
    turn: dict[tuple[int, int], int] = {}

    def node(name: str, station: int) -> int:
        nodes.append((name, station))
        return len(nodes) - 1

    starts, ends = [], []
    for index, station in enumerate(segment.stations):
        current = node(f"{station.path} start", index)
        starts.append(current)
        elapsed = 0
        for position, phase in enumerate(station.phases):
            if phase.resource >= 0 and not segment.resources[phase.resource].dynamic:
                granted = node(f"{station.path} turn at {phase.parts[0].component}", index)
                arcs.append((current, granted, elapsed, 0, False, True))
                turn[index, position] = current = granted
                elapsed = 0
            elapsed += phase.ticks
        ends.append(node(f"{station.path} end", index))
        arcs.append((current, ends[-1], elapsed, 0, False, True))
        arcs.append((ends[-1], starts[-1], 0, 1, False, True))
    for channel in segment.channels:
        late = segment.stations[channel.source].extra
        end, start = ends[channel.source], starts[channel.target]
        held = channel.initial
        arcs.append((end, start, 0, held - late, False, True))
        arcs.append((start, end, 0, late + channel.capacity - held, False, True))
    for resource in segment.resources:
        if resource.dynamic:
            continue
        number = len(resource.users)
        for i, before in enumerate(resource.users):
            ticks = segment.stations[before[0]].phases[before[1]].ticks
            for j, after in enumerate(resource.users):
                if i != j:
                    marking = resource.lags[i] - resource.lags[j] + (i > j)
                    adjacent = (j - i) % number == 1
                    arcs.append((turn[before], turn[after], ticks, marking, True, adjacent))
    source, target, weight, marking = np.array([arc[:4] for arc in arcs], dtype=np.int64).T
    firings = np.array([station.firings for station in segment.stations], dtype=np.int64)
    owner = np.array([station for _, station in nodes], dtype=np.int64)
    return EventSystem(
        tuple(name for name, _ in nodes),
        owner,
        firings[owner],
        source,
        target,
        weight,
        marking,
        clamp=np.array([arc[4] for arc in arcs], dtype=np.bool_),
        core=np.array([arc[5] for arc in arcs], dtype=np.bool_),
        start=np.array(starts, dtype=np.int64),
        end=np.array(ends, dtype=np.int64),
    )


def schedule(system: EventSystem, wish: IntArray | None = None) -> Schedule:
    """Return an order of evaluation, which exists exactly if the system cannot lock up.

    Parameters
    ----------
    system : EventSystem
    wish : (V,), optional
        Greatest delay of each event. The result has the greatest delays within these wishes (up
        to a constant), in an order that prefers events of late stations; by default none has a
        delay that it does not need.

    Raises
    ------
    InputError
        Events wait for each other in a circle: buffers too small for a bypass, a late output or
        a static order.
    """
    nodes = len(system.names)
    # delay[source] <= delay[target] + marking: shortest paths against the arcs, from everywhere.
    delay = np.zeros(nodes, dtype=np.int64) if wish is None else wish.copy()
    for _ in range(nodes + 1):
        candidate = delay.copy()
        np.minimum.at(candidate, system.source, delay[system.target] + system.marking)
        if np.array_equal(candidate, delay):
            break
        delay = candidate
    else:
        raise _locked(system, np.flatnonzero(candidate < delay))
    delay -= delay.min()
    same = system.marking + delay[system.target] - delay[system.source] == 0
    successors: list[list[int]] = [[] for _ in range(nodes)]
    waiting = np.zeros(nodes, dtype=np.int64)
    for source, target in zip(system.source[same], system.target[same], strict=True):
        successors[source].append(int(target))
        waiting[target] += 1
    late = [-int(system.station[v]) if wish is not None else 0 for v in range(nodes)]
    ready = [(late[v], int(v)) for v in np.flatnonzero(waiting == 0)]
    heapify(ready)
    order = []
    while ready:
        current = heappop(ready)[1]
        order.append(current)
        for target in successors[current]:
            waiting[target] -= 1
            if waiting[target] == 0:
                heappush(ready, (late[target], target))
    if len(order) < nodes:
        raise _locked(system, np.flatnonzero(waiting > 0))
    return Schedule(delay, np.array(order, dtype=np.int64))


def _locked(system: EventSystem, nodes: IntArray) -> InputError:
    names = list(dict.fromkeys(system.names[v].split(" ")[0] for v in nodes))
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return InputError(
        f"the pipeline locks up: {shown} wait for each other; enlarge the buffers "
        "(hardware.memory.buffer_tokens, capacities of bypasses) between them"
    )
