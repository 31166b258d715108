"""Training of networks whose results are values."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

import imssa_sim
from imssa_sim.data import load_dataset
from imssa_sim.errors import InputError
from imssa_sim.reference.forward import forward

torch = pytest.importorskip("torch", reason="training needs PyTorch")

CONFIG = """
name: tones
model: {{layers: 1, width: 8, state: 4, inputs: 1, task: regression, outputs: {outputs}}}
data: {{name: arrays, path: mine.npz}}
train: {{epochs: {epochs}, batch: 16, dropout: 0, ssm_lr: 0.01, dt_min: 0.05, dt_max: 0.5}}
"""


def tones(folder: Path, per_step: bool = False) -> Path:
    """Sequences of one frequency, which is their target, beside its square; or of each step."""
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 64), ("validation", 32), ("test", 32)):
        frequency = random.uniform(1, 6, (count, 1))
        phase = 2 * np.pi * (frequency * np.arange(24) / 24 + random.random((count, 1)))
        arrays[f"x_{part}"] = np.sin(phase)
        targets = 500 + 100 * np.concatenate([frequency, frequency**2], axis=1)
        arrays[f"y_{part}"] = np.cos(phase) * 3 + 7 if per_step else targets
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def trained(folder: Path, *overrides: str, outputs: int = 2, epochs: int = 30) -> Any:
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    file = folder / "train.yaml"
    file.write_text(CONFIG.format(outputs=outputs, epochs=epochs), encoding="utf-8")
    said: list[str] = []
    config = load_train_config(file, overrides)
    return train(config, folder / f"{len(overrides)}.safetensors", report=said.append), said


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, list[str]]:
    folder = tmp_path_factory.mktemp("tones")
    tones(folder)
    return (folder, *trained(folder))


def test_the_network_gives_scaled_targets_and_says_how(given: tuple[Path, Any, list[str]]) -> None:
    folder, result, said = given
    data = load_dataset("arrays", folder / "mine.npz", outputs=2)
    metadata = result.checkpoint.metadata
    for name, value in (
        ("mean", data.train.labels.mean(0)),
        ("deviation", data.train.labels.std(0)),
    ):
        np.testing.assert_allclose(metadata["targets"][name], value)
    values = forward(result.checkpoint.network, data.test.inputs)
    values = values * metadata["targets"]["deviation"] + metadata["targets"]["mean"]
    assert metadata["r2"]["test"] == pytest.approx(r2_score(data.test.labels, values), rel=1e-5)
    assert "accuracy" not in metadata
    assert metadata["r2"]["validation"] == pytest.approx(
        max(record.validation_score for record in result.history), abs=1e-4
    )
    text = "\n".join(said)
    assert "targets are scaled by mean and deviation of the training part" in text
    assert "R² " in said[-1]
    assert "accuracy" not in text
    with (folder / "0.curve.csv").open() as file:
        assert {"train_r2", "validation_r2"} < set(next(csv.reader(file)))


def test_it_learns(given: tuple[Path, Any, list[str]]) -> None:
    scores = [record.validation_score for record in given[1].history]
    assert scores[-1] > 0.5 > scores[0]


def test_a_run_has_the_r2_of_the_training(given: tuple[Path, Any, list[str]]) -> None:
    folder, result, _ = given
    workload = {
        "workload": "tones",
        "model": {"layers": 1, "width": 8, "state": 4, "task": "regression", "outputs": 2,
                  "checkpoint": str(folder / "0.safetensors")},
        "data": {"name": "arrays", "path": str(folder / "mine.npz")},
        "bits": 10,
        "evaluate": {"samples": "all", "chips": 1},
        "hardware": {
            "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/sonos_40nm",
                              "read_voltage": "100 mV"}},
            "adc": {"card": "adc/survey_andrulis_2024", "bits": 8},
            "dac": {"card": "dac/pwm_40nm"},
            "mapping": {"kernel": "digital"},
        },
    }  # fmt: skip
    found = imssa_sim.run(workload).regression
    assert found["r2.float"] == pytest.approx(result.checkpoint.metadata["r2"]["test"], abs=1e-4)
    assert found["r2.digital"] == pytest.approx(found["r2.float"], abs=0.02)
    assert found["r2.float.low"] < found["r2.float"] < found["r2.float.high"]


def test_training_goes_on_with_the_scaling_of_its_checkpoint(
    given: tuple[Path, Any, list[str]],
) -> None:
    folder, result, _ = given
    more, said = trained(folder, f"model.checkpoint={folder / '0.safetensors'}", epochs=1)
    assert more.checkpoint.metadata["targets"] == result.checkpoint.metadata["targets"]
    assert any("deviation of the checkpoint that training starts from" in line for line in said)


def test_targets_of_every_step(tmp_path: Path) -> None:
    path = tones(tmp_path, per_step=True)
    result, _ = trained(tmp_path, "model.pooling=none", outputs=1, epochs=4)
    data = load_dataset("arrays", path, outputs=1)
    scaled = result.checkpoint.metadata["targets"]
    values = forward(result.checkpoint.network, data.test.inputs)
    values = values * scaled["deviation"] + scaled["mean"]
    wanted = r2_score(data.test.labels.ravel(), values.ravel())
    assert result.checkpoint.metadata["r2"]["test"] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(InputError, match=r"give model\.pooling: none"):
        trained(tmp_path, "model.pooling=last", "seed=1", outputs=1)


def test_in_integers(given: tuple[Path, Any, list[str]]) -> None:
    folder, _, _ = given
    start = (f"model.checkpoint={folder / '0.safetensors'}", "quantise={bits: 8}", "train.lr=0.001")
    result, _ = trained(folder, *start, epochs=1)
    assert result.checkpoint.metadata["r2"]["of"] == "integers"
    assert result.checkpoint.metadata["r2"]["test"] > 0.5
