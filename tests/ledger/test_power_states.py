"""Naps by hand, and power states of a small chip that add up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imssa_sim.ledger.power_states import Sleep, asleep, naps

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
