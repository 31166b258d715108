"""Regressions and padded data on the command line: exit 2 for what cannot be, sweeps of R²."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.cli import main

WORKLOAD = """\
workload: values
model: {layers: 1, width: 6, state: 4, task: regression, outputs: 1}
data: {name: arrays, path: mine.npz}
bits: 8
calibration: {samples: 8}
evaluate: {samples: all, chips: 2, threads: 1}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
"""
CLASSES = ("model.task=classification", "model.outputs=null", "model.classes=2")


def stored(folder: Path, **changed: Any) -> Path:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 20), ("validation", 4), ("test", 6)):
        arrays[f"x_{part}"] = random.standard_normal((count, 7, 1))
        arrays[f"y_{part}"] = random.standard_normal(count)
        arrays[f"lengths_{part}"] = np.full(count, 5)
    np.savez(folder / "mine.npz", **(arrays | changed))
    (folder / "values.yaml").write_text(WORKLOAD, encoding="utf-8")
    return folder / "values.yaml"


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "values as classes": ({}, CLASSES, "for values give model.task: regression and model.outputs"),
    "nan": ({"y_test": np.full(6, np.nan)}, (), "y_test: nan at sequence 0, output 0"),
    "length 0": ({"lengths_test": np.zeros(6, int)}, (), "lengths_test[0] is 0, outside 1…7"),
    "length 8": ({"lengths_test": np.full(6, 8)}, (), "lengths_test[0] is 8, outside 1…7"),
    "count": ({"lengths_test": np.full(5, 3)}, (), "lengths_test must be 6 whole numbers"),
    "task": ({}, ("model.task=regresion",), "did you mean 'regression'?"),
    "padding": ({}, ("data.padding=mask",), "did you mean 'masked'?"),
    "digits": ({}, ("data.name=sdigits", "data.path=auto"), "the labels of sdigits are classes"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_ends_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    changed, overrides, message = BAD[case]
    path = stored(tmp_path, **changed)
    words = [word for text in overrides for word in ("--set", text)]
    assert main(["run", str(path), "-o", str(tmp_path / "out"), *words]) == 2
    error = capsys.readouterr().err
    assert message in " ".join(error.split())
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_a_sweep_shows_r2_and_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "s.yaml").write_text(
        "sweep: s\nworkload: values.yaml\ngrid: {bits: [6, 8]}\ny: [r2, rmse]\n", encoding="utf-8"
    )
    assert main(["sweep", "s.yaml", "-o", "out", "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "R²" in said
    assert "RMSE" in said
    table = (tmp_path / "out" / "table.csv").read_text("utf-8").splitlines()
    assert "regression.rmse.analog.mean" in table[0]
    assert len(table) == 3
    assert (tmp_path / "out" / "sweep.png").exists()


def test_a_search_takes_costs_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(tmp_path)
    (tmp_path / "search.yaml").write_text(
        "search: s\nworkload: values.yaml\nknobs: {hardware.adc.bits: [6, 8]}\n"
        "objectives: [accuracy, energy]\ntrials: 2\n",
        encoding="utf-8",
    )
    assert main(["search", str(tmp_path / "search.yaml"), "-o", str(tmp_path / "found")]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "with model.task: regression a search takes costs alone" in error
