"""What the first steps tell of a chip at work: use of each component, tokens that wait."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from imssa_sim.report.record import Record

BINS = 160


@dataclass(frozen=True)
class Occupied:
    """A component in use for a token, in its stage; times in [s]."""

    path: str
    stage: str
    action: str
    token: int
    start: float
    end: float


@dataclass(frozen=True)
class Lane:
    """Use of a component over time: shares in bins of equal length, as far as all was recorded."""

    path: str
    shares: NDArray[np.float64]
    known: float


@dataclass(frozen=True)
class Queue:
    """Tokens that wait before a stage: (time [s], how many) at each change, up to ``known`` [s]."""

    stage: str
    steps: tuple[tuple[float, int], ...]
    known: float

    @property
    def longest(self) -> int:
        """The most tokens that ever wait."""
        return max((count for _, count in self.steps), default=0)


def occupied(record: Record) -> list[Occupied]:
    """Return the timeline of the steps, each row with the stage that it belongs to.

    A component that stages share does the actions of a token in the order of the flow, so that the
    n-th row of its token and action belongs to the n-th stage that has such an action. What runs
    once a sequence, long after the first steps, is left out.
    """
    stages: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in record.table("latency"):
        stages[row["component"], row["action"]].append(row["stage"])
    seen: dict[tuple[str, str, int], int] = defaultdict(int)
    found = []
    for row in sorted(record.table("timeline"), key=lambda r: r["start_s"]):
        what = row["path"], row["action"]
        turn = seen[*what, row["token"]]
        seen[*what, row["token"]] += 1
        own = stages.get(what, [])
        stage = own[turn] if turn < len(own) else row["path"].rsplit(".", 1)[0]
        found.append(
            Occupied(row["path"], stage, row["action"], row["token"], row["start_s"], row["end_s"])
        )
    steps = [o for o in found if ".layer" in o.stage or o.stage.endswith("encoder")]
    return steps or found


def order_of(record: Record, rows: Sequence[Occupied]) -> list[str]:
    """Return the stages of the rows in the order of the flow."""
    flow = dict.fromkeys(row["stage"] for row in record.table("latency"))
    present = {row.stage for row in rows}
    return [stage for stage in flow if stage in present]


def lanes(rows: Sequence[Occupied], end: float) -> list[Lane]:
    """Return the use of each component in ``BINS`` equal parts of the time to ``end`` [s].

    Later tokens than the recorded ones come to a component once the last recorded one has been
    there first; from then on its use is not known.
    """
    last = max(row.token for row in rows)
    edges = np.linspace(0.0, end, BINS + 1)
    found = []
    for path in dict.fromkeys(row.path for row in rows):
        own = [row for row in rows if row.path == path]
        shares = np.zeros(BINS)
        for row in own:
            low, high = np.maximum(edges[:-1], row.start), np.minimum(edges[1:], row.end)
            shares += np.maximum(high - low, 0.0)
        known = min((row.end for row in own if row.token == last), default=end)
        found.append(Lane(path, np.minimum(shares / (end / BINS), 1.0), known))
    return found


def queues(rows: Sequence[Occupied], order: Sequence[str]) -> list[Queue]:
    """Return the tokens that have left one stage and not entered the next, over time."""
    begin: dict[tuple[str, int], float] = {}
    done: dict[tuple[str, int], float] = {}
    for row in rows:
        key = row.stage, row.token
        begin[key] = min(begin.get(key, row.start), row.start)
        done[key] = max(done.get(key, row.end), row.end)
    tokens = sorted({row.token for row in rows})
    found = []
    for before, stage in itertools.pairwise(order):
        pairs = [
            (done[before, t], begin[stage, t])
            for t in tokens
            if (before, t) in done and (stage, t) in begin
        ]
        changes = sorted([(a, 1) for a, b in pairs if b > a] + [(b, -1) for a, b in pairs if b > a])
        steps, waiting = [(0.0, 0)], 0
        for time, change in changes:
            waiting += change
            steps.append((time, waiting))
        known = max((arrival for arrival, _ in pairs), default=0.0)
        found.append(Queue(stage, tuple(s for s in steps if s[0] <= known), known))
    return found


def below_chip(path: str) -> str:
    """Return a path without what all paths begin with."""
    return path.removeprefix("chip.")
