"""Every statistic of a run against its source, worked out again here, and its unit."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.cards import load_card
from imssa_sim.config import LoadedConfig
from imssa_sim.ledger.uncertainty import LedgerModel
from imssa_sim.report.screen import screen
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
Expected = dict[str, tuple[object, str]]

OFF_CHIP = "hardware.off_chip.card=off_chip/lpddr4"
RUNS = {
    "plain": ("evaluate.samples=4",),
    "off_chip": ("evaluate.samples=4", OFF_CHIP),
    "gated": ("evaluate.samples=4", OFF_CHIP, "hardware.power_gating=true"),
    "pcm": ("evaluate.samples=4", "hardware.chip.tile.cell=cells/pcm_joshi_2020"),
}


@pytest.fixture(scope="module", params=sorted(RUNS))
def result(load: Load, request: pytest.FixtureRequest) -> RunResult:
    return simulate(load(*RUNS[request.param]))


def total(rows: Iterable[object], key: Callable[..., bool] = lambda _: True) -> float:
    return math.fsum(row.energy for row in rows if key(row))  # type: ignore[attr-defined]


def expected_energy(result: RunResult) -> Expected:
    rows, areas = result.ledger.rows, result.ledger.areas
    running = [row for row in rows if row.account != "programming"]
    energy, time = total(running), result.timing.end_to_end
    leakage = math.fsum(area.leakage for area in areas)
    found: Expected = {"energy.inference": (energy, "J")}
    for account in {row.account for row in rows}:
        of_account = total(rows, lambda row, a=account: row.account == a)
        found[f"energy.account.{account}"] = of_account, "J"
    for status in ("measured", "fitted", "derived", "assumed"):
        parts = math.fsum(getattr(row, status) for row in running)
        found[f"energy.status.{status}"] = parts, "J"
    found["energy.assumed_share"] = (math.fsum(r.assumed for r in running) / energy, "1")
    for layer, kind in {(row.layer, row.kind) for row in running}:
        part = total(running, lambda r, k=(layer, kind): (r.layer, r.kind) == k)
        found[f"energy.{layer}.{kind}"] = part, "J"
    found["energy.leakage_ungated"] = leakage * time, "J"
    leaking = total(rows, lambda row: row.account == "leakage")
    gated = result.loaded.config.hardware.power_gating
    found[f"energy.leakage_{'gated' if gated else 'ungated'}"] = leaking, "J"
    reads = total(running, lambda row: (row.kind, row.action) == ("array", "read"))
    found["energy.array.real_inputs"] = reads, "J"
    found["power.average"] = energy / time, "W"
    found["power.leakage"] = leakage, "W"
    working = 0.0
    for component in {row.component for row in running if row.account != "leakage"}:
        own = [r for r in running if r.component == component and r.account != "leakage"]
        working += total(own) / (math.fsum(row.time for row in own) or time)
    found["power.peak"] = working + leakage, "W"
    found["edp"] = energy * time, "J s"
    area = math.fsum(row.area for row in areas)
    found["area"] = area, "m2"
    for kind in {row.kind for row in areas}:
        found[f"area.{kind}"] = math.fsum(r.area for r in areas if r.kind == kind), "m2"
    for rule in ("useful", "array"):
        ops = 2 * getattr(result.program, f"{rule}_macs")
        found[f"ops.{rule}"] = ops, ""
        found[f"tops_per_watt.{rule}"] = ops / 1e12 / energy, "TOPS/W"
        found[f"tops_per_mm2.{rule}"] = ops / 1e12 / time / (area * 1e6), "TOPS/mm2"
    return found


def expected_chip(result: RunResult) -> Expected:
    program, rows = result.program, result.ledger.rows
    use = program.use
    cells = sum(u.cells for u in use)
    written = [row for row in rows if row.action == "program"]
    modelled = "write_pulses" in load_card(result.loaded.config.hardware.chip.tile.cell)
    longest = max((row.time for row in written), default=0.0)  # all tiles side by side
    return {
        "tiles.needed": (sum(u.tiles for u in use), ""),
        "tiles.available": (sum(u.tiles for u in use), ""),
        "tiles.used_share": (sum(u.cells_used for u in use) / cells, "1"),
        "tiles.useful_share": (sum(u.cells_useful for u in use) / cells, "1"),
        "programming.cells": (cells, ""),
        "programming.energy": (total(written) if modelled else None, "J"),
        "programming.time": (longest if modelled else None, "s"),
        "programming.pulses_per_cell": (
            sum(row.count for row in written) / cells if modelled else None, "",
        ),
        "programming.yield": (None, "1"),
        "network.kernels": (2 * 12, ""),
        "network.kernels_whole": (2 * 12, ""),
        "network.states": (2 * 12 * 6, ""),
    }  # fmt: skip


def expected_time(result: RunResult) -> Expected:
    t, length = result.timing, result.program.sequence_length
    ticks = round(t.end_to_end / t.tick)
    found: Expected = {
        "time.first_output": (t.first_output, "s"),
        "time.interval": (t.interval, "s"),
        "time.end_to_end": (ticks * t.tick, "s"),
        "time.end_to_end_ticks": (ticks, "tick"),
        "time.tick": (t.tick, "s"),
        "time.sequence_interval": (t.sequence_interval, "s"),
        "time.throughput": (1 / t.sequence_interval, "1/s"),
        "time.steps": (length, ""),
        "time.bottleneck": (t.bottleneck.path, ""),
        "time.engine": (t.engine, ""),
    }
    for path, busy in t.busy.items():
        found[f"utilisation.{path}"] = busy / t.end_to_end, "1"
    return found


def expected_accuracy(result: RunResult) -> Expected:
    a, config = result.accuracy, result.loaded.config
    shares = [correct / a.analog_samples for correct in a.analog_correct]
    assert len(shares) == config.evaluate.chips
    assert a.float_correct is not None
    assert a.digital_correct is not None
    saturation = result.saturation
    conversions = sum(
        row.count for row in result.ledger.rows if (row.kind, row.action) == ("adc", "convert")
    )
    runs = a.analog_samples * len(shares)
    assert sum(s.conversions for s in saturation) == conversions * runs
    clipped = sum(s.low for s in saturation) + sum(s.high for s in saturation)
    return {
        "data.name": ("sdigits", ""),
        "data.fallback": (0, ""),
        "accuracy.samples": (4, ""),
        "accuracy.analog.samples": (4, ""),
        "accuracy.float": (a.float_correct / 4, "1"),
        "accuracy.digital": (a.digital_correct / 4, "1"),
        "accuracy.analog.mean": (statistics.fmean(shares), "1"),
        "accuracy.analog.deviation": (statistics.stdev(shares), "1"),
        **{f"accuracy.analog.chip{n}": (share, "1") for n, share in enumerate(shares)},
        "adc.saturated_share": (clipped / (conversions * runs), "1"),
    }


def expected_baselines(result: RunResult) -> Expected:
    rows = result.ledger.rows
    actions = total(rows, lambda row: row.account in ("dynamic", "off_chip"))
    leakage = math.fsum(area.leakage for area in result.ledger.areas)
    found: Expected = {}
    for b in result.baselines:
        card = load_card(b.card)
        name = f"baseline.jetson_nano_10w.{b.mode}.batch{b.batch}"
        rate = min(1 / result.timing.sequence_interval, b.batch / b.latency)
        waits = card["idle_power"].si * (1 / rate - b.latency / b.batch)
        found |= {
            f"{name}.latency": (math.fsum(k.time for k in b.kernels), "s"),
            f"{name}.energy": (b.average_power * b.latency / b.batch, "J"),
            f"{name}.tops_per_watt": (2e-12 * result.program.useful_macs / b.energy, "TOPS/W"),
            f"{name}.bound": (b.bound, ""),
            f"{name}.equal_rate": (rate, "1/s"),
            f"{name}.equal_rate.energy": (b.energy + waits, "J"),
            f"{name}.equal_rate.chip_energy": (actions + leakage / rate, "J"),
        }
    return found


NOT_HERE = re.compile(
    r"host\..*"  # wall time
    r"|energy\.leakage_(un)?gated"  # the other of the two: compared with the other run below
    r"|energy\.array\.fixed_activity"
)
"""Statistics that a run gives no second way to."""


def test_every_statistic_is_what_it_says(result: RunResult) -> None:
    expected: Expected = {}
    for part in (
        expected_accuracy, expected_time, expected_energy, expected_chip, expected_baselines,
    ):  # fmt: skip
        expected |= part(result)
    stats = collect(result)
    assert len({stat.name for stat in stats}) == len(stats)
    for stat in stats:
        if stat.name not in expected:
            assert NOT_HERE.fullmatch(stat.name), f"{stat.name} has no second source"
            continue
        value, unit = expected.pop(stat.name)
        assert stat.unit == unit, stat.name
        if isinstance(value, float):
            assert stat.value == pytest.approx(value, rel=1e-9, abs=0), stat.name
        else:
            assert stat.value == value, stat.name
        assert stat.description, stat.name
    assert not expected


def test_drawn_totals_start_from_the_ledger_s(result: RunResult) -> None:
    """Each account counts in the totals that are drawn as it does in the nominal ones."""
    ledger = result.ledger
    drawn = LedgerModel(result.program, result.loaded.config.hardware, ledger).totals({}, 1)
    nominal = {
        "energy": ledger.energy,
        **{name: ledger.by_account().get(name, 0.0) for name in ("dynamic", "leakage", "off_chip")},
        "power": ledger.average_power,
        "leakage_power": ledger.leakage_power,
        "area": ledger.area,
        **{f"efficiency_{rule}": ledger.efficiency(rule) for rule in ("useful", "array")},
        **{f"density_{rule}": ledger.density(rule) for rule in ("useful", "array")},
    }
    assert set(drawn) == set(nominal)
    for name, value in nominal.items():
        np.testing.assert_allclose(drawn[name], value, rtol=1e-9, err_msg=name)


def test_gating_changes_when_it_leaks_and_nothing_else(load: Load) -> None:
    always, gated = (
        {s.name: s.value for s in collect(simulate(load(*RUNS[name])))}
        for name in ("off_chip", "gated")
    )
    for name in ("energy.leakage_ungated", "energy.leakage_gated", "power.leakage", "area"):
        assert always[name] == gated[name]
    assert always["energy.account.leakage"] == always["energy.leakage_ungated"]
    assert gated["energy.account.leakage"] == gated["energy.leakage_gated"]
    assert float(str(gated["energy.leakage_gated"])) < float(str(gated["energy.leakage_ungated"]))


def test_residual_words_are_written_and_read_once_a_step(result: RunResult) -> None:
    program = result.program
    words = 12 * program.sequence_length
    for bypass in program.bypasses:
        rows = [r for r in result.ledger.rows if r.component == f"{bypass.target}.bypass"]
        dynamic = {row.action: row for row in rows if row.account == "dynamic"}
        assert set(dynamic) == {"write", "read"}
        for row in dynamic.values():
            assert row.count == words
            assert row.energy > 0
        assert [row.account for row in rows if row.action == "leak"] == ["leakage"]
    assert len(program.bypasses) == 2


def test_writing_that_no_card_states_is_said_to_be_unknown(load: Load) -> None:
    result = simulate(load(*RUNS["pcm"]))
    for stat in collect(result):
        if stat.name in ("programming.time", "programming.energy", "programming.pulses_per_cell"):
            assert stat.value is None
            assert "not modelled" in stat.description
    text = " ".join(screen(result, Path("runs")).split())
    assert "programming the chip once: not modelled" in text
