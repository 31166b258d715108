"""Labels that are values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.config.schema import DataConfig
from imssa_sim.data import load_dataset, resolve_dataset
from imssa_sim.data.arrays import load_arrays
from imssa_sim.errors import InputError

COUNTS = {"train": 20, "test": 8}


def stored(path: Path, *shape: int, **changed: Any) -> Path:
    arrays: dict[str, Any] = {}
    for part, count in COUNTS.items():
        arrays[f"x_{part}"] = np.zeros((count, 7, 3), np.float32)
        size = (count, *shape)
        arrays[f"y_{part}"] = np.arange(np.prod(size), dtype=np.float32).reshape(size)
    np.savez(path / "mine.npz", **(arrays | changed))
    return path / "mine.npz"


@pytest.mark.parametrize(
    ("shape", "outputs", "wanted"),
    [
        ((), 1, (8, 1)), ((1,), 1, (8, 1)), ((2,), 2, (8, 2)), ((7,), 1, (8, 7, 1)),
        ((7, 1), 1, (8, 7, 1)), ((7, 2), 2, (8, 7, 2)), ((7,), 7, (8, 7)),
    ],
)  # fmt: skip
def test_targets_of_sequences_or_of_steps(
    tmp_path: Path, shape: tuple[int, ...], outputs: int, wanted: tuple[int, ...]
) -> None:
    path = stored(tmp_path, *shape)
    data = load_arrays(path, False, outputs=outputs)
    assert data.classes == ()
    assert data.test.labels.shape == wanted
    assert data.test.labels.dtype == np.float64
    np.testing.assert_array_equal(data.test.labels.ravel(), np.load(path)["y_test"].ravel())


def test_a_validation_part_is_drawn_by_a_fixed_seed(tmp_path: Path) -> None:
    data = load_arrays(stored(tmp_path), False, outputs=1)
    assert (len(data.train), len(data.validation)) == (16, 4)
    together = np.concatenate([data.train.labels, data.validation.labels])
    np.testing.assert_array_equal(np.sort(together.ravel()), np.arange(20))
    again = load_arrays(stored(tmp_path), False, outputs=1)
    assert again.fingerprint == data.fingerprint
    other = load_arrays(stored(tmp_path, y_test=np.full(8, 0.5)), False, outputs=1)
    assert other.fingerprint != data.fingerprint


def with_nan() -> np.ndarray:
    y = np.zeros((20, 7))
    y[3, 2] = np.nan
    return y


BAD: dict[str, tuple[tuple[int, ...], dict[str, Any], str]] = {
    "nan": ((), {"y_test": np.full(8, np.nan)}, r"y_test: nan at sequence 0, output 0 .counted"),
    "nan of a step": ((7,), {"y_train": with_nan()}, "nan at sequence 3, step 2, output 0"),
    "infinite": ((), {"y_train": np.full(20, np.inf)}, "inf at sequence 0"),
    "words": ((), {"y_test": np.full(8, "a")}, "y_test is of type <U1; .* labels are numbers"),
    "outputs": ((3,), {}, r"y_train has the shape \(20, 3\); with model.outputs: 1 it needs"),
    "steps": ((6, 1), {}, r"or \(20, 7, 1\) with a target for each step"),
    "mixed": ((), {"y_test": np.zeros((8, 7))}, "y_test has a target for each step, other parts"),
    "classes": ((), {"classes": ["a", "b"]}, "labels are values; leave 'classes' out"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_a_target_is_named(tmp_path: Path, case: str) -> None:
    shape, changed, message = BAD[case]
    with pytest.raises(InputError, match=message):
        load_arrays(stored(tmp_path, *shape, **changed), False, outputs=1)


def test_values_as_labels_of_classes_point_to_regression(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"for values give model\.task: regression"):
        load_arrays(stored(tmp_path, y_test=np.full(8, 0.25)), False)


def test_data_with_classes_have_no_targets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the labels of sdigits are classes; .*arrays"):
        load_dataset("sdigits", outputs=1)
    config = DataConfig(name="arrays", path=str(stored(tmp_path)), normalise=True)
    assert resolve_dataset(config, 1).dataset.normalisation.startswith("(x - mean)")
