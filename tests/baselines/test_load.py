"""Devices under a load, by hand."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from imssa_sim.baselines import Shape, evaluate
from imssa_sim.baselines.load import energy_of_batch, serve, served_samples
from imssa_sim.cards import load_card
from imssa_sim.errors import InputError

SHAPE = Shape(layers=2, width=32, state=16, length=64, inputs=1, classes=10)
NANO, STANDBY = load_card("gpu/jetson_nano_10w"), load_card("standby/jetson_nano")


def test_answered_at_once_it_idles_for_the_rest_of_the_period():
    alone = evaluate(NANO, SHAPE, "convolution")
    found = serve(NANO, SHAPE, 10.0, 0.01)
    assert found is not None
    assert found.baseline == alone
    assert found.latency == alone.latency
    by_hand = alone.energy + alone.idle_power * (0.1 - alone.latency)
    assert found.energy == pytest.approx(by_hand, rel=1e-12)
    assert not found.suspended


def test_a_batch_waits_for_its_last_sequence_within_the_deadline():
    found = serve(NANO, SHAPE, 1000.0, 0.1, "batch")
    assert found is not None
    batch = found.baseline.batch
    assert batch > 1
    assert found.latency == (batch - 1) / 1000 + found.baseline.latency <= 0.1
    assert found.energy < serve(NANO, SHAPE, 1000.0, 0.1).energy


def test_what_is_too_slow_or_too_late_is_not_served():
    alone = evaluate(NANO, SHAPE, "convolution")
    assert serve(NANO, SHAPE, 1.01 / alone.latency, 1.0) is None
    assert serve(NANO, SHAPE, 10.0, 0.5 * alone.latency, "batch") is None
    assert serve(NANO, SHAPE, 10_000.0, 1.0, "batch") is not None


def test_suspend_pays_where_the_deadline_bears_the_wake_up():
    assert not serve(NANO, SHAPE, 0.1, 0.5, standby=STANDBY).suspended
    found = serve(NANO, SHAPE, 0.1, 2.0, standby=STANDBY)
    assert found.suspended
    alone = evaluate(NANO, SHAPE, "convolution")
    by_hand = alone.energy + 3.0 * 1.0 + 0.15 * (10 - 1 - alone.latency)
    assert found.energy == pytest.approx(by_hand, rel=1e-12)
    # At one sequence a second nothing is left to sleep in.
    assert not serve(NANO, SHAPE, 1.0, 2.0, standby=STANDBY).suspended


def test_draws_surround_the_energy():
    for rate, deadline in ((0.1, 2.0), (100.0, 0.1)):
        found = serve(NANO, SHAPE, rate, deadline, standby=STANDBY)
        samples = served_samples(found, SHAPE, STANDBY, draws=500)
        low, high = np.quantile(samples, (0.01, 0.99))
        assert low < found.energy < high


def test_a_draw_that_is_too_slow_never_waits():
    assert energy_of_batch(3.0, 2.0, 1.0, 5.0) == 3.0


@pytest.mark.parametrize(("rate", "deadline"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (np.nan, 1)])
def test_nonsense_is_refused(rate, deadline):
    with pytest.raises(InputError, match="must be positive"):
        serve(NANO, SHAPE, rate, deadline)


def test_another_card_is_refused():
    with pytest.raises(InputError, match="not 'standby'"):
        serve(NANO, SHAPE, 1.0, 1.0, standby=NANO)


@pytest.mark.parametrize(("gap", "asleep"), [(0.9, False), (1.1, True)])
def test_a_device_sleeps_only_where_it_is_awake_again_in_time(gap, asleep):
    """A sleep that costs nothing pays wherever there is time for it, and for the wake-up."""
    free = {"suspend_power": 0.0, "wake_power": 0.0, "wake_time": 2.0}
    entries = {name: replace(STANDBY[name], scaled=value) for name, value in free.items()}
    standby = replace(STANDBY, parameters=MappingProxyType({**STANDBY.parameters, **entries}))
    alone = evaluate(NANO, SHAPE, "convolution")
    rate = 1 / (alone.latency + gap * 2.0)
    deadline = alone.latency + 2.0 + 1e-6
    found = serve(NANO, SHAPE, rate, deadline, standby=standby)
    assert found.suspended is asleep
    assert found.baseline.batch == 1
    waking = 2.0 if asleep else 0.0
    assert found.latency == pytest.approx(waking + alone.latency)
    idle = 0.0 if asleep else alone.idle_power * (1 / rate - alone.latency)
    assert found.energy == pytest.approx(alone.energy + idle)
    # A deadline that the wake-up breaks leaves it awake.
    awake = serve(NANO, SHAPE, rate, alone.latency + 1.99, standby=standby)
    assert not awake.suspended
