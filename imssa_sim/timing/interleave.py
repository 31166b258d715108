"""Several sequences that take turns in one pipeline, so that each one's loop has time to close.

Token n belongs to sequence n mod K: a fair, fixed rotation. A station that holds a recurrence is
taken apart into its components, which work on tokens of different sequences at the same time; a
feedback FIFO with K places lets a sequence's next token in when its last one has left the loop.
Word lines and the array that they drive stay together: a read ends when its columns are sampled.
Converters with several ways take the next token's sums while those of the last are under way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from imssa_sim.components.path import ComponentPath
from imssa_sim.errors import ValidityError
from imssa_sim.timing.build import REGISTER_TOKENS, build_graph
from imssa_sim.timing.constraints import static_order
from imssa_sim.timing.durations import durations
from imssa_sim.timing.event import run_event
from imssa_sim.timing.graph import Channel, Phase, Resource, Segment, Station, TimedAction

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.graph import Arbitration


@dataclass(frozen=True)
class Interleaved:
    """``sequences`` in turn on one chip; times in [s].

    Attributes
    ----------
    sequences : int
    interval : float
        Between tokens of any sequence, mean over the whole run where it has no steady state.
    latency : float
        From the first token of all sequences to the last result.
    throughput : float
        Sequences per second, back to back.
    events : int
    """

    sequences: int
    interval: float
    latency: float
    throughput: float
    events: int


def simulate_interleaved(program: Program, hardware: HardwareConfig, sequences: int) -> Interleaved:
    """Time so many sequences that take turns.

    Parameters
    ----------
    program : Program
        Of one sequence.
    hardware : HardwareConfig
    sequences : int
        At least 1.

    Raises
    ------
    ValidityError
        A kernel whose output comes late, or a bidirectional network.
    """
    table = durations(program.stages, hardware)
    policy = hardware.chip.arbitration
    graph = build_graph(
        program.stages, program.bypasses, program.sequence_length, table.ticks, policy
    )
    steps = [segment for segment in graph.segments if segment.per == "step"]
    if len(steps) != 1:
        raise ValidityError(
            "hardware.interleave: a bidirectional network holds whole sequences between its "
            "directions; interleave a causal one"
        )
    behind = {(a.component, a.verb): table.behind(a) for a in table.table}
    turned = interleave(steps[0], sequences, policy, behind)
    result = run_event(turned, fast_forward=True)
    tokens = steps[0].tokens * sequences
    if result.period is not None:
        interval = float(result.period.interval)
    else:
        interval = (result.end - result.first_output) / max(1, tokens - 1)
    once = sum(run_event(segment).end for segment in graph.segments if segment.per == "sequence")
    tick = float(table.tick)
    return Interleaved(
        sequences=sequences,
        interval=interval * tick,
        latency=(result.end + sequences * once) * tick,
        throughput=1 / (max(steps[0].tokens * interval, once) * tick),
        events=result.events,
    )


def interleave(
    segment: Segment,
    sequences: int,
    policy: Arbitration,
    behind: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> Segment:
    """Return a segment in which so many sequences take turns.

    Parameters
    ----------
    segment : Segment
        Of one sequence.
    sequences : int
    policy : {"fifo", "round_robin", "static"}
        Of its shared components, and of those that a loop uses twice.
    behind : mapping
        (component, action) -> ticks at its end in which the component serves the next token.

    Raises
    ------
    ValidityError
        An output comes late, so that the end of each sequence shows.
    """
    late = next((s.path for s in segment.stations if s.extra), None)
    if late is not None:
        raise ValidityError(
            f"hardware.interleave: the output of {late} comes a step late, which takes a further "
            "step at every sequence's end; choose another hardware.mapping.kernel"
        )
    tokens = segment.tokens * sequences
    stations: list[Station] = []
    channels: list[Channel] = []
    first: list[int] = []
    for station in segment.stations:
        first.append(len(stations))
        parts = _parts(station, behind)
        for number, part in enumerate(parts):
            path = station.path if len(parts) == 1 else f"{station.path}.{number}"
            stations.append(replace(station, path=path, phases=(part,), firings=tokens))
            if number:
                before = len(stations) - 2
                name = f"{stations[before].path}.fifo"
                channels.append(Channel(name, before, before + 1, REGISTER_TOKENS))
        if len(parts) > 1:
            ends = len(stations) - 1, first[-1]
            channels.append(Channel(f"{station.path}.states", *ends, sequences, sequences))
    last = [*(n - 1 for n in first[1:]), len(stations) - 1]
    channels += [
        replace(c, source=last[c.source], target=first[c.target]) for c in segment.channels
    ]
    return _with_resources(segment, tokens, stations, channels, policy)


def _parts(station: Station, behind: Mapping[tuple[str, str], int]) -> list[Phase]:
    """Return what a station is taken apart into.

    What a component still does behind its service becomes delays, none longer than the service, so
    that they hold as many tokens as may be under way and never limit the rate.
    """
    found: list[Phase] = []
    for phase in station.phases:
        if phase.resource >= 0 or phase.varying is not None:
            found.append(phase)
            continue
        for _, run in groupby(phase.parts, key=_unit):
            parts = tuple(run)
            rest = behind.get((parts[-1].component, parts[-1].action), 0)
            served = parts[-1].ticks - rest
            found.append(Phase((*parts[:-1], replace(parts[-1], ticks=served))))
            longest = found[-1].ticks
            for start in range(0, rest, longest):
                name = f"{parts[-1].component}.behind{len(found)}"
                delay = min(longest, rest - start)
                found.append(Phase((TimedAction(name, "delay", delay, 0),)))
    return found


def _unit(part: TimedAction) -> str:
    path = ComponentPath(part.component)
    return path.sibling("array") if path.part == "dac" else part.component


def _with_resources(
    segment: Segment,
    tokens: int,
    stations: Sequence[Station],
    channels: Sequence[Channel],
    policy: Arbitration,
) -> Segment:
    """Return the segment, with arbitration of what several of its stations use."""
    users: dict[str, list[tuple[int, int]]] = defaultdict(list)
    names = [resource.path for resource in segment.resources]
    for index, station in enumerate(stations):
        (phase,) = station.phases
        path = names[phase.resource] if phase.resource >= 0 else _unit(phase.parts[0])
        users[path].append((index, 0))
    shared = [path for path, found in users.items() if len(found) > 1 and _contends(path)]
    number = {user: n for n, path in enumerate(shared) for user in users[path]}
    arranged = tuple(
        replace(s, phases=(replace(s.phases[0], resource=number.get((n, 0), -1)),))
        for n, s in enumerate(stations)
    )
    plain = tuple(
        Resource(path, "fifo", tuple(reversed(users[path])), (0,) * len(users[path]))
        for path in shared
    )
    whole = replace(
        segment, tokens=tokens, stations=arranged, channels=tuple(channels), resources=plain
    )
    if policy == "static":
        orders = [static_order(whole, resource.users) for resource in plain]
    else:
        orders = [(resource.users, resource.lags) for resource in plain]
    resources = tuple(
        Resource(r.path, policy, *order) for r, order in zip(plain, orders, strict=True)
    )
    return replace(whole, resources=resources)


def _contends(path: str) -> bool:
    """Tell whether users of a component wait for each other; a FIFO has a port for each end."""
    return ComponentPath(path).part != "buffer"
