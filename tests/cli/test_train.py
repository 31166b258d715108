from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from imssa_sim.cli.main import main

CONFIG = """
name: tiny
model: {layers: 1, width: 4, state: 4, inputs: 1, classes: 10, initialisation: lin}
data: {name: sdigits}
train: {epochs: 1, batch: 300}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG)
    return path


def test_train_writes_a_checkpoint_with_its_command(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from imssa_sim.model.checkpoint import load_checkpoint

    assert main(["train", "tiny.yaml", "--set", "seed=7"]) == 0
    metadata = load_checkpoint(Path("tiny.safetensors")).metadata
    assert metadata["command"] == "python -m imssa_sim train tiny.yaml --set seed=7"
    assert metadata["seed"] == 7
    assert "epoch   1/1" in capsys.readouterr().err
    assert main(["train", "tiny.yaml"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_without_pytorch_the_extra_is_explained(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    assert main(["train", "tiny.yaml"]) == 2
    assert "imssa_sim[train]" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "torch", None)
    Path("a.pt").write_bytes(b"x")
    assert main(["import-checkpoint", "a.pt", "-o", "b.safetensors"]) == 2
    assert "imssa_sim[train]" in capsys.readouterr().err


def test_bad_training_files(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["train", "tinny.yaml"]) == 2
    assert "did you mean 'tiny.yaml'" in capsys.readouterr().err
    config.write_text(CONFIG.replace("epochs", "epoch"))
    assert main(["train", "tiny.yaml"]) == 2
    shown = capsys.readouterr().err
    assert "tiny.yaml:5:9: train.epoch" in shown
    assert "did you mean 'epochs'" in shown
    assert not list(config.parent.glob("*.safetensors"))
