"""Every statistic that only some runs have, against its source, and the same on the screen.

Sources are given values that differ everywhere, so that none can stand for another.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.report.real_time import input_lines, input_table, interleave_lines, states_table
from imssa_sim.report.stream import calibration_line, stream_line
from imssa_sim.simulation.input_stats import input_entries
from imssa_sim.simulation.interleave_stats import interleave_entries
from imssa_sim.simulation.result import ColumnCalibration, RunResult, Stream, StreamPoint
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.schedule import Moment
from imssa_sim.simulation.stats import collect
from imssa_sim.simulation.stream_stats import calibration_entries, stream_entries
from imssa_sim.units import format_si

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.samples=4", "evaluate.chips=2", "evaluate.float=false")
Expected = dict[str, tuple[object, str]]


def check(entries: object, expected: Expected) -> None:
    found = {name: (value, unit, meaning) for name, value, unit, meaning in entries}  # type: ignore[attr-defined]
    assert set(found) == set(expected)
    for name, (value, unit) in expected.items():
        assert found[name][1] == unit, name
        assert found[name][2], name
        if isinstance(value, float):
            assert found[name][0] == pytest.approx(value, rel=1e-9, abs=0), name
        else:
            assert found[name][0] == value, name


@pytest.fixture(scope="module")
def fed(load: Load) -> RunResult:
    """A chip that sleeps between arrivals, its latencies and counts made to differ."""
    keys = ("rate=16 kHz", "battery=2 kJ", "deadline=1 ms", "duration=20 ms")
    card = ("hardware.power.card=power/header_switch", "hardware.power.policy=break_even")
    result = simulate(load(*QUICK, *(f"evaluate.input.{key}" for key in keys), *card))
    real, duty = result.real_time, result.duty
    assert real is not None
    assert duty is not None
    real = replace(
        real, tokens=1001, dropped=7, stalled=5, misses=3, sequences=11,
        latency=np.linspace(1e-6, 9e-6, len(real.latency)) ** 1.1,
        result_latency=np.linspace(2e-5, 3e-5, 11) ** 1.1, sustained=5e4, largest=7e4,
        fill={0: 1.0, 4: 2.0, 2: 3.0}, trace=((1e-6, 1), (2e-6, 2)),
    )  # fmt: skip
    duty = replace(duty, off_chip=3e-7, slept=duty.span / 3, wakes=19, signal=0.9 * duty.span)
    return replace(result, real_time=real, duty=duty)


def test_arrivals(fed: RunResult) -> None:
    f, duty = fed.real_time, fed.duty
    assert f is not None
    assert duty is not None
    energy = math.fsum((duty.dynamic, duty.leakage, duty.off_chip))
    states = {row.state for row in duty.states}
    assert {"active", "power_gated", "retention", "wake"} <= states
    sleep = duty.sleep
    assert sleep is not None
    expected: Expected = {
        "input.rate": (f.rate, "Hz"),
        "input.rate.sustained": (5e4, "Hz"),
        "input.rate.largest": (7e4, "Hz"),
        "input.tokens": (1001, ""), "input.sequences": (11, ""), "input.dropped": (7, ""),
        "input.stalled": (5, ""), "input.deadline_misses": (3, ""),
        "input.deadline": (1e-3, "s"), "input.slack": (1e-3 - float(f.latency.max()), "s"),
        "input.buffer.mean": ((4 * 2.0 + 2 * 3.0) / 6.0, ""), "input.buffer.largest": (4, ""),
        "input.energy.inference": (energy / duty.inferences, "J"),
        "input.energy.second": (energy / duty.signal, "J"),
        "input.power.average": (energy / duty.span, "W"),
        "input.battery_life": (2000 / (energy / duty.span), "s"),
        "input.sleep.share": (1 / 3, "1"), "input.sleep.wakes": (19, ""),
        "input.sleep.wake_time": (sleep.wake_time, "s"),
        "input.sleep.wake_energy": (sleep.wake_energy, "J"),
        "input.sleep.break_even": (sleep.break_even, "s"),
        "input.sleep.sram_weights": (sleep.weights_power, "W"),
        "input.engine": (f.engine, ""), "input.events": (f.events, ""),
    }  # fmt: skip
    for name, values in (("latency", f.latency), ("result_latency", f.result_latency)):
        ordered = sorted(values)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        expected |= {
            f"input.{name}.median": (float(middle), "s"),
            f"input.{name}.p99": (float(ordered[math.ceil(0.99 * len(ordered)) - 1]), "s"),
            f"input.{name}.worst": (float(ordered[-1]), "s"),
        }
    for account in ("dynamic", "leakage", "off_chip"):
        expected[f"input.power.{account}"] = (getattr(duty, account) / duty.span, "W")
    for state in states:
        joules = math.fsum(row.energy for row in duty.states if row.state == state)
        expected[f"input.power.state.{state}"] = (joules / duty.span, "W")
    check(input_entries(fed), expected)


def test_arrivals_on_the_screen(fed: RunResult) -> None:
    stats = {name: value for name, value, _, _ in input_entries(fed)}

    def si(name: str, unit: str) -> str:
        return format_si(float(stats[f"input.{name}"]), unit)  # type: ignore[arg-type]

    text = " ".join(line for _, line in input_lines(fed))
    ordered = np.sort(fed.real_time.latency)  # type: ignore[union-attr]
    middle = format_si(float(ordered[math.ceil(len(ordered) / 2) - 1]), "s")
    for part in (
        f"1,001 time steps at {si('rate', 'Hz')} (sustained: {si('rate.sustained', 'Hz')}); "
        "7 dropped",
        f"latency {middle} median, {si('latency.p99', 's')} 99 %, {si('latency.worst', 's')} worst",
        f"3 miss the deadline of {si('deadline', 's')}",
        f"{si('power.average', 'W')} on average ({si('power.leakage', 'W')} leakage); "
        f"{si('energy.inference', 'J')} per inference",
        f"asleep 33.3% of the time, woken 19 × for {si('sleep.wake_energy', 'J')} each",
        f"weights would draw {si('sleep.sram_weights', 'W')} more",
        f"a cell of 2 kJ lasts {si('battery_life', 's')}",
    ):
        assert part in text
    more = replace(fed, real_time=replace(fed.real_time, dropped=0, sustained=1.0))  # type: ignore[type-var]
    text = " ".join(line for _, line in input_lines(more))
    assert "more than the chip sustains" in text
    assert "5 waited outside" in text


def test_tables_of_arrivals(fed: RunResult) -> None:
    assert fed.real_time is not None
    assert fed.duty is not None
    rows = input_table(fed.real_time)
    bins = [(float(r["x"]), int(r["y"])) for r in rows if r["series"] == "latency"]
    latency = fed.real_time.latency
    for (low, count), (high, _) in itertools.pairwise(bins[:-1]):
        assert count == np.sum((latency >= low) & (latency < high))
    assert sum(count for _, count in bins) == len(latency)
    assert [(r["x"], r["y"]) for r in rows if r["series"] == "fill"] == [
        (0.0, 0), (1e-6, 1), (2e-6, 2)
    ]  # fmt: skip
    for row, state in zip(states_table(fed.duty), fed.duty.states, strict=True):
        assert row == {
            "component": state.component, "kind": state.kind, "state": state.state,
            "time_s": state.time, "energy_J": state.energy,
        }  # fmt: skip


def test_turns(load: Load) -> None:
    result = simulate(load(*QUICK, "hardware.interleave=4", "hardware.off_chip.card=off_chip/hbm2"))
    found, ledger = result.interleaved, result.ledger
    assert found is not None
    actions = ledger.by_account()["dynamic"] + ledger.by_account()["off_chip"]
    leak = math.fsum(row.leakage for row in ledger.areas)
    registers = math.fsum(row.area for row in ledger.areas if row.kind == "register")
    alone = actions + leak * result.timing.sequence_interval
    each = actions + leak / found.throughput
    check(
        interleave_entries(result),
        {
            "interleave.sequences": (4, ""),
            "interleave.interval": (found.interval, "s"),
            "interleave.throughput": (found.throughput, "1/s"),
            "interleave.speedup": (found.throughput * result.timing.sequence_interval, "1"),
            "interleave.latency": (found.latency, "s"),
            "interleave.energy": (each, "J"),
            "interleave.energy_alone": (alone, "J"),
            "interleave.area": (math.fsum(row.area for row in ledger.areas) / 4, "m2"),
            "interleave.area_registers": (registers * 3 / 4, "m2"),
        },
    )
    steps = result.program.sequence_length
    # Back to back, a round of all steps of all sequences takes them its interval each.
    assert found.throughput == pytest.approx(1 / (steps * found.interval), rel=1e-9)
    assert steps * 3 * found.interval < found.latency < steps * 5 * found.interval
    ((label, text),) = interleave_lines(result)
    assert label == "interleave"
    assert text == (
        f"4 sequences in turn: {found.throughput:,.1f} a second "
        f"({found.throughput / result.timing.throughput:.3g} ×), the last result after "
        f"{format_si(found.latency, 's')}; {format_si(each, 'J')} each back to back, one alone "
        f"{format_si(alone, 'J')}"
    )


@pytest.mark.parametrize("modelled", [True, False])
def test_streams(load: Load, modelled: bool) -> None:
    moments = [Moment(10.0, 0, 1.0, 0.5), Moment(30.0, 0, 2.0, 0.5), Moment(130.0, 1, 3.0, 0.5)]
    right = [(45, 43), (20, 22), (30, 35)]
    points = tuple(StreamPoint(m, 50, r, (1e-9, 2e-9)) for m, r in zip(moments, right, strict=True))
    upkeep = SimpleNamespace(recalibration_reads=8, calibration_reads=16)
    account = SimpleNamespace(
        upkeep=upkeep, stream_time=2e-3, pulses_per_cell=5.0 if modelled else None, endurance=1e6,
        calibration_time=7e-4,
    )  # fmt: skip
    ledger = SimpleNamespace(
        one_off=account, stream_energy=3e-6 if modelled else None, calibration_energy=4e-6
    )
    result = SimpleNamespace(
        stream=Stream(points, rewritings=6, calibrations=9), ledger=ledger,
        calibration=ColumnCalibration(2.5, 0.5, 16),
    )  # fmt: skip
    accuracies = [sum(r) / 100 for r in right]
    mean = (20 * (accuracies[0] + accuracies[1]) + 100 * (accuracies[1] + accuracies[2])) / 240
    expected: Expected = {
        "stream.begin": (10.0, "s"), "stream.end": (130.0, "s"), "stream.points": (3, ""),
        "stream.accuracy.first": (accuracies[0], "1"),
        "stream.accuracy.last": (accuracies[2], "1"),
        "stream.accuracy.lowest": (accuracies[1], "1"),
        "stream.accuracy.lowest_at": (30.0, "s"), "stream.accuracy.mean": (mean, "1"),
        "stream.reprogrammed": (6, ""), "stream.recalibrated": (9, ""),
        "stream.upkeep.energy": (3e-6 if modelled else None, "J"),
        "stream.upkeep.time": (2e-3, "s"),
        "stream.upkeep.power": (3e-6 / 120 if modelled else None, "W"),
        "stream.write_pulses_per_cell": (35.0 if modelled else None, ""),
    }  # fmt: skip
    if modelled:
        expected["stream.endurance_share"] = (35e-6, "1")
    check(stream_entries(result), expected)  # type: ignore[arg-type]
    check(
        calibration_entries(result),  # type: ignore[arg-type]
        {
            "calibration.reads": (16, ""), "calibration.energy": (4e-6, "J"),
            "calibration.time": (7e-4, "s"), "calibration.error_before": (2.5, "LSB"),
            "calibration.error_after": (0.5, "LSB"),
        },
    )  # fmt: skip
    cost = "3 µJ, 2 ms, 25 nW on average" if modelled else "what writing takes is not modelled"
    line = stream_line(result)  # type: ignore[arg-type]
    assert line.startswith(
        f"{format_si(120.0, 's', 3)}: 88.0% at first, 65.0% at the end, lowest 42.0% "
        f"{format_si(30.0, 's', 3)} after the first programming; written again 6 ×, calibrated 9 × "
        f"({cost}"
    )
    assert calibration_line(result) == (  # type: ignore[arg-type]
        "16 reads a tile: conversions off by 2.5 LSB rms before, 0.5 after; 4 µJ, 700 µs"
    )


def test_a_run_collects_them(fed: RunResult) -> None:
    names = {stat.name for stat in collect(fed)}
    assert {name for name, *_ in input_entries(fed)} <= names


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_turns_of_few_steps(load: Load, steps: int) -> None:
    """Before a rhythm is found, the interval is that from the first to the last result."""
    from imssa_sim.timing.interleave import simulate_interleaved

    config = load(*QUICK).config
    program = replace(simulate(load(*QUICK)).program, sequence_length=steps)
    one, two = (simulate_interleaved(program, config.hardware, n) for n in (1, 2))
    for found in (one, two):
        assert found.interval * (found.sequences * steps - 1) <= found.latency
    assert two.interval > 0
