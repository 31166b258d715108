"""The walk of docs/own_network.md, as it stands: a stranger's files to numbers of a chip."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

import imssa_sim
from imssa_sim.cli.main import main

torch = pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "own_network.md").read_text("utf-8")
CLASSES, _, VALUES = PAGE.partition("## Values instead of classes")


def files_of(text: str) -> dict[str, str]:
    return dict(re.findall(r"\*\*`(\S+)`\*\*.*?```\w+\n(.*?)```", text, re.DOTALL))


FILES = files_of(CLASSES)
(SHELL,) = re.findall(r"```bash\n(.*?)```", CLASSES, re.DOTALL)


def test_the_walk_takes_ten_lines_of_yaml_and_shell() -> None:
    assert set(FILES) == {"record.py", "net.py", "fit.py", "mine.yaml"}
    assert len(FILES["mine.yaml"].splitlines()) <= 10
    assert len(SHELL.splitlines()) <= 4


def test_the_walk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "net", raising=False)
    for script in ("record.py", "fit.py"):
        runpy.run_path(script)
    monkeypatch.delitem(sys.modules, "net", raising=False)
    assert "width=16, state=8" in capsys.readouterr().out
    assert main(["run", "mine.yaml", "-o", "out"]) == 0
    screen = capsys.readouterr().out
    assert "80 of 400 training sequences" in " ".join(screen.split())
    run = imssa_sim.open_run("out")
    assert run["accuracy.float"] > 0.99
    assert run["accuracy.analog.mean"] > 0.97
    assert run["time.end_to_end"] < 1e-4
    assert run["energy.inference"] < 1e-6
    assert run["time.real_time"] == pytest.approx(1e-3 / run["time.interval"])


def test_the_walk_with_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in files_of(VALUES).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path("ring.py")
    quick = ["--set", "train.epochs=8"]  # sixty as it stands
    assert main(["train", "ring_train.yaml", *quick]) == 0
    assert main(["run", "ring.yaml", "-o", "out", "--set", "evaluate.chips=1"]) == 0
    screen = " ".join(capsys.readouterr().out.split())
    assert "R² float" in screen
    run = imssa_sim.open_run("out").regression
    assert run["outputs"] == 2
    assert run["r2.float"] > 0.7
    assert run["r2.analog.mean"] == pytest.approx(run["r2.float"], abs=0.1)
    assert run["output0.spread"] == pytest.approx(33.06, abs=0.01)
