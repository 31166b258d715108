"""From a Program, its costs, its timing and its execution to the ledger of one inference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from imssa_sim.components.path import ComponentPath
from imssa_sim.components.registry import retains
from imssa_sim.components.terms import Account, ActionCost, Term
from imssa_sim.errors import InternalError
from imssa_sim.ledger.ledger import AreaRow, Ledger, Row
from imssa_sim.ledger.one_off import OneOffLine, Upkeep, one_off
from imssa_sim.mapping.counts import action_counts, repeats

if TYPE_CHECKING:
    from imssa_sim.costs.model import CostModel
    from imssa_sim.mapping.program import Program

Counts = Mapping[tuple[str, str], int]


class Timed(Protocol):
    """What the ledger takes from the timing execution (`imssa_sim.timing.result.TimingResult`)."""

    @property
    def counts(self) -> Counts:
        """(component, action) -> actions per sequence."""

    @property
    def busy(self) -> Mapping[str, float]:
        """Component -> time that it is occupied per sequence [s]."""

    @property
    def end_to_end(self) -> float:
        """Time of one sequence, or of a batch [s]."""

    @property
    def batch(self) -> int:
        """Sequences that share it."""


class Executed(Protocol):
    """What the ledger takes from the functional execution, per inference."""

    @property
    def counts(self) -> Counts:
        """(component, action) -> actions."""

    @property
    def array_energy(self) -> Mapping[str, float]:
        """Component -> energy dissipated in its cells [J]."""


def build_ledger(
    program: Program,
    costs: CostModel,
    timing: Timed,
    activity: Executed | None = None,
    upkeep: Upkeep = Upkeep(),  # noqa: B008 (immutable)
    rewriting: Iterable[OneOffLine] = (),
) -> Ledger:
    """Build the ledger of one inference and check that it closes.

    Parameters
    ----------
    program : Program
    costs : CostModel
        Of this Program, without draws.
    timing : TimingResult
        Action counts, elapsed time, and how long each component is busy.
    activity : optional
        Action counts and array energies of the functional execution. Without it the array reads
        are priced by their fixed activity.
    upkeep : Upkeep
        What was done to the chip beside inferences; by default it is written once.
    rewriting : iterable of OneOffLine
        What is written for each batch (`imssa_sim.ledger.passes`).

    Raises
    ------
    InternalError
        If timing and execution counted different actions, or a sum does not close.
    """
    compare_counts(action_counts(program), timing.counts, "the Program", "timing")
    if activity is not None:
        compare_counts(timing.counts, activity.counts, "timing", "the functional execution")
    rows, estimate = _action_rows(program, costs)
    measured = dict(activity.array_energy) if activity is not None else {}
    if activity is not None:
        rows = _with_measured_reads(rows, estimate, measured)
    busy = busy_times(timing)
    rows = _with_times(rows, busy)
    batch = timing.batch
    leakage, ungated, gated = _leakage_rows(costs, timing.end_to_end / batch, busy)
    account = one_off(program, costs, upkeep)
    programming = [
        _row(e.component, e.kind, e.action, "programming", e.stage, e.count, e.time,
             [(e.energy, e.status)])
        for e in account.entries
    ]  # fmt: skip
    again = [
        _row(e.component, e.kind, e.action, "reprogramming", e.stage, round(e.count / batch),
             e.time / batch, [(e.energy / batch, e.status)])
        for e in rewriting
    ]  # fmt: skip
    ledger = Ledger(
        rows=(*rows, *leakage, *programming, *again),
        areas=tuple(_area_rows(costs)),
        elapsed=timing.end_to_end,
        useful_macs=program.useful_macs,
        array_macs=program.array_macs,
        power_gated=costs.hardware.power_gating,
        leakage_ungated=ungated,
        leakage_gated=gated,
        array_estimate=estimate,
        array_measured=measured,
        one_off=account,
        batch=batch,
    )
    ledger.check()
    return ledger


def compare_counts(first: Counts, second: Counts, first_name: str, second_name: str) -> None:
    """Raise unless two executions counted the same actions; missing keys count as zero.

    Raises
    ------
    InternalError
        Names the first key that differs.
    """
    for key in sorted({*first, *second}):
        a, b = first.get(key, 0), second.get(key, 0)
        if a != b:
            raise InternalError(
                f"action counts differ at {key[0]} {key[1]}: {a} by {first_name}, "
                f"{b} by {second_name}"
            )


def _row(
    component: str, kind: str, action: str, account: Account, stage: str, count: int, time: float,
    parts: Iterable[tuple[float, str]],
) -> Row:  # fmt: skip
    by_status: dict[str, list[float]] = {}
    for energy, status in parts:
        by_status.setdefault(status, []).append(energy)
    shares = {status: math.fsum(energies) for status, energies in by_status.items()}
    energy = math.fsum(shares.values())
    return Row(
        component,
        kind,
        action,
        account,
        stage,
        ComponentPath(stage).layer,
        count,
        time,
        energy,
        **shares,
    )


def booked(program: Program, costs: CostModel) -> Iterator[tuple[str, ActionCost, int]]:
    """Yield (path of the stage, cost of an action, how often it happens in one inference)."""
    length = program.sequence_length
    for stage in program.stages:
        for position, action in enumerate(stage.actions):
            number = action.count * repeats(stage, position, length)
            for cost in costs.actions(action, stage):
                yield stage.path, cost, number * cost.per
    for bypass, cost in costs.bypass_actions():
        yield bypass.target, cost, bypass.words * length


def is_array_read(kind: str, action: str) -> bool:
    """Tell whether a row is the read of the cells, whose energy depends on the data."""
    return (kind, action) == ("array", "read")


def _action_rows(program: Program, costs: CostModel) -> tuple[list[Row], dict[str, float]]:
    """Return dynamic and off-chip rows, arrays priced by the estimate, and that estimate."""
    totals: dict[tuple[str, str, str, str, Account], tuple[int, list[tuple[float, str]]]] = {}
    for stage, cost, count in booked(program, costs):
        key = cost.component, cost.kind, cost.action, stage, cost.account
        number, parts = totals.get(key, (0, []))
        parts = [*parts, *((count * float(term.value), term.status) for term in cost.terms)]
        totals[key] = number + count, parts
    rows = [
        _row(component, kind, action, account, stage, count, 0.0, parts)
        for (component, kind, action, stage, account), (count, parts) in totals.items()
    ]
    estimate = {r.component: r.energy for r in rows if is_array_read(r.kind, r.action)}
    return rows, estimate


def _with_measured_reads(
    rows: list[Row], estimate: Mapping[str, float], measured: Mapping[str, float]
) -> list[Row]:
    """Replace the estimated energies of array reads by those of the real inputs."""
    unknown = sorted(set(measured) - set(estimate))
    if unknown:
        raise InternalError(f"array energy of {unknown[0]}, which no stage of the Program reads")
    missing = sorted(set(estimate) - set(measured))
    if missing:
        raise InternalError(f"no array energy of {missing[0]} from the functional execution")
    return [
        _row(r.component, r.kind, r.action, r.account, r.stage, r.count, r.time,
             [(measured[r.component], "derived")])
        if is_array_read(r.kind, r.action)
        else r
        for r in rows
    ]  # fmt: skip


def busy_times(timing: Timed) -> dict[str, float]:
    """Return how long each component works in one inference [s].

    An array works while its word lines are driven and while its columns are sampled.
    """
    busy = dict(timing.busy)
    for path, time in timing.busy.items():
        if ComponentPath(path).part == "dac":
            array = ComponentPath(path).sibling("array")
            busy[array] = busy.get(array, 0.0) + time
    return busy


def _with_times(rows: list[Row], busy: Mapping[str, float]) -> list[Row]:
    """Give each component's busy time to its first row."""
    left = dict(busy)
    return [replace(row, time=left.pop(row.component, 0.0)) for row in rows]


def _leakage_rows(
    costs: CostModel, elapsed: float, busy: Mapping[str, float]
) -> tuple[list[Row], float, float]:
    """Return leakage rows as configured, and the leakage energy ungated and gated [J]."""
    rows: list[Row] = []
    ungated, gated = [], []
    for c in costs.components:
        power = float(c.leakage.value)
        if power == 0.0:
            continue
        on = elapsed if retains(c.kind) else min(elapsed, busy.get(c.component, 0.0))
        ungated.append(power * elapsed)
        gated.append(power * on)
        time = on if costs.hardware.power_gating else elapsed
        rows.append(
            _row(c.component, c.kind, "leak", "leakage", c.stage, 0, time,
                 [(power * time, c.leakage.status)])
        )  # fmt: skip
    return rows, math.fsum(ungated), math.fsum(gated)


def _area_rows(costs: CostModel) -> Iterable[AreaRow]:
    for c in costs.components:
        area: Term = c.area
        yield AreaRow(
            c.component, c.kind, ComponentPath(c.stage).layer, c.instances, float(area.value),
            float(c.leakage.value), area.status,
        )  # fmt: skip
