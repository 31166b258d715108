"""The recurrence engine: a segment as a max-plus recurrence, evaluated token by token in Numba.

Memory is a window of the last occurrences of every event, whatever the length of the sequence.
If the window repeats, shifted in time, so does all that follows (the recurrence is homogeneous);
whole periods can then be skipped exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.timing.constraints import EventSystem, Schedule, event_system, schedule
from imssa_sim.timing.graph import Segment

IntArray = NDArray[np.int64]
Places = NDArray[np.uint64]


@dataclass(frozen=True)
class RecurrenceResult:
    """Times [ticks] of one segment, counted from its start.

    Attributes
    ----------
    system : EventSystem
    early : (tokens, V)
        First occurrences of every event.
    last_end : (S,)
        End of each station's last firing.
    output : (firings,) or (0,)
        End of every firing of the last station, if asked for.
    updates : int
        Evaluations of an event.
    period : (int, int) or None
        Tokens and ticks of the steady state, if it was looked for and found.
    """

    system: EventSystem
    early: IntArray
    last_end: IntArray
    output: IntArray
    updates: int
    period: tuple[int, int] | None


def run_recurrence(
    segment: Segment, *, record: bool = False, extrapolate: bool = False, early: int = 1
) -> RecurrenceResult:
    """Evaluate the recurrence of a segment over the whole sequence.

    Parameters
    ----------
    segment : Segment
    record : bool
        Keep the end of every firing of the last station (memory grows with the sequence).
    extrapolate : bool
        Skip whole periods once the window repeats; not together with ``record``.
    early : int
        Firings of every station to keep from the beginning.

    Raises
    ------
    ValidityError
        The segment is no max-plus linear system (dynamic arbitration, varying latency).
    InputError
        The pipeline locks up, or times overflow 64 bits.
    """
    system = event_system(segment)
    # As a wavefront: each station one token behind the one before it, so that an iteration's
    # events hardly wait for each other in the processor.
    plan = schedule(system, system.station)
    total = int(system.limit.max()) * sum(station.ticks for station in segment.stations)
    if total >= 2**61:
        raise InputError(
            f"{segment.path}: a sequence may take {total} ticks, beyond 64 bits; "
            "choose durations with a coarser common divisor"
        )
    sweep = _Sweep(system, plan, record, early)
    begin, end = sweep.inner
    sweep.edges(0, begin)
    period = None
    if begin < end:
        if extrapolate and not record:
            begin, period = sweep.skip(begin, end)
        sweep.steady(begin, end)
    sweep.edges(max(begin, end), sweep.iterations)
    return RecurrenceResult(
        system, sweep.early, sweep.last[system.end], sweep.output, sweep.updates, period
    )


class _Sweep:
    """The arrays of one evaluation. Iteration n computes occurrence ``n - delay`` of each event."""

    def __init__(self, system: EventSystem, plan: Schedule, record: bool, early: int) -> None:
        self.system, self.plan = system, plan
        self.nodes = len(system.names)
        self.back = system.marking + plan.delay[system.target] - plan.delay[system.source]
        self.depth = max(1, int(self.back.max(initial=0)))
        self.stride = 1 << (self.nodes - 1).bit_length()
        window = 1 << self.depth.bit_length()
        self.times = np.zeros(window * self.stride, dtype=np.int64)
        self.mask = window * self.stride - 1
        self.early = np.zeros((early, self.nodes), dtype=np.int64)
        self.last = np.zeros(self.nodes, dtype=np.int64)
        stops = system.limit + plan.delay
        self.iterations = int(stops.max())
        # Between these, all occurrences that an iteration looks at exist, and none is early.
        self.inner = int(plan.delay.max()) + max(window, early), int(stops.min())
        self.output_node = int(system.end[-1])
        firings = int(system.limit[self.output_node])
        self.output = np.zeros(firings if record else 0, dtype=np.int64)
        self.updates = 0
        self._edges = self._checked_arcs()
        self._steps = self._unchecked_steps()

    def _checked_arcs(self) -> tuple[IntArray, IntArray, IntArray, IntArray, NDArray[np.bool_]]:
        system, position = self.system, np.empty_like(self.plan.order)
        position[self.plan.order] = np.arange(self.nodes)
        place = position[system.target]
        by_target = np.argsort(place, kind="stable")
        offsets = np.concatenate(([0], np.cumsum(np.bincount(place, minlength=self.nodes))))
        return (
            offsets,
            system.source[by_target],
            system.weight[by_target],
            self.back[by_target],
            system.clamp[by_target],
        )

    def _unchecked_steps(self) -> tuple[Places, Places, IntArray, Places, IntArray]:
        """Targets and operand pairs: an event with d arcs takes d - 1 steps, or one."""
        system = self.system
        incoming: list[list[tuple[int, int]]] = [[] for _ in range(self.nodes)]
        for a in np.flatnonzero(system.core):
            place = (int(system.source[a]) - int(self.back[a]) * self.stride) & self.mask
            incoming[system.target[a]].append((place, int(system.weight[a])))
        steps = []
        for v in map(int, self.plan.order):
            operands = incoming[v]
            steps.append((v, *operands[0], *operands[min(1, len(operands) - 1)]))
            steps += [(v, v, 0, *operand) for operand in operands[2:]]
        columns = np.array(steps, dtype=np.int64).T.copy()
        target, a_place, b_place = (columns[n].astype(np.uint64) for n in (0, 1, 3))
        return target, a_place, columns[2], b_place, columns[4]

    def edges(self, begin: int, end: int) -> None:
        """Evaluate iterations near the ends of the sequence, one by one if they are recorded."""
        from imssa_sim.timing.recurrence_kernel import sweep_edges

        end = min(end, self.iterations)
        recorded = len(self.output)
        delay = int(self.plan.delay[self.output_node])
        for start in range(begin, end) if recorded else (begin,):
            stop = start + 1 if recorded else end
            sweep_edges(
                self.times, self.mask, self.stride, self.early, self.last, start, stop,
                self.plan.order, self.plan.delay, self.system.limit, *self._edges,
            )  # fmt: skip
            if recorded and 0 <= start - delay < recorded:
                self.output[start - delay] = self.last[self.output_node]
        self.updates += max(0, end - begin) * self.nodes

    def steady(self, begin: int, end: int) -> None:
        """Evaluate iterations in the middle of the sequence."""
        from imssa_sim.timing.recurrence_kernel import sweep_inner

        sweep_inner(
            self.times, self.mask, self.stride, begin, end, *self._steps, self.output,
            self.output_node, int(self.plan.delay[self.output_node]),
        )  # fmt: skip
        self.updates += (end - begin) * self.nodes
        row = ((end - 1) * self.stride) & self.mask
        self.last[:] = self.times[row : row + self.nodes]

    def skip(self, begin: int, end: int) -> tuple[int, tuple[int, int] | None]:
        """Evaluate until the window repeats, then move it on by whole periods."""
        from imssa_sim.timing.recurrence_kernel import sweep_to_period

        anchor = np.empty((self.depth, self.nodes), dtype=np.int64)
        reached, tokens, ticks = sweep_to_period(
            self.times, self.mask, self.stride, self.nodes, begin, end, *self._steps, anchor
        )
        self.updates += (reached - begin) * self.nodes
        if not tokens:
            # `steady` must have an iteration left to end on; the last one is the same again.
            return end - 1, None
        periods = max(0, (end - 1 - reached) // tokens)
        window = len(self.times) // self.stride
        ring = self.times.reshape(window, self.stride)
        self.times = np.ascontiguousarray(
            np.roll(ring, periods * tokens % window, axis=0) + periods * ticks
        ).ravel()
        return reached + periods * tokens, (int(tokens), int(ticks))
