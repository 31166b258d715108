"""``why`` from the command line, and the line of a run that points to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imssa_sim.ablation import study
from imssa_sim.cli import main
from imssa_sim.report.screen_evaluated import near_guessing
from imssa_sim.simulation.result import Accuracy
from imssa_sim.simulation.run import simulate

WORKLOAD = """
workload: tiny
model: {layers: 1, width: 8, state: 4, classes: 10}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
evaluate: {samples: 16, chips: 2, threads: 1}
"""
SMALL = ("--runs", "4", "--seconds", "1000", "--chips", "1", "--sequences", "8")


@pytest.fixture
def workload(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(WORKLOAD, encoding="utf-8")
    return str(path)


def test_prints_tables_and_stores_them(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "why"
    assert main(["why", workload, *SMALL, "-o", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("─" * 80)
    assert "left out" in out
    assert "--seconds, --runs" in " ".join(out.split())
    assert (folder / "why.txt").read_text("utf-8").splitlines() == out.splitlines()[:-1]
    assert (folder / "why.csv").exists()
    assert (folder / "why.png").exists()


def test_an_interrupt_prints_what_is_there(
    workload: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []

    def second_is_interrupted(*args: object, **kwargs: object) -> object:
        made.append(args)
        if len(made) == 2:
            raise KeyboardInterrupt
        return simulate(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(study, "simulate", second_is_interrupted)
    folder = tmp_path / "why"
    assert main(["why", workload, *SMALL, "-o", str(folder)]) == 130
    assert "interrupted" in capsys.readouterr().out
    assert (folder / "why.csv").exists()


def test_bad_input_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "sdigit"]) == 2
    assert "sdigits" in capsys.readouterr().err
    assert main(["why", "sdigits", "--runs", "0"]) == 2
    assert main(["why", str(tmp_path)]) == 2
    assert "not the directory of a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("chip", "digital", "pointed"),
    [(11, 95, True), (30, 95, False), (95, 95, False), (11, 12, False), (11, None, True)],
)
def test_only_a_chip_near_guessing_points_to_it(
    chip: int, digital: int | None, pointed: bool
) -> None:
    accuracy = Accuracy(100, 100, None, digital, (chip,))
    assert near_guessing(accuracy, 0.1) is pointed


def test_json_of_a_run_has_no_new_line(
    workload: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", workload, "--json", "--no-figures", "-o", str(tmp_path / "r")]) == 0
    assert "why" not in json.loads(capsys.readouterr().out)
