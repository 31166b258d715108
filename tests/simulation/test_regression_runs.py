"""Runs whose results are values: numbers, files, screen, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

import imssa_sim
from imssa_sim.model.checkpoint import save_checkpoint
from imssa_sim.model.initialise import network_of_config
from imssa_sim.reference.forward import forward
from imssa_sim.report.page.compare import compare_page
from imssa_sim.report.page.run import run_page

SCALING = {"mean": [3.0, -20.0], "deviation": [2.0, 5.0]}


def arrays(folder: Path, targets: tuple[int, ...] = (2,)) -> Path:
    random = np.random.default_rng(0)
    found = {}
    for part, count in (("train", 20), ("validation", 6), ("test", 12)):
        found[f"x_{part}"] = random.standard_normal((count, 9, 1))
        found[f"y_{part}"] = random.standard_normal((count, *targets)) * 2 + 3
    np.savez(folder / "mine.npz", **found)
    return folder / "mine.npz"


def tree(data: Path, **model: Any) -> dict[str, Any]:
    return {
        "workload": "values",
        "model": {"layers": 1, "width": 6, "state": 4, "task": "regression", "outputs": 2} | model,
        "data": {"name": "arrays", "path": str(data)},
        "bits": 8,
        "evaluate": {"samples": "all", "chips": 2, "threads": 1},
        "hardware": {
            "chip": {"tile": {"rows": 24, "columns": 48, "cell": "cells/taox_imssa"}},
            "adc": {"card": "adc/survey_andrulis_2024"},
            "dac": {"card": "dac/pwm_40nm"},
        },
    }


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A workload with a checkpoint that scales its results."""
    folder = tmp_path_factory.mktemp("values")
    found = tree(arrays(folder))
    network = network_of_config(load_config_of(found).model, seed=3)
    file = folder / "net.safetensors"
    trained = {"model": {"task": "regression"}}
    save_checkpoint(file, network, {"targets": SCALING, "config": trained})
    found["model"]["checkpoint"] = str(file)
    return found


def load_config_of(found: dict[str, Any]) -> Any:
    from imssa_sim.api.workload import load

    return load(found, None, None).config


@pytest.fixture(scope="module")
def done(given: dict[str, Any]) -> imssa_sim.Run:
    return imssa_sim.run(given)


def test_results_are_scaled_back_and_compared_with_the_targets(
    given: dict[str, Any], done: imssa_sim.Run
) -> None:
    data = np.load(given["data"]["path"])
    network = imssa_sim.load_network(given["model"]["checkpoint"]).network
    values = forward(network, data["x_test"]) * SCALING["deviation"] + SCALING["mean"]
    assert done.regression["r2.float"] == pytest.approx(r2_score(data["y_test"], values), rel=1e-5)
    table = done.predictions
    assert list(table) == ["sequence", "output", "targets", "float", "digital", "chip0", "chip1"]
    np.testing.assert_allclose(table["targets"], data["y_test"].ravel())
    np.testing.assert_allclose(table["float"], values.ravel(), rtol=1e-5)
    errors = table["chip1"] - table["targets"]
    assert done["regression.mse.analog.chip1"] == pytest.approx((errors**2).mean())
    assert done["regression.rmse.analog.chip1"] == pytest.approx((errors**2).mean() ** 0.5)


def test_nothing_is_called_accuracy(done: imssa_sim.Run) -> None:
    assert not [name for name in done.stats.index if "accuracy" in name]
    screen = " ".join(done.summary().split())
    for word in ("R² float", "(mean of 2 outputs)", "RMSE output 0: float", "always the mean"):
        assert word in screen
    assert "results are scaled back by mean and deviation of the targets" in screen
    assert "(3 and 2, -20 and 5)" in screen
    assert "R², chip" in repr(done)
    assert "RMSE, chip" in done._repr_html_()
    with pytest.raises(imssa_sim.InputError, match=r"see run\.regression"):
        done.accuracy  # noqa: B018
    page = run_page(done.record).rpartition("</style>")[2]
    for words in ("R² on the chip", "RMSE of output 0", "RMSE of output 1"):
        assert words in page
    for text in (screen, page):
        assert "ccuracy" not in text
    assert "95 % intervals by bootstrap" in compare_page([done.record, done.record])


def test_a_stored_run_is_the_same(done: imssa_sim.Run, tmp_path: Path) -> None:
    stored = imssa_sim.open_run(done.save(tmp_path / "a", figures=False))
    assert stored == done
    assert stored.predictions.equals(done.predictions)
    for name, rows in (("r2.analog.mean", 24), ("output1.r2.analog.mean", 12)):
        said = stored.explain(f"regression.{name}")
        assert said.count(f"of {rows} (predictions.csv)") == 2  # chips
    errors = done.predictions.query("output == 1").eval("float - targets")
    assert f"{(errors**2).sum():.6g} of 12" in stored.explain("regression.output1.rmse.float")


def test_chips_that_were_given_other_sequences(given: dict[str, Any], tmp_path: Path) -> None:
    part = imssa_sim.run(given, {"evaluate.chip_samples": 5})
    assert part.predictions["chip0"].isna().sum() == 14
    assert imssa_sim.open_run(part.save(tmp_path / "a", figures=False)) == part


def test_results_of_every_step(tmp_path: Path) -> None:
    found = tree(arrays(tmp_path, (9, 2)), pooling="none")
    done = imssa_sim.run(found, {"evaluate.chips": 1})
    assert done["regression.steps"] == 9
    table = done.predictions
    assert len(table) == 12 * 9 * 2
    np.testing.assert_allclose(table["targets"], np.load(tmp_path / "mine.npz")["y_test"].ravel())
    with pytest.raises(imssa_sim.InputError, match=r"give model\.pooling: none"):
        imssa_sim.run(found, {"model.pooling": "mean"})


REFUSED = {
    "until": ({"evaluate.until": "1 %"}, "evaluate.until is half the interval of an accuracy"),
    "stream": ({"evaluate.stream.duration": "1 d"}, "evaluate.stream follows an accuracy"),
    "classes kept": ({"data.classes": ["0", "1"]}, "data.classes keeps some classes"),
    "classes": ({"model.classes": 2}, "results are values; give outputs"),
    "task": ({"model.task": "classification"}, "results are classes; leave it out"),
    "outputs": ({"model.outputs": None}, "missing key 'outputs'"),
    "neither": (
        {"model.task": "classification", "model.outputs": None},
        "missing key 'classes'.*; of values instead of classes, task and outputs",
    ),
    "log_softmax": ({"model.output": "log_softmax"}, "a distribution over classes"),
    "digits": ({"data.name": "sdigits", "data.path": "auto"}, "the labels of sdigits are classes"),
    "other outputs": ({"model.outputs": 3, "model.checkpoint": None}, "model.outputs: 3 it needs"),
    "trained for classes": ({}, "was trained for classification; give model.task"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_classes_is_refused(given: dict[str, Any], case: str, tmp_path: Path) -> None:
    changes, message = REFUSED[case]
    if case == "trained for classes":
        network = network_of_config(load_config_of(given).model, seed=3)
        save_checkpoint(tmp_path / "c.safetensors", network, {"config": {"model": {"layers": 1}}})
        changes = {"model.checkpoint": str(tmp_path / "c.safetensors")}
    with pytest.raises(imssa_sim.ImssaError, match=message):
        imssa_sim.run(given, changes)


def test_studies_of_accuracies_refuse_it(given: dict[str, Any]) -> None:
    with pytest.raises(imssa_sim.InputError, match="why finds what an accuracy dies of"):
        imssa_sim.why(given)
    with pytest.raises(imssa_sim.InputError, match="compare-chips compares accuracies"):
        imssa_sim.compare_chips(given)


def test_a_network_of_values_is_no_classifier(given: dict[str, Any]) -> None:
    changes = {"model.task": "classification", "model.outputs": None, "model.classes": 2,
               "data.name": "sdigits", "data.path": "auto", "data.classes": [0, 1]}  # fmt: skip
    with pytest.raises(imssa_sim.InputError, match="was trained for regression; give"):
        imssa_sim.run(given, changes)
