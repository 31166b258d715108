"""Runs in real time: energies by hand, exact fast-forward, and nothing changed beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.errors import InputError, ValidityError
from imssa_sim.report.figures.real_time import latency_and_fill
from imssa_sim.report.real_time import input_table
from imssa_sim.report.screen import screen
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.timing.real_time import simulate_input

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.chips=1", "evaluate.float=false", "evaluate.digital=false")


def fed(**keys: object) -> tuple[str, ...]:
    return (*QUICK, *(f"evaluate.input.{key}={value}" for key, value in keys.items()))


def values(result) -> dict:
    return {s.name: s.value for s in collect(result) if not s.name.startswith("host.")}


def test_the_section_adds_its_statistics_and_changes_no_other(load: Load) -> None:
    plain, config = load(*QUICK), load(*fed(rate="16 kHz"))
    assert functional_key(plain.config) == functional_key(config.config)
    before, after = values(simulate(plain)), values(simulate(config))
    assert {name: after[name] for name in before} == before
    assert {name.split(".")[0] for name in set(after) - set(before)} == {"input"}


def test_power_is_leakage_by_the_clock_and_actions_by_number(load: Load) -> None:
    result = simulate(load(*fed(rate="16 kHz", battery="2430 J", duration="2 s")))
    found, ledger = values(result), result.ledger
    length = result.program.sequence_length
    accounts = ledger.by_account()
    actions = accounts["dynamic"] + accounts.get("off_chip", 0.0)
    by_hand = ledger.leakage_power + actions * 16e3 / length
    assert found["input.power.average"] == pytest.approx(by_hand, rel=1e-12)
    assert found["input.energy.inference"] == pytest.approx(by_hand * length / 16e3, rel=1e-12)
    assert found["input.energy.second"] == pytest.approx(by_hand, rel=1e-12)
    assert found["input.battery_life"] == pytest.approx(2430 / by_hand, rel=1e-12)
    assert found["input.latency.worst"] <= result.timing.first_output
    assert found["input.deadline_misses"] == found["input.dropped"] == 0
    assert found["input.slack"] == pytest.approx(62.5e-6 - found["input.latency.worst"])
    assert str(found["input.engine"]) == "event, fast-forwarded"


def test_gated_components_leak_while_they_work(load: Load) -> None:
    result = simulate(load(*fed(rate="16 kHz"), "hardware.power_gating=true"))
    assert result.duty is not None
    whole = result.ledger.leakage_power * result.duty.span
    assert 0 < result.duty.leakage < 0.9 * whole


def test_fast_forward_equals_the_whole_run_at_ten_random_rates(load: Load) -> None:
    config = load(*fed(rate="16 kHz"))
    result = simulate(config)
    noise = np.random.Generator(np.random.PCG64(8))
    for rate in noise.uniform(0.05, 1.2, 10) * result.timing.interval**-1:
        exact = float(f"{rate:.3g}")
        given = config.config.evaluate.input.model_copy(
            update={"rate": exact, "duration": 600 / exact, "overflow": "drop_oldest"}
        )
        fast, full = (
            simulate_input(
                result.program, config.config.hardware, given, result.timing, fast_forward=f
            )
            for f in (True, False)
        )
        np.testing.assert_array_equal(fast.latency, full.latency)
        np.testing.assert_array_equal(fast.result_latency, full.result_latency)
        assert (fast.dropped, fast.misses, fast.span) == (full.dropped, full.misses, full.span)
        assert fast.fill == full.fill


def test_beyond_what_it_sustains_a_run_ends_and_says_so(load: Load) -> None:
    result = simulate(load(*fed(rate="1 GHz", duration="1 us", overflow="drop_oldest")))
    found = values(result)
    assert found["input.dropped"] > 0
    assert found["input.rate"] > found["input.rate.sustained"]
    assert "more than the chip sustains" in " ".join(screen(result, Path("x")).split())
    with pytest.raises(InputError, match="does not keep up"):
        simulate(load(*fed(rate="1 GHz", overflow="error")))


def test_a_bidirectional_network_is_refused(load: Load) -> None:
    config = load(*fed(rate="1 kHz"), "model.bidirectional=true", "model.checkpoint=null")
    with pytest.raises(ValidityError, match="bidirectional"):
        simulate(config)


def test_table_holds_every_time_step_and_the_figure_draws(load: Load) -> None:
    result = simulate(load(*fed(rate="1 MHz", burst=8, duration="1 ms")))
    assert result.real_time is not None
    rows = input_table(result.real_time)
    bins = [(row["x"], row["y"]) for row in rows if row["series"] == "latency"]
    assert sum(count for _, count in bins) == result.real_time.tokens
    fill = [(row["x"], row["y"]) for row in rows if row["series"] == "fill"]
    assert max(level for _, level in fill) == 7
    figure = latency_and_fill(bins, fill, 1e-6, 1e-7)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "time steps",
        "time steps in the input buffer",
    ]
