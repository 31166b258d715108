"""Which part of the data, which labels and which file each step of a run is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import imssa_sim.simulation.inputs as inputs_module
import imssa_sim.simulation.quantisation as quantisation_module
import imssa_sim.simulation.values as values_module
from imssa_sim.config import LoadedConfig, load_config
from imssa_sim.data import load_dataset
from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.streamed import StreamedSequences
from imssa_sim.kept import Kept
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import load_weights, prepare_inputs
from imssa_sim.simulation.progress import Silent

SIZES = {"train": 50, "validation": 20, "test": 30}
FIRST = {"train": 1000, "validation": 2000, "test": 3000}
"""Each sequence of the marked data holds its own number, its label is the number's last digit."""


def marked(streamed: bool = False) -> Dataset:
    parts = {}
    for name, size in SIZES.items():
        numbers = FIRST[name] + np.random.default_rng(size).permutation(size)
        whole = np.broadcast_to(numbers[:, None, None], (size, 64, 1)).astype(np.float32)
        held: Any = whole
        if streamed:
            held = StreamedSequences(whole.__getitem__, np.arange(size), (64, 1))
        parts[name] = Split(held, numbers % 10)
    classes = tuple("0123456789")
    return Dataset("marked", **parts, classes=classes, source="here", normalisation="none")


def numbers(sequences: Any) -> np.ndarray:
    values = sequences[:]
    assert np.all(values == values[:, :1])
    return values[:, 0, 0].astype(int)


@pytest.fixture(params=[False, True], ids=["held", "streamed"])
def given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    dataset = marked(request.param)
    monkeypatch.setattr(
        inputs_module, "resolve_dataset", lambda data, outputs: SimpleNamespace(
            dataset=dataset.only(data.classes) if data.classes else dataset, fallback=False
        ),
    )  # fmt: skip
    return dataset


def loaded(*overrides: str) -> LoadedConfig:
    plain = ("model.checkpoint=null", "calibration.samples=20", "evaluate.samples=13")
    return load_config("sdigits", [*plain, *overrides])


@pytest.mark.parametrize("samples", ["13", "all"])
def test_calibration_comes_from_training_and_evaluation_from_the_test_part(
    given: Dataset, samples: str
) -> None:
    found = prepare_inputs(loaded(f"evaluate.samples={samples}").config)
    evaluated, calibrated = numbers(found.inputs), numbers(found.calibration)
    assert set(evaluated) <= set(numbers(given.test.inputs))
    assert set(calibrated) <= set(numbers(given.train.inputs))
    assert len(set(evaluated)) == (13 if samples == "13" else 30)
    assert len(set(calibrated)) == 20
    np.testing.assert_array_equal(found.labels, evaluated % 10)
    np.testing.assert_array_equal(numbers(given.test.inputs)[found.sample_ids], evaluated)


def test_classes_renumber_the_labels_of_every_part(given: Dataset) -> None:
    part = given.only(("7", "2", "5"))
    for split in (part.train, part.validation, part.test):
        digits = numbers(split.inputs) % 10
        assert set(digits) == {7, 2, 5}
        np.testing.assert_array_equal(np.array([7, 2, 5])[split.labels], digits)
    changes = ("data.classes=[7, 2, 5]", "model.classes=3", "evaluate.samples=all")
    found = prepare_inputs(loaded(*changes).config)
    np.testing.assert_array_equal(np.array([7, 2, 5])[found.labels], numbers(found.inputs) % 10)


def test_each_step_is_given_its_own_sequences(
    given: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quantisers and ADC ranges see calibration data, the executions the test data alone."""
    seen: dict[str, set[int]] = {}

    def spy(module: Any, name: str, place: int) -> None:
        true = getattr(module, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            seen.setdefault(name, set()).update(numbers(args[place]))
            return true(*args, **kwargs)

        monkeypatch.setattr(module, name, noted)

    # Nothing is taken from runs before.
    monkeypatch.setattr(quantisation_module, "_NETWORKS", Kept(16))
    monkeypatch.setattr(values_module, "_RESULTS", Kept(16))
    spy(quantisation_module, "quantise", 2)
    spy(quantisation_module, "calibrate_adc", 2)
    spy(values_module, "forward", 1)
    spy(values_module, "run_digital", 1)
    analog = SimpleNamespace(seen=set())

    def no_chips(config: Any, inputs: Any, *rest: Any) -> list[Any]:
        analog.seen.update(numbers(inputs.inputs))
        raise StopIteration

    monkeypatch.setattr(values_module, "run_on_chips", no_chips)
    config = loaded().config
    inputs = prepare_inputs(config)
    with pytest.raises(StopIteration):
        values_module.run_values(config, inputs, Clock(Silent()))
    calibrated, evaluated = set(numbers(inputs.calibration)), set(numbers(inputs.inputs))
    assert seen["quantise"] == seen["calibrate_adc"] == calibrated
    assert seen["forward"] == seen["run_digital"] == analog.seen == evaluated
    assert not calibrated & evaluated


def test_the_seed_draws_other_sequences_and_repeats(given: Dataset) -> None:
    first, again, other = (prepare_inputs(loaded(f"seed={s}").config) for s in (1, 1, 2))
    for part in ("inputs", "calibration"):
        one, same, another = (numbers(getattr(found, part)) for found in (first, again, other))
        np.testing.assert_array_equal(one, same)
        assert set(one) != set(another)


def test_the_fallback_has_weights_of_its_own(tmp_path: Path) -> None:
    root = Path(load_config("sdigits").config.model.checkpoint or "").parent
    names = {"own": "sdigits_chip", "other": "sdigits_4bit"}
    paths = {key: root / f"{name}.safetensors" for key, name in names.items()}
    config = load_config("sdigits").config
    config = config.model_copy(update={
        "model": config.model.model_copy(update={"checkpoint": paths["own"]}),
        "data": config.data.model_copy(update={"fallback_checkpoint": paths["other"]}),
    })  # fmt: skip
    own, other = load_weights(config, fallback=False), load_weights(config, fallback=True)
    assert (own.checkpoint, other.checkpoint) == (paths["own"], paths["other"])
    kernels = [weights.network.layers[0].kernel for weights in (own, other)]
    assert not np.array_equal(kernels[0].C, kernels[1].C)


def test_a_run_on_the_fallback_names_its_data_and_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_dataset("sdigits")
    monkeypatch.setattr(
        inputs_module, "resolve_dataset",
        lambda _, outputs: SimpleNamespace(dataset=replace(dataset, name="other"), fallback=True),
    )  # fmt: skip
    used = prepare_inputs(load_config("sdigits").config).used
    assert (used.name, used.fallback) == ("other", True)
    assert used.checkpoint == "none (random weights)"
    assert "sdigits was not found" in used.message
