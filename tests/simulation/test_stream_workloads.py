"""The workloads in real time, and the figures of docs/edge.md by hand."""

from __future__ import annotations

import time

import pytest

from imssa_sim.config import load_config
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.timing.real_time import simulate_input

FEW = ("evaluate.samples=4", "evaluate.chips=1", "evaluate.float=false", "evaluate.digital=false")


def values(result) -> dict:
    return {s.name: s.value for s in collect(result)}


@pytest.mark.parametrize(
    ("name", "rate"),
    [("keywords_stream", 100.0), ("audio_rate_stream", 16e3), ("ecg_rate_stream", 360.0)],
)
def test_a_stream_keeps_its_rate_asleep_most_of_the_time(name: str, rate: float) -> None:
    found = values(simulate(load_config(name, FEW)))
    assert found["input.rate"] == pytest.approx(rate)
    assert found["input.deadline_misses"] == found["input.dropped"] == 0
    assert found["input.sleep.share"] > 0.97
    # Gated, the chip draws a small part of what it leaks awake.
    assert found["input.power.average"] < 0.2 * found["power.leakage"]


def test_sdigits_at_16_khz_by_hand() -> None:
    """Awake it is leakage by the clock, and 250 inferences a second."""
    awake = simulate(load_config("sdigits", (*FEW, "evaluate.input={rate: 16 kHz}")))
    found, ledger = values(awake), awake.ledger
    assert found["input.power.leakage"] == pytest.approx(ledger.leakage_power, rel=1e-9)
    accounts = ledger.by_account()
    dynamic = 250 * accounts["dynamic"]
    assert found["input.power.dynamic"] == pytest.approx(dynamic, rel=1e-9)
    # As docs/edge.md has them, at the cards' numbers.
    assert ledger.leakage_power == pytest.approx(21.39e-3, rel=0.02)
    assert dynamic == pytest.approx(85e-6, rel=0.05)
    gated = "hardware.power={policy: until_next, card: power/header_switch}"
    asleep = simulate(load_config("sdigits", (*FEW, "evaluate.input={rate: 16 kHz}", gated)))
    assert asleep.duty is not None
    assert asleep.duty.average_power == pytest.approx(2.67e-3, rel=0.02)


def test_ten_seconds_of_16_khz_in_a_second() -> None:
    """Processor time of this thread, so that other work on the machine does not count."""
    loaded = load_config("sdigits", (*FEW, "evaluate.input={rate: 16 kHz, duration: 10 s}"))
    result, config = simulate(loaded), loaded.config
    begin = time.thread_time()
    found = simulate_input(
        result.program, config.hardware, config.evaluate.input, result.timing, seed=0
    )
    assert time.thread_time() - begin <= 1.0
    assert found.tokens == 160_000
