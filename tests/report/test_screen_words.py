"""What the screen says only of some chips and runs, and of those alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imssa_sim.components.path import ComponentPath
from imssa_sim.config import load_config
from imssa_sim.report.screen import screen
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate
from imssa_sim.units import format_si

SETTINGS = ["evaluate.chips=2"]


def priced(*settings: str) -> RunResult:
    return simulate(load_config("sdigits_taox", [*SETTINGS, *settings]), accuracy=False)


def said(result: RunResult) -> str:
    return " ".join(screen(result, Path("runs/x"), width=1000).split())


@pytest.fixture(scope="module")
def plain() -> RunResult:
    return priced()


WORDS = {
    "slices": "weights in 2 slices",
    "devices": "3 devices in parallel",
    "digital layers": "; digital: layer 1",
    "base": "not from its data:",
    "put in the place": "put in the place of the workload's own hardware",
    "ideal": "effects none: hardware.ideal",
    "beyond": "BEYOND extrapolated:",
    "regulator": "a linear regulator would take",
    "gated": "(power gated)",
    "digital MACs": "digital logic's MACs are useful ones alone",
    "costs alone": "costs alone",
    "fixed activity": "J by their fixed activity",
    "not modelled": "not modelled, the cell's card states no write pulses",
    "partition": "chips, a link from each to the next",
    "tiles": "of their cells driven",
    "float": "float ",
}
"""What is said -> words of it."""
ALWAYS = {"costs alone", "fixed activity", "tiles", "regulator"}

CASES = {
    "plain": ([], set(), set()),
    "slices": (["hardware.chip.tile.slices=2"], {"slices"}, set()),
    "devices": (["hardware.chip.tile.devices=3"], {"devices"}, set()),
    "one digital layer": (["hardware.mapping.digital_layers=[1]"], {"digital layers"}, set()),
    "base": (
        ["hardware.base=chips/hermes_64"], {"base", "put in the place", "not modelled"}, set(),
    ),
    "ideal": (["hardware.ideal=true"], {"ideal"}, set()),
    "as high a read voltage": (
        ["hardware.chip.tile.read_voltage=0.2 V", "hardware.chip.supply=0.2 V",
         "evaluate.extrapolate=true"],
        {"beyond"}, {"regulator"},
    ),
    "gated": (["hardware.power_gating=true"], {"gated"}, set()),
    "no tiles": (
        ["hardware.mapping.kernel=digital", "hardware.mapping.linear=digital"],
        {"digital MACs"}, {"tiles", "fixed activity", "regulator"},
    ),
    "no write model": (["hardware.chip.tile.cell=cells/sonos_40nm",
         "hardware.chip.tile.read_voltage=0.1 V"], {"not modelled"}, set()),
    "chips": (
        ["hardware.partition.chips=2", "hardware.partition.link=link/short_reach"],
        {"partition"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_words_are_said_where_they_belong(case: str) -> None:
    settings, more, less = CASES[case]
    text = said(priced(*settings))
    told = {name for name, words in WORDS.items() if words in text}
    assert told - {"digital MACs", "base"} == (ALWAYS | more) - less - {"digital MACs", "base"}
    assert {"digital MACs", "base"} & more <= told


def test_the_head_says_network_and_chip(plain: RunResult) -> None:
    text = said(plain)
    model, tile = plain.loaded.config.model, plain.loaded.config.hardware.chip.tile
    assert (
        f"sdigits_taox {model.layers} layers, H = {model.width}, N = {model.state}, L = 64; "
        f"{plain.loaded.config.hardware.mapping.kernel} on {tile.cell} {plain.data.message}"
    ) in text
    assert text.endswith("run runs/x")
    assert "run runs/x" not in " ".join(screen(plain, None).split())


def test_a_base_says_what_was_changed_of_it() -> None:
    found = priced("hardware.base=chips/hermes_64", "hardware.adc.per_tile=3")
    base = found.loaded.base
    assert base is not None
    text = said(found)
    assert f"hardware {base.name}: {base.title}, put in the place of" in text
    assert "; other than there: adc.per_tile not from its data:" in text
    assert f"not from its data: {'; '.join(base.lacks)}" in text


def test_extrapolations_are_said(plain: RunResult) -> None:
    text = said(replace(plain, extrapolated=("one thing", "another")))
    assert "BEYOND extrapolated: one thing; another" in text


def test_a_regulator_takes_supply_over_read_voltage(plain: RunResult) -> None:
    chip = plain.loaded.config.hardware.chip
    factor = chip.supply / chip.tile.read_voltage
    assert (
        f"at {format_si(chip.tile.read_voltage, 'V')}; a linear regulator would take {factor:.3g} "
        f"times as much from {chip.supply:g} V"
    ) in said(plain)
    fixed = sum(plain.ledger.array_estimate.values())
    assert f"cells {format_si(fixed, 'J')} by their fixed activity" in said(plain)


def test_the_largest_shares_are_named(plain: RunResult) -> None:
    ledger, text = plain.ledger, said(plain)
    shares: dict[str, float] = {}
    for row in ledger.rows:
        if row.account != "programming":
            kind = "leakage" if row.account == "leakage" else row.kind
            shares[f"{row.layer}.{kind}"] = shares.get(f"{row.layer}.{kind}", 0.0) + row.energy
    five = sorted(shares.values(), reverse=True)[:5]
    told = text.split(" top ")[1].split(" cells ")[0].split()
    named = dict(zip(told[::2], told[1::2], strict=True))
    assert sorted(shares[name] for name in named) == pytest.approx(sorted(five), rel=1e-9)
    assert named == {name: f"{shares[name] / ledger.energy:.1%}" for name in named}
    areas = sorted(ledger.area_by_kind().items(), key=lambda item: -item[1])[:3]
    words = ", ".join(f"{kind} {value / ledger.area:.0%}" for kind, value in areas)
    assert f"area {ledger.area * 1e6:.4g} mm² ({words})" in text
    accounts = {k: v for k, v in ledger.by_account().items() if k != "programming"}
    ordered = sorted(accounts.items(), key=lambda item: -item[1])
    words = " ".join(f"{name} {joules / ledger.energy:.0%}" for name, joules in ordered)
    assert f"per inference ({words})" in text


def test_a_link_says_what_crosses_it() -> None:
    found = priced("hardware.partition.chips=2", "hardware.partition.link=link/short_reach")
    crossing = sum(
        row.energy for row in found.ledger.rows
        if row.account == "off_chip" and ComponentPath(row.component).part.startswith("link")
    )  # fmt: skip
    assert crossing > 0
    assert (
        f"partition 2 chips, a link from each to the next (link/short_reach): "
        f"{format_si(crossing, 'J')} per inference for what crosses"
    ) in said(found)


@pytest.mark.parametrize(
    ("failed", "words"), [(None, ""), (26.0, " (4.2 pulses a cell, 98.70% written)")]
)
def test_programming(plain: RunResult, failed: float | None, words: str) -> None:
    account = replace(plain.ledger.one_off, failed=failed, cells=2000, pulses=8400)
    ledger = replace(plain.ledger, one_off=account)
    energy, time = ledger.programming_energy, ledger.programming_time
    assert energy is not None
    assert time is not None
    expected = f"once: {format_si(energy, 'J')}, {format_si(time, 's')}{words} power"
    assert expected in said(replace(plain, ledger=ledger))


def test_the_hosts_time(plain: RunResult) -> None:
    found = replace(plain, host_seconds={"a": 1.25, "b": 2.5})
    end, t = format_si(plain.timing.end_to_end, "s"), plain.timing
    timing = f"(timing: {t.host_seconds:.2f} s, {t.events:,} events)"
    assert f"host 3.75 s for an inference of {end}, costs alone {timing}" in said(found)
    accuracy: Any = SimpleNamespace(analog_samples=7, analog_correct=(1, 2, 3))
    from imssa_sim.report import screen as module

    ((_, part),) = list(enumerate(module._host(replace(found, accuracy=accuracy))))[1:]
    (text,) = part.lines(1000)
    assert f"3.8 s for 21 analog inferences of {end} each {timing}" in " ".join(text.split())


def test_narrow_terminals_get_a_paragraph_a_baseline(plain: RunResult) -> None:
    wide, narrow = screen(plain, None, 80), screen(plain, None, 60)
    for b in plain.baselines:
        mode = {"convolution": "conv.", "recurrent": "recur."}[b.mode]
        name = f"{b.card.removeprefix('gpu/')} {mode} {b.batch}"
        (line,) = [row for row in wide.splitlines() if row.startswith(f"{name} ")]
        assert line.split()[-1] in (b.bound, f"{b.bound}…")
        words = (
            f"{name} {format_si(b.latency, 's')}, {format_si(b.energy, 'J')} per inference, "
            f"{b.efficiency / 1e12:.3g} TOPS/W, bound by {b.bound}"
        )
        assert words in " ".join(narrow.split())
    assert max(map(len, narrow.splitlines())) <= 60
