"""From the stages of a Program to the timed event graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from imssa_sim.components.action import Action
from imssa_sim.errors import InputError, InternalError, nearest
from imssa_sim.mapping.program import Bypass, Stage
from imssa_sim.timing.constraints import static_order
from imssa_sim.timing.graph import (
    Arbitration,
    Channel,
    Phase,
    Resource,
    Segment,
    Station,
    TimedAction,
    TimingGraph,
)

# Between two actions, and behind the read of a FIFO, stands one pipeline register.
REGISTER_TOKENS = 1


@dataclass(frozen=True)
class _Draft:
    """A station to be: its actions, and the capacity of the FIFO behind it."""

    path: str
    stage: Stage
    actions: tuple[Action, ...]
    places: int
    extra: int
    in_next: bool  # reads a FIFO on behalf of the stage that follows


def build_graph(
    stages: Sequence[Stage],
    bypasses: Sequence[Bypass],
    sequence_length: int,
    ticks: Callable[[Action], int],
    arbitration: Arbitration = "fifo",
) -> TimingGraph:
    """Build the timed event graph of one sequence.

    The first ``loop`` actions of a stage become one station, each further action one of its
    own. A FIFO stands between the ``buffer`` actions ``write`` and ``read`` of a stage (two
    ports: they do not contend), or behind the stage if it has none. A component that occurs in
    several stations is a shared resource; actions of one component that follow each other in
    a station hold it without a break.

    Parameters
    ----------
    stages : sequence of Stage
        In the order of the flow; stages that run once per sequence come last.
    bypasses : sequence of Bypass
        Residual connections.
    sequence_length : int
        Tokens (time steps) of the sequence, at least 1.
    ticks : callable
        Action -> length of its occupancy [ticks]; 0 drops the action.
    arbitration : {"fifo", "round_robin", "static"}
        Policy of shared resources.

    Returns
    -------
    TimingGraph

    Raises
    ------
    InputError
        A buffer cannot hold what must wait in it.
    InternalError
        A bypass names an unknown stage, or the order of the stages is impossible.
    """
    if sequence_length < 1:
        raise InputError(f"sequence_length: {sequence_length} steps; give at least 1")
    drafts = [draft for stage in stages for draft in _drafts(stage, ticks)]
    if not drafts:
        raise InputError("the program has no action that takes time; nothing to simulate")
    parts = _split(drafts)
    _check_bypasses(bypasses, drafts, parts, sequence_length)
    segments = []
    for number, part in enumerate(parts):
        per = part[-1].stage.per
        tokens = sequence_length if per == "step" else 1
        overlaps = True
        if number and per == "step":
            overlaps = _check_barrier(parts[number - 1][-1], part, tokens)
        segments.append(_segment(part, bypasses, drafts, tokens, per, ticks, arbitration, overlaps))
    return TimingGraph(tuple(segments))


def _drafts(stage: Stage, ticks: Callable[[Action], int]) -> list[_Draft]:
    groups: list[tuple[str, tuple[Action, ...]]] = []
    loop = tuple(action for action in stage.actions[: stage.loop] if ticks(action) > 0)
    if loop:
        groups.append(("loop", loop))
    groups += [
        (action.kind, (action,)) for action in stage.actions[stage.loop :] if ticks(action) > 0
    ]
    if stage.buffer_tokens < 1:
        raise InputError(f"{stage.path}: its FIFO holds {stage.buffer_tokens} tokens; at least 1")
    verbs = ["buffer." + g[1][0].verb if g[0] == "buffer" else "" for g in groups]
    has_port = "buffer.write" in verbs and verbs[-1] == "buffer.read"
    drafts = []
    seen: dict[str, int] = defaultdict(int)
    for position, (name, actions) in enumerate(groups):
        name = verbs[position].replace(".", "_") or name
        seen[name] += 1
        tail = name if seen[name] == 1 else f"{name}{seen[name]}"
        last = position == len(groups) - 1
        fifo = verbs[position] == "buffer.write" if has_port else last
        drafts.append(
            _Draft(
                f"{stage.path}.{tail}",
                stage,
                actions,
                stage.buffer_tokens if fifo else REGISTER_TOKENS,
                # A late output costs the recurrence its further steps, nothing behind it.
                stage.extra_steps if name == "loop" else 0,
                has_port and last,
            )
        )
    return drafts


def _split(drafts: Sequence[_Draft]) -> list[list[_Draft]]:
    """Cut the flow before each barrier and before the stages that run once per sequence.

    The read of the FIFO in which a sequence waits for a barrier belongs behind the barrier.
    """
    parts: list[list[_Draft]] = [[]]
    for draft in drafts:
        stage = draft.stage
        last = parts[-1][-1] if parts[-1] else None
        if last is not None and last.stage.per == "sequence" and stage.per == "step":
            raise InternalError(
                f"{stage.path} runs per step, but follows {last.stage.path}, which does not"
            )
        starts = last is not None and last.stage is not stage
        if last is not None and starts and (stage.barrier or last.stage.per != stage.per):
            reads: list[_Draft] = []
            if stage.barrier and last.in_next and len(parts[-1]) > 1:
                reads = [parts[-1].pop()]
            parts.append(reads)
        parts[-1].append(draft)
    return parts


def _check_barrier(before: _Draft, part: Sequence[_Draft], tokens: int) -> bool:
    """Check the FIFO in front of a barrier; return whether it holds two sequences."""
    waiting = next(draft.stage for draft in part if draft.stage.barrier)
    if before.places < tokens:
        raise InputError(
            f"{before.stage.path}: its FIFO holds {before.places} tokens, but {waiting.path} "
            f"starts only when all {tokens} of the sequence have arrived; give it at least {tokens}"
        )
    return before.places >= 2 * tokens


def _segment(
    part: Sequence[_Draft],
    bypasses: Sequence[Bypass],
    drafts: Sequence[_Draft],
    tokens: int,
    per: Literal["step", "sequence"],
    ticks: Callable[[Action], int],
    arbitration: Arbitration,
    overlaps: bool,
) -> Segment:
    sharers: dict[str, set[int]] = defaultdict(set)
    for index, draft in enumerate(part):
        for action in draft.actions:
            if action.kind != "buffer":
                sharers[action.component].add(index)
    shared = {path: n for n, path in enumerate(p for p, s in sharers.items() if len(s) > 1)}

    def phase(actions: list[Action]) -> Phase:
        parts = tuple(
            TimedAction(action.component, action.verb, ticks(action), action.count)
            for action in actions
        )
        return Phase(parts, shared.get(actions[0].component, -1))

    stations = tuple(
        Station(
            draft.path,
            draft.stage.path,
            tuple(
                phase(list(run))
                for _, run in groupby(draft.actions, key=lambda a: shared.get(a.component, -1))
            ),
            tokens + draft.extra,
            draft.extra,
        )
        for draft in part
    )
    chain = tuple(
        Channel(f"{part[i].path}.fifo", i, i + 1, part[i].places) for i in range(len(part) - 1)
    )
    kept = []
    for bypass in bypasses:
        source = _source_path(bypass, drafts)
        if any(d.stage.path == source for d in part):
            starts = [i for i, d in enumerate(part) if d.stage.path == source and not d.in_next]
            ends = [i for i, d in enumerate(part) if d.stage.path == bypass.target]
            if starts and ends:
                adding = [i for i in ends if any(a.verb == "add" for a in part[i].actions)]
                path = f"{source}.bypass.{bypass.target}"
                kept.append(Channel(path, starts[-1], (adding or ends)[0], bypass.capacity))
    resources = tuple(_resource(path, number, stations) for path, number in shared.items())
    name = part[-1].stage.path if len(part) == 1 else f"{part[0].stage.path}…{part[-1].stage.path}"
    segment = Segment(name, tokens, stations, chain + tuple(kept), resources, per, overlaps)
    if arbitration == "static" and resources:
        ordered = [static_order(segment, resource.users) for resource in resources]
    else:
        ordered = [(resource.users, resource.lags) for resource in resources]
    return replace(
        segment,
        resources=tuple(
            Resource(resource.path, arbitration, users, lags)
            for resource, (users, lags) in zip(resources, ordered, strict=True)
        ),
    )


def _source_path(bypass: Bypass, drafts: Sequence[_Draft]) -> str:
    """Path of the stage whose output is kept; ``input`` stands for the encoder, the first one."""
    return drafts[0].stage.path if bypass.source == "input" else bypass.source


def _resource(path: str, number: int, stations: Sequence[Station]) -> Resource:
    """Collect the users of a component: the most advanced station first, its phases in order."""
    users = [
        (index, position)
        for index, station in enumerate(stations)
        for position, phase in enumerate(station.phases)
        if phase.resource == number
    ]
    users.sort(key=lambda user: (-user[0], user[1]))
    return Resource(path, "fifo", tuple(users), (0,) * len(users))


def _check_bypasses(
    bypasses: Sequence[Bypass],
    drafts: Sequence[_Draft],
    parts: Sequence[Sequence[_Draft]],
    sequence_length: int,
) -> None:
    position = {draft.stage.path: number for number, draft in enumerate(drafts)}
    part_of = {d.stage.path: n for n, part in enumerate(parts) for d in part if not d.in_next}
    for bypass in bypasses:
        source = _source_path(bypass, drafts)
        label = f"bypass {source} -> {bypass.target}"
        for name in (source, bypass.target):
            if name not in position:
                hint = nearest(name, position)
                raise InternalError(
                    f"{label}: no stage '{name}'" + (f"; did you mean '{hint}'?" if hint else "")
                )
        if position[source] >= position[bypass.target]:
            raise InternalError(f"{label} leads backwards")
        if bypass.capacity < 1:
            raise InputError(f"{label}: it holds no token; give it at least 1")
        apart = part_of[source] != part_of[bypass.target]
        held = max(d.places for d in drafts if d.stage.path == source)
        if apart and max(bypass.capacity, held) < sequence_length:
            raise InputError(
                f"{label}: it holds {bypass.capacity} tokens, but the whole sequence waits in it; "
                f"give it at least {sequence_length}"
            )
