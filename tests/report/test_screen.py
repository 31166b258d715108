"""The screen at the end of a run: names of any length, and every number against its statistic."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from imssa_sim.config import load_config
from imssa_sim.report.screen import WIDTH, screen
from imssa_sim.report.screen_parts import Paragraph
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.units import format_si


@pytest.mark.parametrize("label", ["", "accuracy", "imssa_two_class", "a" * 40])
def test_a_label_is_set_apart_from_its_text(label: str) -> None:
    lines = Paragraph(label, "word " * 60).lines(WIDTH)
    assert lines[0].startswith(f"{label} ")
    assert all(len(line) <= WIDTH for line in lines)
    assert "".join(lines).count("word") == 60


@pytest.fixture(scope="module")
def shown() -> tuple[str, dict[str, Any], RunResult]:
    settings = ["evaluate.samples=20", "evaluate.chips=2", "hardware.adc.bits=6"]
    result = simulate(load_config("sdigits_taox", settings))
    stats = {stat.name: stat.value for stat in collect(result)}
    text = " ".join(screen(result, Path("runs/x"), width=400).split())
    return text, stats, result


def test_every_number_is_the_statistic_that_it_stands_for(
    shown: tuple[str, dict[str, Any], RunResult],
) -> None:
    text, stats, result = shown
    a, clipped = result.accuracy, stats["adc.saturated_share"]
    assert 0 < clipped < 1
    lows = sum(s.low for s in result.saturation)
    highs = sum(s.high for s in result.saturation)
    assert lows
    assert highs
    chips = [stats[f"accuracy.analog.chip{n}"] for n in range(2)]
    worst, best = min(chips), max(chips)
    accounts = {n: stats[f"energy.account.{n}"] for n in ("dynamic", "leakage")}
    for expected in (
        f"float {stats['accuracy.float']:.1%} quantised {stats['accuracy.digital']:.1%} analog "
        f"{stats['accuracy.analog.mean']:.1%} ± {stats['accuracy.analog.deviation']:.1%} "
        f"(2 chips, {worst:.1%} to {best:.1%})",
        f"{a.samples} of 360 test sequences; {clipped:.2%} of conversions clip; guessing gives "
        "10.0%",
        f"first output {format_si(stats['time.first_output'], 's')} steady-state interval "
        f"{format_si(stats['time.interval'], 's')} end to end "
        f"{format_si(stats['time.end_to_end'], 's')}",
        f"throughput {stats['time.throughput']:,.1f} sequences/s",
        f"bottleneck {stats['time.bottleneck']}:",
        f"energy {format_si(stats['energy.inference'], 'J')} per inference",
        *(f"{n} {joules / stats['energy.inference']:.0%}" for n, joules in accounts.items()),
        f"cells {format_si(stats['energy.array.real_inputs'], 'J')} from the actual inputs; a "
        f"fixed activity would say {format_si(stats['energy.array.fixed_activity'], 'J')}",
        f"assumed {stats['energy.assumed_share']:.0%} of the energy",
        f"programming the chip once: {format_si(stats['programming.energy'], 'J')}, "
        f"{format_si(stats['programming.time'], 's')}",
        f"power {format_si(stats['power.average'], 'W')} on average, of which leakage "
        f"{format_si(stats['power.leakage'], 'W')}",
        f"TOPS/W {stats['tops_per_watt.useful']:.4g} counting useful MACs, "
        f"{stats['tops_per_watt.array']:.4g} counting array MACs",
        f"area {stats['area'] * 1e6:.4g} mm²",
        f"{stats['tiles.needed']} of {stats['tiles.available']} in use; "
        f"{stats['tiles.used_share']:.0%} of their cells driven, "
        f"{stats['tiles.useful_share']:.1%} hold a weight",
        f"this chip {format_si(stats['time.end_to_end'], 's')} "
        f"{format_si(stats['energy.inference'], 'J')} {stats['tops_per_watt.useful']:.3g}",
    ):
        assert expected in text


def test_every_effect_is_said_to_be_on_or_off(shown: tuple[str, dict[str, Any], RunResult]) -> None:
    text, _, result = shown
    told = text.split(" effects ")[1].split(" latency ")[0]
    on, off = (part.split(", ") for part in told.split("; off: "))
    switches = dict(result.loaded.config.hardware.effects)
    named = {name: name.replace("_", " ") for name in switches} | {"ir_drop": "wires (IR drop)"}
    choices = {"read_duration", "drift_compensation", "write_verify", "level_grid"}
    assert on == [named[name] for name, value in switches.items() if value]
    silent = {named[name] for name, value in switches.items() if not value} - set(off)
    assert silent <= {named[name] for name in choices}
    assert not set(on) & set(off)


def test_a_gated_chip_that_is_given_some_of_the_samples() -> None:
    settings = ["evaluate.samples=20", "evaluate.chips=2", "hardware.adc.bits=6"]
    settings += ["evaluate.chip_samples=7", "hardware.power_gating=true"]
    result = simulate(load_config("sdigits", settings))
    stats: dict[str, Any] = {stat.name: stat.value for stat in collect(result)}
    chips = [stats[f"accuracy.analog.chip{n}"] for n in range(2)]
    leaking = stats["energy.account.leakage"] / stats["time.end_to_end"]
    assert leaking < 0.9 * result.ledger.leakage_power
    text = " ".join(screen(result, None, width=400).split())
    assert f"(2 chips, {min(chips):.1%} to {max(chips):.1%})" in text
    assert f"of which leakage {format_si(leaking, 'W')} (power gated)" in text


def test_every_baseline_has_its_own_numbers(shown: tuple[str, dict[str, Any], RunResult]) -> None:
    text, stats, result = shown
    assert len(result.baselines) == 9
    for b in result.baselines:
        card = b.card.removeprefix("gpu/")
        name = f"baseline.{card}.{b.mode}.batch{b.batch}"
        mode = {"convolution": "conv.", "recurrent": "recur."}[b.mode]
        assert (
            f"{card} {mode} {b.batch} {format_si(stats[f'{name}.latency'], 's')} "
            f"{format_si(stats[f'{name}.energy'], 'J')} {stats[f'{name}.tops_per_watt']:.3g} "
            f"{stats[f'{name}.bound']}"
        ) in text


def test_a_mean_below_what_the_bottleneck_bears_is_called_optimistic(
    shown: tuple[str, dict[str, Any], RunResult],
) -> None:
    text, _, result = shown
    assert "optimistic" not in text
    timing = result.timing
    short = replace(timing, interval_ticks=timing.bottleneck.interval - Fraction(1, 2))
    words = " ".join(screen(replace(result, timing=short), Path("x")).split())
    bears = format_si(float(timing.bottleneck.interval) * timing.tick, "s")
    assert f"and optimistic, as is the throughput; for ever the bottleneck takes {bears}" in words
