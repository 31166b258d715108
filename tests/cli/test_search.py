"""``search`` from the command line, and what it leaves in its folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

pytest.importorskip("optuna")

import imssa_sim
from imssa_sim.cli import main
from imssa_sim.searches import run as module

WORKLOAD = """
workload: tiny
model: {layers: 1, width: 8, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
evaluate: {samples: 12, chips: 1, threads: 1}
"""
SEARCH = """
workload: tiny.yaml
knobs: {hardware.adc.bits: [5, 6, 7], hardware.adc.per_tile: [1, 2]}
objectives: [accuracy, energy, area]
constraints: ["latency <= 1 s"]
trials: 5
sampler: random
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(WORKLOAD, encoding="utf-8")
    path = tmp_path / "bits.yaml"
    path.write_text(SEARCH, encoding="utf-8")
    return path


def test_prints_the_front_and_stores_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert main(["search", str(file), "-o", str(folder)]) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines() if str(tmp_path) not in line)
    assert "5 trials of 6 points (random, seed 0), " in text
    assert {"trials.csv", "front.csv", "search.png", "search.svg", "search.txt"} <= {
        path.name for path in folder.iterdir()
    }
    with (folder / "front.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(list((folder / "front").glob("*.yaml"))) == len(rows) > 0
    run = imssa_sim.run(folder / "front" / f"{int(rows[0]['trial']):04d}.yaml")
    for name in ("accuracy.analog.mean", "energy.inference", "area"):
        assert run[name] == float(rows[0][name])


def test_an_interrupt_keeps_what_is_there(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original, made = module.evaluate, []

    def interrupt(*args: object) -> object:
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "evaluate", interrupt)
    folder = tmp_path / "out"
    assert main(["search", str(file), "-o", str(folder)]) == 130
    assert "interrupted" in capsys.readouterr().out
    assert (folder / "trials.csv").read_text("utf-8").count("\n") == 3
    monkeypatch.undo()
    assert main(["search", str(file), "-o", str(folder), "-q"]) == 0
    assert (folder / "trials.csv").read_text("utf-8").count("\n") == 6


def test_a_typo_ends_with_its_remedy(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(SEARCH.replace("adc.bits", "adc.bist"), encoding="utf-8")
    assert main(["search", str(file)]) == 2
    assert "did you mean 'hardware.adc.bits'?" in capsys.readouterr().err
