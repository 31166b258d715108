"""Which part of the data each step of each task is given, and which label goes with what.

Each sequence of the data is its own number, which tells the part that it is from and its label.
Every function that consumes sequences is watched, in all that a user can ask for: runs, sweeps,
searches, ablations, trainings.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import imssa_sim
from imssa_sim.data import registry
from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.registry import DataSource
from imssa_sim.data.streamed import StreamedSequences
from imssa_sim.kept import Kept
from imssa_sim.simulation.stream import POINT
from imssa_sim.simulation.tally import NOT_EVALUATED

STEPS, CLASSES = 10, 5
PARTS = {"train": (1000, 40), "validation": (2000, 24), "test": (3000, 32)}
"""First number and size."""

WORKLOAD = """\
workload: tiny
model: {layers: 1, width: 6, state: 4, classes: 5}
data: {name: sdigits}
calibration: {samples: 16}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
evaluate: {samples: 8, chips: 2, threads: 1}
"""
TRAINING = """\
name: tiny
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 5}
data: {name: sdigits}
train: {epochs: 2, batch: 8, dt_min: 0.05, dt_max: 0.5}
"""
CONSUMERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "simulation.quantisation.quantise": (2, ("train",)),
    "simulation.quantisation.calibrate_adc": (2, ("train",)),
    "simulation.values.forward": (1, ("test",)),
    "simulation.values.run_digital": (1, ("test",)),
    "functional.analog.AnalogNetwork.run": (1, ("test",)),
    "training.stages.calibrate": (1, ("train",)),
    "training.drawn_chip.calibrate_adc": (2, ("train",)),
    "training.trainer.mode_saliency": (1, ("train",)),
    "training.trainer.prune_shares": (1, ("train",)),
    "training.trainer.forward": (1, ("train", "validation", "test")),
    "training.trainer.run_digital": (1, ("train", "validation", "test")),
    "training.torch_network.NetworkModule.forward": (1, ("train", "validation")),
    "training.qat_network.QatModule.forward": (1, ("train", "validation")),
}
"""By what consumes sequences: which argument they are, and the parts they are from, in order."""
RUN = ("simulation.quantisation.quantise", "simulation.quantisation.calibrate_adc",
       "functional.analog.AnalogNetwork.run")  # fmt: skip
WHOLE = (*RUN, "simulation.values.forward", "simulation.values.run_digital")


def marked() -> Dataset:
    parts = {}
    for name, (first, size) in PARTS.items():
        numbers = first + np.random.default_rng(size).permutation(size)
        whole = np.broadcast_to(numbers[:, None, None] / 1000, (size, STEPS, 1))
        parts[name] = Split(whole.astype(np.float32), numbers % CLASSES)
    return Dataset(
        "marked", **parts, classes=tuple("abcde"), source="here", normalisation="none",
        image_shape=(2, 5),
    )  # fmt: skip


def streamed(data: Dataset) -> Dataset:
    parts = {}
    for name in PARTS:
        part = getattr(data, name)
        held = StreamedSequences(part.inputs.__getitem__, np.arange(len(part)), (STEPS, 1))
        parts[name] = Split(held, part.labels)
    return Dataset("marked", **parts, classes=data.classes, source="here", normalisation="none")


def numbers_of(sequences: Any) -> np.ndarray:
    values = np.asarray(sequences[:])
    assert np.all(values == values[:, :1])
    return np.rint(1000 * values[:, 0, 0]).astype(int)


def part_of(numbers: np.ndarray) -> list[str]:
    found = []
    for name, (first, size) in PARTS.items():
        if np.any((numbers >= first) & (numbers < first + size)):
            found.append(name)
    return found


@dataclass
class Seen:
    """What each consumer was given, call by call."""

    numbers: dict[str, list[np.ndarray]] = field(default_factory=dict)
    ids: list[np.ndarray] = field(default_factory=list)

    def check(self, *expected: str) -> None:
        """Each was given what it may be given, and those expected were called."""
        assert set(self.numbers) >= set(expected)
        for name, calls in self.numbers.items():
            assert all(len(part_of(numbers)) == 1 for numbers in calls), name
            found = dict.fromkeys(part_of(numbers)[0] for numbers in calls)
            assert tuple(found) == CONSUMERS[name][1], name
        order = marked().test
        for numbers, ids in zip(self.numbers.get(RUN[2], ()), self.ids, strict=True):
            np.testing.assert_array_equal(numbers_of(order.inputs)[ids % POINT], numbers)


def target(name: str) -> tuple[Any, str]:
    """Return the module or class, and the name in it, of a consumer."""
    module, attribute = f"imssa_sim.{name}".rsplit(".", 1)
    if module.rsplit(".", 1)[1][0].isupper():
        module, kind = module.rsplit(".", 1)
        return getattr(importlib.import_module(module), kind), attribute
    return importlib.import_module(module), attribute


@pytest.fixture(params=["held", "streamed"])
def seen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Seen:
    data = marked() if request.param == "held" else streamed(marked())
    source = DataSource("marked", lambda path, config: data, STEPS, data.classes)
    monkeypatch.setitem(registry.DATASETS._own, "sdigits", source)
    # What it tries are inputs of its own.
    monkeypatch.setattr("imssa_sim.simulation.run.check_by_trial", lambda config: None)
    # Nothing is taken from runs before.
    monkeypatch.setattr("imssa_sim.simulation.quantisation._NETWORKS", Kept(16))
    monkeypatch.setattr("imssa_sim.simulation.values._RESULTS", Kept(16))
    found = Seen()

    def watch(name: str, place: int) -> None:
        owner, attribute = target(name)
        true = getattr(owner, attribute)

        def noted(*args: Any, **kwargs: Any) -> Any:
            given = args[place]
            found.numbers.setdefault(name, []).append(
                numbers_of(given.numpy() if hasattr(given, "numpy") else given)
            )
            if name == RUN[2]:
                found.ids.append(args[2])
            if attribute == "forward" and place == 1 and hasattr(args[0], "training"):
                part = part_of(found.numbers[name][-1])
                assert part == ["train" if args[0].training else "validation"]
            return true(*args, **kwargs)

        monkeypatch.setattr(owner, attribute, noted)

    for name, (place, _) in CONSUMERS.items():
        if not name.startswith("training.") or find_spec("torch"):
            watch(name, place)
    return found


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(WORKLOAD, "utf-8")
    return path


RUNS: dict[str, tuple[dict[str, Any], int]] = {
    "plain": ({}, 8),
    "all sequences": ({"evaluate.samples": "all"}, 32),
    "fewer a chip": ({"evaluate.chip_samples": 3}, 8),
    "until": (
        {"evaluate.until": 0.3, "evaluate.at_most.chips": 3, "evaluate.at_most.samples": 20}, 0,
    ),
    "stream": ({"evaluate.stream.duration": "1 h", "evaluate.stream.points": 3}, 8),
    "divided stream": (
        {"evaluate.stream.duration": "1 h", "evaluate.stream.points": 2,
         "evaluate.stream.samples": "divided"}, 8,
    ),
    "ranges from data": ({"hardware.adc.range": "percentile"}, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_run(seen: Seen, workload: Path, name: str) -> None:
    changes, count = RUNS[name]
    run = imssa_sim.run(workload, set=changes)
    seen.check(*WHOLE)
    evaluated = np.concatenate(seen.numbers["simulation.values.run_digital"])
    assert not count or len(set(evaluated)) == count
    table = run.predictions
    np.testing.assert_array_equal(table["labels"], evaluated % CLASSES)
    assert all(len(set(n)) == 16 for n in seen.numbers["simulation.quantisation.calibrate_adc"])
    for chip in (name for name in table if name.startswith("chip")):
        given = table[chip] != NOT_EVALUATED
        share = np.mean(table[chip][given] == evaluated[given] % CLASSES)
        assert run[f"accuracy.analog.{chip}"] == pytest.approx(share)
    for name in ("float", "digital"):
        assert run[f"accuracy.{name}"] == np.mean(table[name] == evaluated % CLASSES)


def test_a_chip_to_hold(seen: Seen, workload: Path) -> None:
    chip = imssa_sim.chip(workload)
    chip(chip.sequences[:3], chip.sample_ids[:3])
    seen.check(*RUN)
    assert part_of(numbers_of(chip.sequences)) == ["test"]
    np.testing.assert_array_equal(chip.labels, numbers_of(chip.sequences) % CLASSES)


def test_costs_alone_read_no_sequence(seen: Seen, workload: Path) -> None:
    imssa_sim.run(workload, accuracy=False)
    assert not seen.numbers


def test_a_sweep(seen: Seen, workload: Path) -> None:
    grid = {"hardware.adc.bits": [6, 8], "hardware.adc.per_tile": [1, 2]}
    table = imssa_sim.sweep(workload, grid=grid, seeds=[0, 1], jobs=1)
    assert not table["error"].any()
    seen.check(*WHOLE)
    # Points of one seed see the same sequences, those of another seed others.
    drawn = {tuple(n) for n in seen.numbers["simulation.values.run_digital"]}
    assert len(drawn) == 2


def test_a_search(seen: Seen, workload: Path) -> None:
    pytest.importorskip("optuna")
    imssa_sim.search(
        workload, {"hardware.adc.bits": [6, 8]}, ["accuracy", "energy"], trials=2, sampler="grid"
    )
    seen.check(*WHOLE)


def test_what_accuracy_dies_of(seen: Seen, workload: Path) -> None:
    imssa_sim.why(workload, runs=6)
    seen.check(*WHOLE)
    calls = seen.numbers[RUN[2]]
    assert len({tuple(numbers) for numbers in calls}) == 1  # all changes on the same sequences
    assert len(calls) > 6


TRAININGS = {
    "float": ((), ("training.torch_network.NetworkModule.forward", "training.trainer.forward")),
    "integers": (
        ("quantise={bits: 6, lowering: [8]}",),
        ("training.qat_network.QatModule.forward", "training.stages.calibrate",
         "training.trainer.run_digital"),
    ),
    "chips": (
        ("quantise={bits: 8, chip: CHIP, calibration: {samples: 12}}", "train.epochs=1"),
        ("training.qat_network.QatModule.forward", "training.drawn_chip.calibrate_adc"),
    ),
    "pruned": (
        ("model.checkpoint=START", "prune={state: 8, modes: 0.3, samples: 7}"),
        ("training.trainer.mode_saliency", "training.trainer.prune_shares"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training(seen: Seen, workload: Path, name: str) -> None:
    pytest.importorskip("torch", reason="training needs PyTorch")
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    file = workload.with_name("training.yaml")
    file.write_text(TRAINING, "utf-8")

    def trained(output: str, *overrides: str) -> Any:
        paths = {"START": workload.with_name("start.safetensors"), "CHIP": workload}
        texts = list(overrides)
        for word, path in paths.items():
            texts = [text.replace(word, str(path)) for text in texts]
        config = load_train_config(file, texts)
        return train(config, workload.with_name(output), report=lambda line: None)

    if name == "pruned":
        trained("start.safetensors", "model.state=8", "train.epochs=1")
        seen.numbers.clear()
    overrides, expected = TRAININGS[name]
    result = trained("net.safetensors", *overrides)
    seen.check(*expected)
    for consumer in ("training.stages.calibrate", "training.drawn_chip.calibrate_adc"):
        for numbers in seen.numbers.get(consumer, ()):
            assert len(set(numbers)) == (12 if name == "chips" else 40)
    for consumer in ("training.trainer.mode_saliency", "training.trainer.prune_shares"):
        for numbers in seen.numbers.get(consumer, ()):
            assert len(set(numbers)) == 7
    measured = "training.trainer." + ("forward" if name in ("float", "pruned") else "run_digital")
    sizes = [len(set(numbers)) for numbers in seen.numbers[measured]]
    assert sizes == [size for _, size in PARTS.values()]
    assert result.checkpoint.metadata["split"] == {n: size for n, (_, size) in PARTS.items()}
