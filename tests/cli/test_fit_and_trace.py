"""``fit-card``, ``run --trace`` and ``run --extrapolate`` as a user meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cli import main
from tests.measurements.drawn import draw, write

from .test_run_command import WORKLOAD


def test_fit_card_writes_a_card_that_validates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "cells.csv", draw("cells/sonos_40nm", (1.0,), rows=400)[1])
    card = tmp_path / "own.yaml"
    assert main(["fit-card", str(data), "-o", str(card)]) == 0
    assert "spread     saturating" in capsys.readouterr().out
    assert main(["validate", str(card)]) == 0
    assert "valid cell card" in capsys.readouterr().out
    assert main(["list", "cards", str(card)]) == 0
    assert "Cell fitted to 400 readings" in capsys.readouterr().out
    assert main(["fit-card", str(data), "-o", str(card)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_a_run_is_traced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(WORKLOAD, "utf-8")
    run = ["run", str(file), "--no-figures", "-o", str(tmp_path / "run")]
    assert main([*run, "--trace", "vcd", "--trace-window", "9:2"]) == 2
    assert "ends before it begins" in capsys.readouterr().err
    assert main([*run, "--trace", "vcd", "--trace-window", "0:2"]) == 0
    assert "without fast-forward" in capsys.readouterr().err
    assert (tmp_path / "run" / "trace.vcd").exists()


def test_a_run_is_extrapolated_on_purpose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(WORKLOAD, "utf-8")
    run = ["run", str(file), "--no-figures", "--set", "hardware.chip.temperature=400 K"]
    assert main([*run, "-o", str(tmp_path / "a")]) == 3
    assert "--extrapolate" in capsys.readouterr().err
    assert main([*run, "--extrapolate", "-o", str(tmp_path / "b")]) == 0
    assert "BEYOND" in capsys.readouterr().out
