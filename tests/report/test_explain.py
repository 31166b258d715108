"""Where a statistic comes from: the tree of a run on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import imssa_sim
from imssa_sim.cli import main
from imssa_sim.units import parse_any


@pytest.fixture(scope="module")
def run(tiny: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(tiny)


def amounts(text: str, indent: int) -> list[float]:
    """The amounts of the lines with so much indentation, in SI."""
    lines = [line for line in text.splitlines() if re.match(rf" {{{indent}}}[a-z]", line)]
    found = [re.search(r" ([\d.]+ \S+) \([\d.]+%\)", line) for line in lines]
    return [parse_any(match[1])[0] for match in found if match]


@pytest.mark.parametrize(
    "name",
    ["energy.inference", "energy.account.leakage", "energy.layer0.adc", "energy.status.assumed",
     "energy.array.real_inputs", "programming.energy"],
)  # fmt: skip
def test_accounts_and_bookings_make_up_the_energy(run: imssa_sim.Run, name: str) -> None:
    text = run.explain(name)
    assert sum(amounts(text, 2)) == pytest.approx(run[name], rel=1e-3)
    assert sum(amounts(text, 4)) == pytest.approx(run[name], rel=5e-3)


def test_counts_and_entries_are_those_of_ledger_and_cards(run: imssa_sim.Run) -> None:
    text = run.explain("energy.inference")
    rows = run.ledger[(run.ledger["kind"] == "dac") & (run.ledger["action"] == "drive")]
    assert f": {rows['count'].sum():,} × 291 fJ" in text
    assert "< dac/pwm_40nm energy = 0.291 pJ (assumed: chen2018sar" in text
    assert "< the codes and conductances that were executed" in text
    assert "aladdin_multiplier.csv: 32 bits" in text


def test_every_booking_has_its_entries(run: imssa_sim.Run) -> None:
    booked = set(run.sources[["account", "kind", "action"]].itertuples(index=False, name=None))
    for row in run.ledger.itertuples():
        key = (row.account, row.kind, row.action)
        assert key in booked or key[1:] == ("array", "read"), key
    for kind in run.area["kind"]:
        assert ("area", kind, "area") in booked


def test_every_statistic_can_be_asked_for(run: imssa_sim.Run) -> None:
    for name in run.stats.index:
        assert run.explain(name).startswith(f"{name} = ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("power.average", "energy.inference / time.end_to_end"),
        ("area.adc", "area_constant"),
        ("time.interval", "dac drive 127 ns"),
        ("accuracy.analog.chip1", "of 6 right"),
        ("accuracy.digital", "digital: "),
        ("accuracy.analog.mean", "chip1: "),
        ("data.name", "sdigits"),
    ],
)
def test_other_statistics(run: imssa_sim.Run, name: str, said: str) -> None:
    assert said in run.explain(name)


def test_the_command_reads_the_directory(
    run: imssa_sim.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(run.save(tmp_path / "run", figures=False))
    assert main(["explain", folder, "energy.inference"]) == 0
    assert capsys.readouterr().out == run.explain("energy.inference") + "\n"
    assert main(["explain", folder, "energy.inferense"]) == 2
    assert "did you mean 'energy.inference'" in capsys.readouterr().err
    assert main(["explain", folder]) == 2
    assert "name a statistic" in capsys.readouterr().err
    assert main(["explain", folder, "area", "--set", "seed=1"]) == 2
    assert "--set applies to a workload" in capsys.readouterr().err


def test_calibration_rests_on_what_its_reads_do(tiny: dict[str, Any]) -> None:
    found = imssa_sim.run(tiny, {"hardware.adc.calibrate": True, "evaluate.chips": 1})
    text = found.explain("calibration.energy")
    assert "adc calibrate" in text
    assert "andrulis2024adc" in text
    assert "no number of a card" not in text


def test_simulated_writing_rests_on_the_loop(tiny: dict[str, Any]) -> None:
    cell = {"hardware.chip.tile.cell": "cells/hfox_neurram", "evaluate.chips": 1}
    written = imssa_sim.run(tiny, cell | {"hardware.effects.write_verify": True})
    assert "the write-verify loop that was simulated" in written.explain("programming.energy")
