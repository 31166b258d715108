"""Maximum cycle ratio of a timed event graph: its steady-state interval, exactly.

For a max-plus system the average interval of every event that can be reached from all others is
the largest ratio of weight to marking over the cycles (Baccelli et al. 1992, theorem 3.23 with
section 2.5). The ratio is raised from cycle to cycle: with the current ratio P/Q, an arc weighs
``Q*weight - P*marking``; a cycle of positive sum has a larger ratio and takes its place, and when
there is none the ratio is the maximum. All in integers, so the result is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.timing.constraints import EventSystem


@dataclass(frozen=True)
class CriticalCycle:
    """``ratio`` [ticks per token] and the arcs of a cycle that attains it, in its order."""

    ratio: Fraction
    arcs: tuple[int, ...]


def maximum_cycle_ratio(system: EventSystem) -> CriticalCycle:
    """Return the maximum cycle ratio of a live system.

    Raises
    ------
    InternalError
        A cycle without marking: the system is not live (`schedule` finds that first).
    """
    core = np.flatnonzero(system.core)
    arcs = [
        (int(system.source[a]), int(system.target[a]), int(system.weight[a]),
         int(system.marking[a]), int(a))
        for a in core
    ]  # fmt: skip
    arcs.sort(key=lambda arc: (arc[0] > arc[1], arc[0]))  # along the flow first, then backwards
    nodes = len(system.names)
    # A station by itself: start -> end -> start.
    best = CriticalCycle(Fraction(0), ())
    for start, end in zip(system.start, system.end, strict=True):
        found = _cycle_of_station(arcs, int(start), int(end))
        if found is not None and found.ratio > best.ratio:
            best = found
    while True:
        cycle = _positive_cycle(arcs, nodes, best.ratio)
        if cycle is None:
            return best
        weight = sum(arcs[a][2] for a in cycle)
        marking = sum(arcs[a][3] for a in cycle)
        if marking <= 0:
            raise InternalError("the timed event graph has a cycle without tokens")
        best = CriticalCycle(Fraction(weight, marking), tuple(arcs[a][4] for a in cycle))


def _cycle_of_station(
    arcs: list[tuple[int, int, int, int, int]], start: int, end: int
) -> CriticalCycle | None:
    there = [arc for arc in arcs if arc[0] == start and arc[1] == end]
    back = [arc for arc in arcs if arc[0] == end and arc[1] == start and arc[3] == 1]
    if not there or not back:
        return None
    return CriticalCycle(Fraction(there[0][2]), (there[0][4], back[0][4]))


def _positive_cycle(
    arcs: list[tuple[int, int, int, int, int]], nodes: int, ratio: Fraction
) -> list[int] | None:
    """Return positions of the arcs of a cycle whose ratio is larger, by longest paths."""
    p, q = ratio.numerator, ratio.denominator
    reduced = [(s, t, q * w - p * m) for s, t, w, m, _ in arcs]
    distance = [0] * nodes
    parent = [-1] * nodes
    for round_number in range(nodes + 1):
        changed = False
        for index, (source, target, weight) in enumerate(reduced):
            candidate = distance[source] + weight
            if candidate > distance[target]:
                distance[target] = candidate
                parent[target] = index
                changed = True
        if not changed:
            return None
        # A circle of parents has a positive sum; look early, it often closes in a few rounds.
        if round_number & (round_number + 1) == 0 or round_number == nodes:
            cycle = _circle_of_parents(parent, reduced)
            if cycle is not None:
                return cycle
    raise InternalError("longest paths grow for ever, but without a cycle")


def _circle_of_parents(parent: list[int], arcs: list[tuple[int, int, int]]) -> list[int] | None:
    colour = [0] * len(parent)
    for first in range(len(parent)):
        node, trail = first, []
        while colour[node] == 0 and parent[node] >= 0:
            colour[node] = first + 1
            trail.append(node)
            node = arcs[parent[node]][0]
        if colour[node] == first + 1 and parent[node] >= 0:
            cycle = []
            current = node
            while True:
                cycle.append(parent[current])
                current = arcs[parent[current]][0]
                if current == node:
                    return cycle[::-1]
        colour[node] = colour[node] or first + 1
    return None
