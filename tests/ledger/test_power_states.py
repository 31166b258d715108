"""Naps by hand, and power states of a small chip that add up."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from imssa_sim.errors import InternalError
from imssa_sim.ledger.power_states import Sleep, asleep, by_state, naps, sleep_of, state_rows

SLEEP = Sleep({("a", "dac"): 1.0}, {("a", "dac"): 6.0}, 1.0, 2.0, 0.0)


def test_break_even_is_wake_energy_over_saved_power():
    assert SLEEP.break_even == 3.0
    assert Sleep({}, {}, 1.0, 0.0, 0.0).break_even == math.inf


def test_naps_begin_after_the_break_even_time():
    assert naps(np.array([0.0, 3.0, 3.5, 10.0]), SLEEP, "break_even") == (7.5, 2)


def test_naps_until_the_next_arrival_end_in_time_and_must_pay():
    # Of 4.5 s, 1 s is lost to waking; the other 3.5 s save 7 J for a wake-up of 6 J.
    assert naps(np.array([0.0, 4.0, 4.5, 10.0]), SLEEP, "until_next") == (12.5, 2)


@pytest.mark.parametrize(
    ("kind", "state"),
    [("dac", "power_gated"), ("array", "power_gated"), ("accumulator", "power_gated"),
     ("register", "retention"), ("memory", "retention"), ("control", "clock_gated")],
)  # fmt: skip
def test_what_holds_values_keeps_them(kind, state):
    assert asleep(kind) == state


def costs_of(policy="until_next", gating=False):
    """Three components of which each sleeps in its own way: leakage [W], area [m²]."""
    parts = {"control": (1.0, 1e-9), "register": (20.0, 2e-9), "dac": (300.0, 3e-9)}
    card = {
        "off_share": 0.01, "retention_share": 0.3, "clocked_share": 0.6,
        "rail_capacitance": 5.0, "wake_time": 4e-6,
    }  # fmt: skip
    return SimpleNamespace(
        hardware=SimpleNamespace(
            power=SimpleNamespace(policy=policy, card="power/x"), power_gating=gating,
            chip=SimpleNamespace(supply=0.5),
        ),
        card=lambda name: {key: SimpleNamespace(si=value) for key, value in card.items()},
        components=[
            SimpleNamespace(
                component=f"chip.{kind}", kind=kind, leakage=SimpleNamespace(value=leakage),
                area=SimpleNamespace(value=area),
            )
            for kind, (leakage, area) in parts.items()
        ],
        program=SimpleNamespace(graph=[]),
        tiles={},
    )  # fmt: skip


def test_what_sleeping_and_waking_take_by_hand():
    sleep = sleep_of(costs_of())
    assert sleep is not None
    drawn = {kind: power for (_, kind), power in sleep.power.items()}
    # Control without its clock keeps what the clock does not draw of it.
    assert drawn == pytest.approx({"control": 0.4, "register": 0.3 * 20, "dac": 0.01 * 300})
    assert sleep.saved_power == pytest.approx(321 - (0.4 + 6 + 3))
    woken = {kind: energy for (_, kind), energy in sleep.wake_energies.items()}
    # Of the supply that was cut off alone: capacitance per area, times area and voltage squared.
    assert woken == pytest.approx({"control": 0, "register": 0, "dac": 5.0 * 0.25 * 3e-9})
    assert (sleep.wake_time, sleep.wake_energy) == (4e-6, pytest.approx(3.75e-9))
    assert sleep.weights_power == 0.0
    assert sleep_of(costs_of("never")) is None


@pytest.mark.parametrize("gating", [False, True])
def test_energy_of_every_component_in_every_state_by_hand(gating):
    costs, sleep = costs_of(gating=gating), sleep_of(costs_of())
    busy = {"chip.control": 3.0, "chip.dac": 1.0}
    rows = state_rows(costs, busy, 10.0, sleep, slept=4.0, wakes=2)
    waiting = ("power_gated", 5.0, 0.0) if gating else ("idle", 5.0, 1500.0)
    expected = [
        ("control", "active", 3.0, 3.0), ("control", "idle", 3.0, 3.0),
        ("control", "clock_gated", 4.0, 1.6),
        ("register", "idle", 6.0, 120.0), ("register", "retention", 4.0, 24.0),
        ("dac", "active", 1.0, 300.0), ("dac", *waiting), ("dac", "power_gated", 4.0, 12.0),
        ("dac", "wake", 0.0, 7.5e-9),
    ]  # fmt: skip
    assert len(rows) == len(expected)
    for row, (kind, state, time, energy) in zip(rows, expected, strict=True):
        assert (row.component, row.kind, row.state) == (f"chip.{kind}", kind, state)
        assert (row.time, row.energy) == pytest.approx((time, energy))
    total = by_state(rows)
    assert (total["active"], total["retention"]) == pytest.approx((303.0, 24.0))
    with pytest.raises(InternalError, match=r"chip\.control works 7"):
        state_rows(costs, {"chip.control": 7.0}, 10.0, sleep, slept=4.0, wakes=2)
