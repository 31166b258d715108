"""Every entry of a trained checkpoint's metadata and of its curve, against where it comes from.

A walk over the metadata: a new entry fails until its source is named here.
"""

from __future__ import annotations

import csv
import platform
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.data import Dataset, Split
from imssa_sim.data.digits import load_digits
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.structure import Structure
from imssa_sim.reference.forward import accuracy
from imssa_sim.training.load import load_train_config

torch = pytest.importorskip("torch", reason="training needs PyTorch")

CONFIG = """
name: tiny
description: some words
seed: 3
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 10}
data: {name: sdigits}
train: {epochs: 4, batch: 16, lr: 0.02, dt_min: 0.05, dt_max: 0.5, shift: 2}
"""
SIZES = {"train": 61, "validation": 41, "test": 53}
SETTINGS: dict[str, tuple[str, ...]] = {
    "float": (), "integers": ("quantise={bits: 6, lowering: [8]}", "train.shift=0"),
}  # fmt: skip


def few(name: str, side: int, normalise: bool) -> Dataset:
    whole = load_digits(name, side, normalise)
    parts = {
        part: Split(getattr(whole, part).inputs[:n], getattr(whole, part).labels[:n])
        for part, n in SIZES.items()
    }
    return replace(whole, **parts)


@pytest.fixture(scope="module", params=SETTINGS)
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Any, Path]]:
    from imssa_sim.training.trainer import train

    folder = tmp_path_factory.mktemp("stored")
    (folder / "tiny.yaml").write_text(CONFIG, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imssa_sim.data.registry.load_digits", few)
        config = load_train_config(folder / "tiny.yaml", SETTINGS[request.param])
        lines: list[str] = []
        result = train(config, folder / "net.safetensors", command="as typed", report=lines.append)
        yield request.param, result, folder


def test_every_entry_is_what_it_says(trained: tuple[str, Any, Path]) -> None:
    kind, result, folder = trained
    stored, data = result.checkpoint, few("sdigits", 8, True)
    network, history = stored.network, result.history
    counted = range(len(history)) if kind == "float" else range(2, 4)  # the last stage alone
    best = max(counted, key=lambda e: (history[e].validation_score, -history[e].validation_loss))
    measured: dict[str, Any] = {}
    for part in SIZES:
        split = getattr(data, part)
        if kind == "float":
            measured[part] = accuracy(network, split.inputs, split.labels)
        else:
            found = run_digital(stored.quantisers.quantise(network), split.inputs).predictions
            measured[part] = float(np.mean(found == split.labels))
    assert len(set(measured.values())) == 3  # none can stand for another
    of = {"float": "float network, convolution mode", "integers": "integers"}
    config = load_train_config(folder / "tiny.yaml", SETTINGS[kind]).model_dump(mode="json")
    for name in ("path", "fallback_checkpoint"):
        del config["data"][name]
    expected: dict[str, Any] = {
        "name": "tiny",
        "description": "some words",
        "command": "as typed",
        "seed": 3,
        "config": config,
        "data": {
            "name": "sdigits", "source": data.source, "normalisation": data.normalisation,
            "sha256": data.fingerprint, "length": 64,
        },
        "split": SIZES,
        "augmentation": "shifts of up to 2 pixels" if kind == "float" else "none",
        "accuracy": measured | {"of": of[kind]},
        "epochs": {"run": 4, "best": best + 1},
        "parameters": network.parameters,
        "versions": {
            "imssa_sim": imssa_sim.__version__, "python": platform.python_version(),
            "numpy": np.__version__, "torch": str(torch.__version__),
        },
        "network": Structure.of(network).as_dict(),
    }  # fmt: skip
    metadata = {k: v for k, v in stored.metadata.items() if k not in ("format", "quantisers")}
    assert metadata.keys() == expected.keys()
    for name, value in expected.items():
        assert metadata[name] == value, name
    if kind == "integers":
        assert measured["validation"] == history[best].validation_score


def test_the_curve_is_the_history(trained: tuple[str, Any, Path]) -> None:
    _, result, folder = trained
    with (folder / "net.curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [field.name for field in fields(result.history[0])]
    for row, record in zip(rows, result.history, strict=True):
        assert list(row) == [name.replace("score", "accuracy") for name in names]
        for name, text in zip(names, row.values(), strict=True):
            assert float(text) == getattr(record, name), name
    for one, other in zip(result.history, result.history[1:], strict=False):
        assert other.epoch == one.epoch + 1
        assert other.rate < one.rate
    columns = list(zip(*(row.values() for row in rows), strict=True))
    assert len(set(columns)) == len(names)
