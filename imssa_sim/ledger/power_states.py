"""Power states of a chip that waits: what each component draws in each, and what waking takes.

The chip is one power domain: it sleeps when nothing is under way. Asleep, what holds values keeps
them at a lowered supply (*retention*), control stops its clock (*clock_gated*), all else is cut off
(*power_gated*); weights in non-volatile cells stay by themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from imssa_sim.components.registry import retains
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from imssa_sim.costs.model import CostModel

    FloatArray = NDArray[np.float64]

State = Literal["active", "idle", "clock_gated", "power_gated", "retention", "wake"]
CONTROL = "control"


@dataclass(frozen=True)
class StateRow:
    """Energy [J] and time [s] of all equal components at a path in one state.

    ``wake`` is the energy of charging their supply; its time is part of ``active`` and ``idle``.
    """

    component: str
    kind: str
    state: State
    time: float
    energy: float


@dataclass(frozen=True)
class Sleep:
    """What sleeping and waking take.

    Attributes
    ----------
    power : mapping
        (component, kind) -> what it draws asleep [W].
    wake_energies : mapping
        (component, kind) -> energy of waking it [J].
    wake_time : float
        [s]
    saved_power : float
        What the chip draws less when it sleeps [W].
    weights_power : float
        What an SRAM with the weights of the arrays would draw, keeping its contents [W].
    """

    power: Mapping[tuple[str, str], float]
    wake_energies: Mapping[tuple[str, str], float]
    wake_time: float
    saved_power: float
    weights_power: float

    @property
    def wake_energy(self) -> float:
        """Energy of waking the chip [J]."""
        return math.fsum(self.wake_energies.values())

    @property
    def break_even(self) -> float:
        """Time asleep after which sleeping has saved what waking takes [s]."""
        return self.wake_energy / self.saved_power if self.saved_power else math.inf


def sleep_of(costs: CostModel) -> Sleep | None:
    """Return what sleeping and waking take on a chip; None if it never sleeps."""
    power = costs.hardware.power
    if power.policy == "never" or power.card is None:
        return None
    card = costs.card(power.card)
    shares = {name: card[name].si for name in ("off_share", "retention_share", "clocked_share")}
    charge = card["rail_capacitance"].si * costs.hardware.chip.supply**2
    draws, wakes, saved = {}, {}, []
    for c in costs.components:
        leakage, key = float(c.leakage.value), (c.component, c.kind)
        share = {
            "power_gated": shares["off_share"],
            "retention": shares["retention_share"],
            "clock_gated": 1 - shares["clocked_share"],
        }[asleep(c.kind)]
        draws[key] = share * leakage
        saved.append(leakage - draws[key])
        wakes[key] = charge * float(c.area.value) if asleep(c.kind) == "power_gated" else 0.0
    nodes = costs.program.graph
    held = sum(
        node.operation.stored_bits(False) - node.operation.stored_bits(True)
        for node in nodes
        if f"chip.{node.name}" in costs.tiles
    )
    weights = 0.0
    if held:
        weights = float(costs.memory_pair(held / 8)[1].value) * shares["retention_share"]
    return Sleep(draws, wakes, card["wake_time"].si, math.fsum(saved), weights)


def asleep(kind: str) -> Literal["clock_gated", "power_gated", "retention"]:
    """Return the state of a kind of component while the chip sleeps."""
    if kind == CONTROL:
        return "clock_gated"
    return "retention" if retains(kind) else "power_gated"


def naps(gaps: FloatArray, sleep: Sleep, policy: str) -> tuple[float, int]:
    """Return how long a chip sleeps in all [s], and how often it wakes up.

    Parameters
    ----------
    gaps : array
        Times for which nothing was under way [s].
    sleep : Sleep
    policy : {"break_even", "until_next"}
        ``break_even``: idle for the break-even time, then asleep until something arrives.
        ``until_next``: asleep from the beginning until it has to wake up, where that pays.
    """
    if policy == "break_even":
        lost = sleep.break_even
        used = gaps[gaps > lost]
    else:
        lost = sleep.wake_time
        used = gaps[gaps > lost + sleep.break_even]
    return float(np.sum(used - lost)), len(used)


def state_rows(
    costs: CostModel,
    busy: Mapping[str, float],
    span: float,
    sleep: Sleep | None,
    slept: float,
    wakes: int,
) -> tuple[StateRow, ...]:
    """Return the energy of every component in every state over a stretch of time.

    Parameters
    ----------
    costs : CostModel
    busy : mapping
        Component -> how long it works [s].
    span : float
        [s]
    sleep : Sleep or None
    slept : float
        How long the chip sleeps [s].
    wakes : int
        How often it wakes up.

    Raises
    ------
    InternalError
        A component works while the chip sleeps, or its times do not add up to the span.
    """
    rows: list[StateRow] = []
    for c in costs.components:
        leakage, key = float(c.leakage.value), (c.component, c.kind)
        own: list[StateRow] = []

        def book(state: State, time: float, energy: float, own: list[StateRow] = own) -> None:
            if time or energy:
                own.append(StateRow(key[0], key[1], state, time, energy))  # noqa: B023

        active = min(span, busy.get(c.component, 0.0))
        if active > (span - slept) * (1 + 1e-9):
            raise InternalError(
                f"ledger: {c.component} works {active} s, but the chip is awake {span - slept} s"
            )
        rest = max(0.0, span - slept - active)
        book("active", active, leakage * active)
        if costs.hardware.power_gating and not retains(c.kind):
            book("power_gated", rest, 0.0)
        else:
            book("idle", rest, leakage * rest)
        if sleep is not None:
            book(asleep(c.kind), slept, sleep.power[key] * slept)
            book("wake", 0.0, sleep.wake_energies[key] * wakes)
        total = math.fsum(row.time for row in own)
        if not math.isclose(total, span, rel_tol=1e-9):
            raise InternalError(f"ledger: {c.component} {c.kind}: states of {total} s in {span} s")
        rows += own
    return tuple(rows)


def by_state(rows: Iterable[StateRow]) -> dict[State, float]:
    """Return the energy of each state [J]."""
    found: dict[State, list[float]] = {}
    for row in rows:
        found.setdefault(row.state, []).append(row.energy)
    return {state: math.fsum(energies) for state, energies in found.items()}
