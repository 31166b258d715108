"""The recurrence engine: a segment as a max-plus recurrence, evaluated token by token in Numba.

Memory is a window of the last few occurrences of every event, whatever the length of the
sequence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.timing.constraints import EventSystem, Schedule, event_system, schedule
from imssa_sim.timing.graph import Segment

if TYPE_CHECKING:
    IntArray = NDArray[np.int64]

# Before an event's first occurrence; far below any time, far above underflow when weights add.
NEVER = np.int64(-(2**62))


@dataclass(frozen=True)
class RecurrenceResult:
    """Times [ticks] of one segment, counted from its start.

    Attributes
    ----------
    first_end, last_end : (S,)
        End of each station's first and last firing.
    output : (tokens,) or (0,)
        End of every firing of the last station, if asked for.
    updates : int
        Evaluations of an event.
    """

    first_end: IntArray
    last_end: IntArray
    output: IntArray
    updates: int


def run_recurrence(segment: Segment, *, record: bool = False) -> RecurrenceResult:
    """Evaluate the recurrence of a segment over the whole sequence.

    Parameters
    ----------
    segment : Segment
    record : bool
        Keep the end of every firing of the last station (memory grows with the sequence).

    Raises
    ------
    ValidityError
        The segment is no max-plus linear system (dynamic arbitration, varying latency).
    InputError
        The pipeline locks up, or times overflow 64 bits.
    """
    from imssa_sim.timing.recurrence_kernel import sweep

    system = event_system(segment)
    plan = schedule(system)
    total = int(system.limit.max()) * sum(station.ticks for station in segment.stations)
    if total >= 2**61:
        raise InputError(
            f"{segment.path}: a sequence may take {total} ticks, beyond 64 bits; "
            "choose durations with a coarser common divisor"
        )
    arcs = _compiled(system, plan)
    window = 1 << int(arcs.back.max(initial=0)).bit_length()
    nodes = len(system.names)
    times = np.full((window, nodes), NEVER, dtype=np.int64)
    first = np.full(nodes, NEVER, dtype=np.int64)
    last = np.full(nodes, NEVER, dtype=np.int64)
    output_node = int(system.end[-1])
    output = np.empty(int(system.limit[output_node]) if record else 0, dtype=np.int64)
    sweep(
        times, first, last, output, output_node, plan.order, plan.delay, system.limit,
        arcs.offsets, arcs.source, arcs.weight, arcs.back, arcs.clamp,
        arcs.core_offsets, arcs.core_index,
    )  # fmt: skip
    return RecurrenceResult(first[system.end], last[system.end], output, int(system.limit.sum()))


@dataclass(frozen=True)
class _Arcs:
    """Incoming arcs of each node, in the order of evaluation; ``back`` iterations back."""

    offsets: IntArray  # (V + 1,)
    source: IntArray
    weight: IntArray
    back: IntArray
    clamp: NDArray[np.bool_]
    core_offsets: IntArray  # (V + 1,)
    core_index: IntArray


def _compiled(system: EventSystem, plan: Schedule) -> _Arcs:
    position = np.empty_like(plan.order)
    position[plan.order] = np.arange(len(plan.order))
    by_target = np.argsort(position[system.target], kind="stable")
    counts = np.bincount(position[system.target], minlength=len(position))
    core = system.core[by_target]
    core_counts = np.bincount(position[system.target[by_target][core]], minlength=len(position))
    back = system.marking + plan.delay[system.target] - plan.delay[system.source]
    return _Arcs(
        np.concatenate(([0], np.cumsum(counts))),
        system.source[by_target],
        system.weight[by_target],
        back[by_target],
        system.clamp[by_target],
        np.concatenate(([0], np.cumsum(core_counts))),
        np.flatnonzero(core),
    )
