"""Runs in real time: energies by hand, exact fast-forward, and nothing changed beside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.costs.model import CostModel
from imssa_sim.errors import ConfigError, InputError, ValidityError
from imssa_sim.ledger.duty import build_duty
from imssa_sim.report.figures.real_time import latency_and_fill
from imssa_sim.report.real_time import input_table
from imssa_sim.report.screen import screen
from imssa_sim.simulation.checks import check_by_trial
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.timing.real_time import Sleeping, simulate_input

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


OF_THE_HOST = {"engine", "events", "host_seconds", "trace"}


def test_fast_forward_equals_the_whole_run_at_ten_random_rates(load: Load) -> None:
    """To the tick and to the joule, far below, around and above what the chip sustains.

    The periods are no whole number of the chip's ticks. The chip sleeps, so that its energy rests
    on every gap between time steps.
    """
    config = load(*fed(rate="16 kHz"), *GATED, "hardware.power.policy=break_even")
    hardware, result = config.config.hardware, simulate(config)
    assert result.duty is not None
    assert result.real_time is not None
    sleep, sustained = result.duty.sleep, result.real_time.sustained
    costs = CostModel(result.program, hardware)
    own = result.timing.tick
    noise = np.random.Generator(np.random.PCG64(8))
    shares = [*10 ** noise.uniform(-3.5, -0.3, 4), *noise.uniform(0.6, 1.3, 4), 0.999, 1.001]
    skipped, dropped, slept = [], [], []
    for number, rate in enumerate(float(f"{share * sustained:.4g}") for share in shares):
        assert (1 / rate / own) % 1
        given = config.config.evaluate.input.model_copy(
            update={
                "rate": rate,
                "duration": 384 / rate,
                "overflow": ("drop_oldest", "stall")[number % 2],
            }
        )
        times, duties = [], []
        for fast in (True, False):
            found = simulate_input(
                result.program, hardware, given, result.timing,
                sleep=Sleeping(sleep.break_even, sleep.wake_time), fast_forward=fast,
            )  # fmt: skip
            times.append(found)
            duties.append(build_duty(
                result.ledger, costs, result.timing, span=found.span, signal=found.signal,
                inferences=found.delivered / 64, gaps=found.gaps, sleep=sleep,
            ))  # fmt: skip
        ahead, whole = (vars(found) for found in times)
        assert ahead["trace"] == whole["trace"][: len(ahead["trace"])]
        for name in ahead.keys() - OF_THE_HOST:
            np.testing.assert_array_equal(ahead[name], whole[name], err_msg=f"{name} at {rate}")
        assert duties[0] == duties[1]
        skipped.append(times[0].events < times[1].events)
        dropped.append(times[0].dropped)
        slept.append(duties[0].wakes)
    assert sum(skipped) >= 6
    assert any(dropped)
    assert any(slept)


def test_beyond_what_it_sustains_a_run_ends_and_says_so(load: Load) -> None:
    result = simulate(load(*fed(rate="1 GHz", duration="1 us", overflow="drop_oldest")))
    found = values(result)
    assert found["input.dropped"] > 0
    assert found["input.rate"] > found["input.rate.sustained"]
    bound = 1 / float(result.timing.bottleneck.interval * result.timing.tick)
    assert found["input.rate.sustained"] <= found["input.rate.largest"] <= bound * (1 + 1e-12)
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


GATED = ("hardware.power.card=power/header_switch",)


def gated(load: Load, policy: str, rate: str = "16 kHz"):
    return simulate(load(*fed(rate=rate), *GATED, f"hardware.power.policy={policy}"))


def test_states_add_up_component_by_component(load: Load) -> None:
    result = gated(load, "break_even")
    duty = result.duty
    assert duty is not None
    assert duty.leakage == pytest.approx(sum(row.energy for row in duty.states), rel=1e-12)
    times: dict[tuple[str, str], float] = {}
    for row in duty.states:
        key = row.component, row.kind
        times[key] = times.get(key, 0.0) + row.time
    assert list(times.values()) == pytest.approx([duty.span] * len(times), rel=1e-9)
    found = values(result)
    states = sum(v for name, v in found.items() if name.startswith("input.power.state."))
    assert states == pytest.approx(found["input.power.leakage"], rel=1e-12)


def test_sleep_by_hand(load: Load) -> None:
    """Each period holds one nap: it ends with the arrival, or the wake-up time before it."""
    awake, reactive, timed = (gated(load, p) for p in ("never", "break_even", "until_next"))
    latency = values(awake)["input.latency.worst"]
    for result, woken in ((reactive, True), (timed, False)):
        found, duty = values(result), result.duty
        assert duty is not None
        assert duty.sleep is not None
        sleep = duty.sleep
        wake, after = sleep.wake_time, sleep.break_even
        assert found["input.latency.worst"] == pytest.approx(latency + wake * woken, rel=1e-6)
        behind = result.timing.segments[-1].end * result.timing.tick
        nap = 62.5e-6 - latency - behind - wake - (after if woken else 0.0)
        assert found["input.sleep.share"] == pytest.approx(nap / 62.5e-6, rel=1e-4)
        assert found["input.sleep.wakes"] == result.real_time.tokens
        saved = sleep.saved_power * nap - sleep.wake_energy
        by_hand = values(awake)["input.power.average"] - saved / 62.5e-6
        assert found["input.power.average"] == pytest.approx(by_hand, rel=1e-4)
    assert timed.duty.energy < reactive.duty.energy < awake.duty.energy


def test_a_chip_that_has_no_time_to_sleep_stays_awake(load: Load) -> None:
    found = values(gated(load, "until_next", "1 MHz"))
    assert found["input.sleep.wakes"] == found["input.sleep.share"] == 0


def test_cells_that_keep_their_weights_save_an_sram_that_holds_them(load: Load) -> None:
    result = gated(load, "until_next")
    assert values(result)["input.sleep.sram_weights"] > 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("hardware.power.policy=break_even", "evaluate.input.rate=1 kHz"), "give card"),
        ((*GATED, "hardware.power.policy=break_even"), "needs arrivals"),
        (
            (*GATED, "hardware.power.policy=until_next", "evaluate.input.rate=1 kHz",
             "evaluate.input.arrival=poisson"),
            "must be periodic",
        ),
        (
            (*GATED, "hardware.power.policy=until_next", "evaluate.input.rate=1 kHz",
             "hardware.power_gating=true"),
            "give one of them",
        ),
    ],
)  # fmt: skip
def test_what_cannot_sleep_is_refused(load: Load, keys, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(*keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rate": "1e300 Hz"}, "rounder rate"),
        ({"rate": "1e-300 Hz"}, "64 bits"),
        ({"rate": "1 GHz", "duration": "2 ms"}, "drop_oldest"),
    ],
)
def test_what_would_not_end_is_refused(load: Load, keys, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(load(*fed(**keys)))


def test_stamps_without_a_sequence_or_without_time_are_refused(load: Load, tmp_path: Path) -> None:
    for number, message in ((20, "20 time stamps; a sequence has 64"), (64, "in no time")):
        path = tmp_path / f"{number}.txt"
        path.write_text("1.5\n" * number)
        with pytest.raises(InputError, match=message):
            check_by_trial(load(*fed(times=path)).config)


def test_tokens_stand_for_their_arrivals_or_until_the_last_result_where_the_chip_lags(
    load: Load,
) -> None:
    for rate, lags in (("16 kHz", False), ("40 MHz", True)):
        result = simulate(load(*fed(rate=rate, duration="30 us", overflow="stall")))
        found, duty = result.real_time, result.duty
        assert found is not None
        assert duty is not None
        assert (found.rate > found.sustained) == lags
        assert found.dropped == 0
        assert found.signal == pytest.approx(found.tokens / found.rate)
        ended = (found.tokens - 1) / found.rate + found.result_latency[-1]
        assert (ended > found.signal) == lags
        assert found.span == pytest.approx(ended if lags else found.signal)
        assert duty.span == found.span


def test_a_deadline_that_is_just_met_is_not_missed(load: Load) -> None:
    before = values(simulate(load(*fed(rate="16 kHz", duration="4 ms"))))
    worst = round(before["input.latency.worst"], 14)
    for shift, missed in ((0.0, False), (-1e-10, True)):
        deadline = f"{worst + shift:.14f} s"
        found = values(simulate(load(*fed(rate="16 kHz", duration="4 ms", deadline=deadline))))
        assert (found["input.deadline_misses"] > 0) == missed
