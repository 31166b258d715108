"""Maximum cycle ratio of a timed event graph: its steady-state interval, exactly.

For a max-plus system whose events all depend on each other, the average interval of every event
is the largest ratio of weight to marking over the cycles (Baccelli et al. 1992, theorem 3.23 with
section 2.5). Howard's policy iteration (Cochet-Terrasson et al., 1998) finds it: each event
follows one outgoing arc; the best cycle of this policy gives a ratio P/Q; with arcs weighing
``Q*weight - P*marking`` the longest way to that cycle gives each event a value, and an arc that
promises more than its event's value improves the policy. All in integers, so the result is exact,
and the values at the end prove it: no arc gains, so no cycle can have a larger ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.timing.constraints import EventSystem

Arc = tuple[int, int, int, int]  # source, target, weight, marking


@dataclass(frozen=True)
class CriticalCycle:
    """``ratio`` [ticks per token], and the arcs of a cycle that attains it, in its order."""

    ratio: Fraction
    arcs: tuple[int, ...]


def maximum_cycle_ratio(system: EventSystem) -> CriticalCycle:
    """Return the maximum cycle ratio of a live system.

    Raises
    ------
    InternalError
        The graph is not strongly connected, or has a cycle without marking (`schedule` finds
        that first).
    """
    kept = np.flatnonzero(system.core)
    columns = (system.source, system.target, system.weight, system.marking)
    arcs: list[Arc] = list(zip(*(column[kept].tolist() for column in columns), strict=True))
    ratio, cycle = _howard(arcs, len(system.names))
    return CriticalCycle(ratio, tuple(int(kept[a]) for a in cycle))


def _howard(arcs: list[Arc], nodes: int) -> tuple[Fraction, list[int]]:
    outgoing: list[list[int]] = [[] for _ in range(nodes)]
    incoming: list[list[int]] = [[] for _ in range(nodes)]
    for a, (source, target, _, _) in enumerate(arcs):
        outgoing[source].append(a)
        incoming[target].append(a)
    if not all(outgoing):
        raise InternalError("the timed event graph has an event that nothing waits for")
    # Begin with the arcs that have most weight, marked arcs last.
    policy = [max(out, key=lambda a: (arcs[a][2], -arcs[a][3])) for out in outgoing]
    while True:
        ratio, cycle = _best_cycle(policy, arcs)
        p, q = ratio.numerator, ratio.denominator
        value = _values(policy, arcs, incoming, cycle, p, q)
        improved = False
        for source, out in enumerate(outgoing):
            best, choice = value[source], -1
            for a in out:
                _, target, weight, marking = arcs[a]
                promise = q * weight - p * marking + value[target]
                if promise > best:
                    best, choice = promise, a
            if choice >= 0:
                policy[source] = choice
                improved = True
        if not improved:
            return ratio, cycle


def _best_cycle(policy: list[int], arcs: list[Arc]) -> tuple[Fraction, list[int]]:
    """Return the cycle of largest ratio in the graph in which each event has one arc."""
    best: tuple[Fraction, list[int]] | None = None
    visited = [-1] * len(policy)
    for first in range(len(policy)):
        node = first
        while visited[node] < 0:
            visited[node] = first
            node = arcs[policy[node]][1]
        if visited[node] != first:
            continue
        cycle = [policy[node]]
        while (head := arcs[cycle[-1]][1]) != node:
            cycle.append(policy[head])
        marking = sum(arcs[a][3] for a in cycle)
        if marking <= 0:
            raise InternalError("the timed event graph has a cycle without tokens")
        ratio = Fraction(sum(arcs[a][2] for a in cycle), marking)
        if best is None or ratio > best[0]:
            best = ratio, cycle
    if best is None:
        raise InternalError("the timed event graph has no cycle")
    return best


def _values(
    policy: list[int],
    arcs: list[Arc],
    incoming: list[list[int]],
    cycle: list[int],
    p: int,
    q: int,
) -> list[int]:
    """Return the weight of each event's way to the cycle; events that lead elsewhere are turned.

    Ways along the policy are taken first; an event whose way ends in another cycle gets the first
    arc that leads to an event with a value.
    """
    value: list[int | None] = [None] * len(policy)
    anchor = arcs[cycle[0]][0]
    value[anchor] = 0
    queue = [anchor]
    for node in queue:
        for a in incoming[node]:
            source, _, weight, marking = arcs[a]
            if value[source] is None and policy[source] == a:
                value[source] = q * weight - p * marking + (value[node] or 0)
                queue.append(source)
    for node in queue:
        for a in incoming[node]:
            source, _, weight, marking = arcs[a]
            if value[source] is None:
                policy[source] = a
                value[source] = q * weight - p * marking + (value[node] or 0)
                queue.append(source)
    if len(queue) < len(policy):
        raise InternalError("the timed event graph is not strongly connected")
    return [v if v is not None else 0 for v in value]
