"""Every field of a training file shows in what the training gives, or is declared here not to.

A walk over the schema: a new field is tried with another value by itself, and fails until it acts,
has a case, or is declared.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from ruamel.yaml import YAML

from imssa_sim.config.load import leaves
from imssa_sim.config.walk import field_at
from imssa_sim.data import Dataset, Split
from imssa_sim.data.digits import load_digits
from imssa_sim.files import locate
from imssa_sim.files.source import dotted
from imssa_sim.training.load import load_train_config
from imssa_sim.training.schema import TrainConfig

torch = pytest.importorskip("torch", reason="training needs PyTorch")

CONFIG = """
name: tiny
seed: 3
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 10}
data: {name: sdigits}
train: {epochs: 2, batch: 16, dt_min: 0.05, dt_max: 0.5}
"""
CHIP = """
workload: chip
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 10}
data: {name: sdigits}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
evaluate: {time_since_programming: 1 min}
"""
QAT = ("train.dropout=0", "quantise={bits: 6}")
FORM = ("train.dropout=0", "quantise={bits: {default: 6, state: 10}, form: delta}")
PERCENTILE = (*QAT, "quantise.calibration.activations=percentile")
BATCH_NORM = ("model.norm=batch",)
BOTH = ("model.layers=2",)
START = ("model.checkpoint=START",)
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "data.classes": (
        "[0, 1, 2]", ("model.classes=3", "data.classes=[3, 4, 5]", "train.epochs=1"),
    ),
    "data.normalise": ("false", ()),
    "model.norm": ("batch", BOTH),
    "model.checkpoint": ("START", ()),
    "model.state": ("6", ()),
    "train.clip": ("0.01", ()),
    "train.damping": ("0.2", ()),
    "train.ssm_lr": ("0.009", ()),
    "train.target": ("0.01", ()),
    "train.patience": ("1", ("train.epochs=4", "train.lr=1e-12")),
    "train.shift": ("1", ()),
    "quantise.lowering": ("[8]", QAT),
    "quantise.form": ("delta_feedback", FORM),
    "quantise.bits.drive": ("7", FORM),
    "quantise.bits.state": ("5", QAT),
    "quantise.chip": ("CHIP", QAT),
    "quantise.chip_from": ("1", (*QAT, "quantise.chip=CHIP")),
    "quantise.range_lr": ("0.02", QAT),
    "quantise.calibration.samples": ("8", QAT),
    "quantise.calibration.activations": ("percentile", QAT),
    "quantise.calibration.percentile": ("60", PERCENTILE),
    "prune.kernels": ("0.5", (*START, "prune={kernels: 0.2}")),
    "prune.modes": ("0.5", (*START, "prune={kernels: 0.2}")),
    "prune.samples": ("2", (*START, "prune={kernels: 0.5}")),
}  # fmt: skip
"""Another value that acts, and what it needs beside it."""
BESIDE = {"quantise": QAT, "prune": (*START, "prune={kernels: 0.2}")}
"""What fields of a section that is absent by default need beside them."""
ELSEWHERE = {
    "tests/training/test_train.py: names, and networks that shrink": (
        "name", "description", "prune.state",
    ),
    "tests/training/test_regression.py": ("model.task", "model.outputs"),
    "tests/data, tests/training/test_lengths.py": ("data.padding",),
    "how many threads compute it": ("train.threads",),
    "tests/data: of data sets that the digits are not": (
        "data.mel", "data.spikes", "data.features", "data.path", "data.fallback",
        "data.fallback_checkpoint", "data.name",
    ),
    "tests/model, tests/ssm: other networks": (
        "model.inputs", "model.classes", "model.family", "model.copies", "model.output",
    ),
}  # fmt: skip
"""Fields that need another training: who tries them."""


def few(name: str, side: int, normalise: bool) -> Dataset:
    whole = load_digits(name, side, normalise)
    parts = {
        part: Split(getattr(whole, part).inputs[:n], getattr(whole, part).labels[:n])
        for part, n in (("train", 32), ("validation", 24), ("test", 16))
    }
    return replace(whole, **parts)


WORDS = {"name": "other", "description": "other", "model.family": "s5"}
"""Other values of fields that the walk over effects leaves out."""
ALONE = ("model.inputs", "model.output", "model.task", "model.outputs", "prune.state")
"""Fields of which another value needs other values of others."""


Given = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """All that a training with these overrides gives; the same ones are trained once."""
    from imssa_sim.training.trainer import train

    folder = tmp_path_factory.mktemp("fields")
    (folder / "tiny.yaml").write_text(CONFIG, "utf-8")
    (folder / "chip.yaml").write_text(CHIP, "utf-8")
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    names = {"CHIP": str(folder / "chip.yaml"), "START": str(folder / "start.safetensors")}

    def train_with(*overrides: str, output: str = "") -> dict[str, Any]:
        if overrides in kept:
            return kept[overrides]
        texts = list(overrides)
        for word, value in names.items():
            texts = [text.replace(word, value) for text in texts]
        path = folder / (output or f"{len(kept)}.safetensors")
        config = load_train_config(folder / "tiny.yaml", texts)
        result = train(config, path, report=lambda line: None)
        stored = result.checkpoint
        found: dict[str, Any] = {
            "epochs": [replace(record, seconds=0) for record in result.history],
            "stored": {k: stored.metadata[k] for k in ("accuracy", "epochs", "augmentation")},
            "layers": repr_of(stored.network),
            "quantisers": repr_of(stored.quantisers),
        }
        kept[overrides] = found
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imssa_sim.data.registry.load_digits", few)
        patch.setattr("imssa_sim.training.trainer.write_curve", lambda *args: None)
        train_with("seed=5", output="start.safetensors")
        yield train_with


def repr_of(value: Any) -> str:
    with np.printoptions(threshold=10**6, precision=9):
        return repr(value)


def whole_config() -> TrainConfig:
    """A training file in which every section is there."""
    return TrainConfig.model_validate(
        YAML(typ="safe").load(CONFIG) | {"quantise": {"bits": 6}, "prune": {"kernels": 0.2}}
        | {"model": {"layers": 1, "width": 6, "state": 4, "classes": 10, "checkpoint": "start"}},
        context={"folder": "."},
    )  # fmt: skip


def names() -> Iterator[str]:
    declared = tuple(name for found in ELSEWHERE.values() for name in found)
    for path in leaves(whole_config()):
        name = dotted(path)
        if name in CASES or not any(name == d or name.startswith(f"{d}.") for d in declared):
            yield name


def another(name: str) -> str:
    """Return a value of a field that it has not by default."""
    path = next(p for p in leaves(whole_config()) if dotted(p) == name)
    now: Any = whole_config()
    for part in path:
        now = getattr(now, str(part))
    if isinstance(now, int) and not isinstance(now, bool):
        return str(now + 1)
    others = [w for w in _words(getattr(field_at(TrainConfig, path), "annotation", None))]
    others = [str(word) for word in others if str(word).lower() != str(now).lower()]
    if others:
        return others[0]
    assert isinstance(now, float), f"{name}: give it a case"
    return str(2 * now or 0.1)


def _words(annotation: Any) -> Iterator[Any]:
    if annotation is bool:
        yield from ("true", "false")
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    for argument in typing.get_args(annotation):
        yield from _words(argument)


@pytest.mark.parametrize("name", list(names()))
def test_a_field_acts(given: Given, name: str) -> None:
    value, besides = CASES.get(name) or (another(name), BESIDE.get(name.split(".")[0], ()))
    assert given(*besides, f"{name}={value}") != given(*besides)


def test_a_training_with_another_field_is_not_gone_on_with(given: Given, tmp_path: Path) -> None:
    """What is stored of an interrupted training belongs to its settings and to their files alone.

    Names of data count by the contents that they stand for.
    """
    from imssa_sim.training.trainer import _identity

    start, chip = tmp_path / "start.safetensors", tmp_path / "chip.yaml"
    start.write_bytes(b"a network")
    chip.write_text(CHIP.replace("cells/taox_imssa", "./cell.yaml"), "utf-8")
    card = locate.find_card("cells/taox_imssa").read_text("utf-8")
    (tmp_path / "cell.yaml").write_text(card.replace("cells/taox_imssa", "cell"), "utf-8")
    (tmp_path / "tiny.yaml").write_text(CONFIG, "utf-8")
    data = few("sdigits", 8, True)

    def identity(*overrides: str) -> str:
        texts = [o.replace("START", str(start)).replace("CHIP", str(chip)) for o in overrides]
        return _identity(load_train_config(tmp_path / "tiny.yaml", texts), data)

    for name in (dotted(path) for path in leaves(whole_config())):
        section = name.split(".")[0]
        if section == "data" or name in ALONE:
            continue
        besides: tuple[str, ...]
        value, besides = CASES.get(name) or ("", BESIDE.get(section, ()))
        value = value or WORDS.get(name) or another(name)
        assert identity(*besides, f"{name}={value}") != identity(*besides), name

    settings = (*QAT, *START, "quantise.chip=CHIP")
    found = [identity(*settings)]
    for file, old, new in (
        (start, "network", "netwerk"), (chip, "rows: 24", "rows: 25"), (chip, "1 min", "2 min"),
        (tmp_path / "cell.yaml", "title:", "title: another"),
    ):  # fmt: skip
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
        found.append(identity(*settings))
    assert len(set(found)) == 5
    other = replace(data, test=Split(data.test.inputs + 1, data.test.labels))
    config = load_train_config(tmp_path / "tiny.yaml")
    assert _identity(config, other) != _identity(config, data)


def test_what_is_declared_exists() -> None:
    found = [dotted(path) for path in leaves(whole_config())]
    for declared in (*CASES, *(n for names in ELSEWHERE.values() for n in names)):
        assert any(n == declared or n.startswith(f"{declared}.") for n in found), declared
