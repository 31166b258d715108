"""Chip and GPU at one sequence rate, by hand."""

from dataclasses import dataclass

import numpy as np
import pytest

from imssa_sim.baselines import at_equal_rate, evaluate
from imssa_sim.baselines.equal_rate import energy_at_rate
from imssa_sim.baselines.workload import Shape
from imssa_sim.cards import load_card

SHAPE = Shape(layers=2, width=8, state=4, length=16, inputs=1, classes=3)


@dataclass(frozen=True)
class Ledger:
    """What the comparison reads of a ledger."""

    leakage_power: float = 0.5

    def by_account(self):
        return {"dynamic": 2e-6, "leakage": 1e-6, "off_chip": 1e-6, "programming": 7.0}


@pytest.fixture(scope="module")
def nano():
    return evaluate(load_card("gpu/jetson_nano_10w"), SHAPE, "recurrent")


def test_a_faster_chip_waits_for_the_gpu(nano):
    found = at_equal_rate(Ledger(), 1e6, nano)
    assert found.rate == nano.throughput
    assert found.baseline_energy == pytest.approx(nano.energy)
    assert found.chip_energy == pytest.approx(3e-6 + 0.5 * nano.latency)
    assert found.ratio == pytest.approx(found.baseline_energy / found.chip_energy)


def test_a_faster_gpu_waits_for_the_chip(nano):
    period = 10 * nano.latency
    found = at_equal_rate(Ledger(), 1 / period, nano)
    assert found.rate == pytest.approx(1 / period)
    assert found.chip_energy == pytest.approx(3e-6 + 0.5 * period)
    idle = load_card("gpu/jetson_nano_10w")["idle_power"].si
    assert found.baseline_energy == pytest.approx(nano.energy + idle * 9 * nano.latency)


def test_energy_over_power_is_the_period_of_a_device_that_only_idles():
    powers = np.array([0.1, 2.0])
    assert energy_at_rate(0.0, powers, 0.0, 50.0) * 50 == pytest.approx(powers)
