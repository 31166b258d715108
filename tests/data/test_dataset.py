from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits as sklearn_digits

from imssa_sim.data import Dataset, dataset_names, load_dataset, resolve_dataset
from imssa_sim.data.dataset import stratified_parts
from imssa_sim.data.digits import load_digits, resample_bilinear
from imssa_sim.errors import InputError


@pytest.fixture(scope="module")
def sdigits() -> Dataset:
    return load_dataset("sdigits")


@pytest.fixture(scope="module")
def digits32() -> Dataset:
    return load_dataset("digits32")


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda c: sum(c) > 2),
    share=st.floats(0.05, 0.9),
    seed=st.integers(0, 99),
)
def test_parts_are_disjoint_complete_and_stratified(
    counts: list[int], share: float, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    first = round(share * len(labels))
    parts = stratified_parts(labels, (first, len(labels) - first), seed)
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    assert len(parts[0]) == first
    for value, count in enumerate(counts):
        taken = int((labels[parts[0]] == value).sum())
        assert abs(taken - count * first / len(labels)) < 1


def test_parts_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up"):
        stratified_parts(np.zeros(10, dtype=np.int64), (5, 4))


def test_digits_have_the_stated_parts(sdigits: Dataset) -> None:
    sizes = [len(p) for p in (sdigits.train, sdigits.validation, sdigits.test)]
    assert sizes == [1149, 288, 360]
    assert sdigits.train.inputs.shape == (1149, 64, 1)
    assert sdigits.train.inputs.dtype == np.float32
    assert sdigits.train.labels.dtype == np.int64
    for part in (sdigits.train, sdigits.validation, sdigits.test):
        share = np.bincount(part.labels, minlength=10) / len(part)
        whole = np.bincount(sklearn_digits().target) / 1797
        assert np.abs(share - whole).max() < 1.5 / len(part)


def test_every_image_is_in_exactly_one_part(sdigits: Dataset) -> None:
    def keys(images: np.ndarray, labels: np.ndarray) -> list[bytes]:
        return sorted(i.tobytes() + bytes([int(c)]) for i, c in zip(images, labels, strict=True))

    source = sklearn_digits()
    images = ((source.images.reshape(-1, 64, 1) / 16 - 0.305) / 0.375).astype(np.float32)
    parts = (sdigits.train, sdigits.validation, sdigits.test)
    together = keys(
        np.concatenate([p.inputs for p in parts]), np.concatenate([p.labels for p in parts])
    )
    assert together == keys(images, source.target)


def test_split_is_fixed(sdigits: Dataset) -> None:
    # The labels of the test part in order; a change would make all published accuracies void.
    digest = hashlib.sha256(sdigits.test.labels.astype("<i8").tobytes()).hexdigest()
    assert digest[:16] == "81123a3946bfc2a4"
    assert sdigits.fingerprint[:16] == "975525a4ff170800"


def test_both_digits_share_their_split(sdigits: Dataset, digits32: Dataset) -> None:
    np.testing.assert_array_equal(sdigits.test.labels, digits32.test.labels)
    assert digits32.test.inputs.shape == (360, 1024, 1)
    # A 4x4 block of the resampled image averages to a smoothed pixel, so the images correlate.
    small = sdigits.test.inputs.reshape(-1, 8, 8)
    large = digits32.test.inputs.reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.97


def test_resampling_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).uniform(size=(3, 8, 8))
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(images)[:, None], size=(32, 32), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resample_bilinear(images, 32), expected[:, 0].numpy(), atol=1e-12)


def test_normalisation_can_be_left_out(sdigits: Dataset) -> None:
    raw = load_dataset("sdigits", normalise=False)
    assert raw.train.inputs.min() == 0
    assert raw.train.inputs.max() == 1
    assert abs(sdigits.train.inputs.mean()) < 0.01
    assert abs(sdigits.train.inputs.std() - 1) < 0.01
    assert raw.fingerprint != sdigits.fingerprint


def test_fingerprint_sees_every_value(sdigits: Dataset) -> None:
    inputs = sdigits.train.inputs.copy()
    inputs[7, 3, 0] += 0.5
    changed = Dataset(
        **{
            **{name: getattr(sdigits, name) for name in sdigits.__dataclass_fields__},
            "train": type(sdigits.train)(inputs, sdigits.train.labels),
        }
    )
    assert changed.fingerprint != sdigits.fingerprint


def test_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'digits32'"):
        load_dataset("digit32")
    assert {"sdigits", "digits32", "cifar10"} <= set(dataset_names())


def test_fallback_stands_in_only_for_missing_files(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    from imssa_sim.config.schema import DataConfig

    folder = Path(str(tmp_path))
    monkeypatch.delenv("IMSSA_DATA", raising=False)
    monkeypatch.chdir(folder)
    config = DataConfig(name="cifar10", fallback="sdigits")
    resolved = resolve_dataset(config)
    assert resolved.fallback
    assert resolved.dataset.name == "sdigits"
    assert "cifar10" in resolved.note.lower() or "CIFAR-10" in resolved.note
    with pytest.raises(InputError, match="not at hand"):
        resolve_dataset(DataConfig(name="cifar10"))
    (folder / "data").mkdir()
    (folder / "data" / "data_batch_1.bin").write_bytes(b"x")
    with pytest.raises(InputError, match="incomplete"):
        resolve_dataset(config)


def test_a_subset_of_classes_keeps_each_image_in_its_part(sdigits: Dataset) -> None:
    pair = sdigits.only(("7", "0"))
    assert pair.classes == ("7", "0")
    assert pair.fingerprint != sdigits.fingerprint
    for name in ("train", "validation", "test"):
        whole, part = getattr(sdigits, name), getattr(pair, name)
        assert part.labels.dtype == np.int64
        # Label 0 stands for the first class named, a seven; the order of the images stays.
        expected = [0 if digit == 7 else 1 for digit in whole.labels if digit in (0, 7)]
        assert part.labels.tolist() == expected
        np.testing.assert_array_equal(part.inputs, whole.inputs[np.isin(whole.labels, (0, 7))])


def test_a_configuration_names_its_classes_by_text_or_number(sdigits: Dataset) -> None:
    from imssa_sim.config.schema import DataConfig

    by_number = DataConfig.model_validate({"name": "sdigits", "classes": [0, 1]})
    assert by_number == DataConfig.model_validate({"name": "sdigits", "classes": ["0", "1"]})
    found = resolve_dataset(by_number).dataset
    assert found.name == "sdigits[0, 1]"
    assert found.fingerprint == sdigits.only(("0", "1")).fingerprint
    assert resolve_dataset(DataConfig(name="sdigits")).dataset.fingerprint == sdigits.fingerprint


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("[0]", "at least two"),
        ("[]", "at least two"),
        ("0", "at least two"),
        ("true", "at least two"),
        ("[true, false]", "at least two"),
        ("[[0], [1]]", "at least two"),
        ("[0, 1, 0]", "named twice"),
    ],
)
def test_senseless_classes_are_refused(classes: str, message: str) -> None:
    from imssa_sim.config import load_config
    from imssa_sim.errors import ConfigError

    with pytest.raises(ConfigError, match=message) as caught:
        load_config("sdigits", [f"data.classes={classes}"])
    assert "data.classes" in str(caught.value)


def test_an_unknown_class_gives_the_nearest(sdigits: Dataset) -> None:
    with pytest.raises(InputError, match=r"no class '11'; did you mean '1'.*classes are 0, 1"):
        sdigits.only(("0", "11"))


def test_digits_are_read_without_importing_scikit_learn() -> None:
    code = (
        "import sys; from imssa_sim.data import load_dataset; "
        "print(load_dataset('sdigits').fingerprint[:16], 'sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["975525a4ff170800", "False"]


def test_digits_are_the_same_where_the_file_is_elsewhere(
    sdigits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imssa_sim.data.digits.Path.is_file", lambda path: False)
    assert load_digits("sdigits", 8, normalise=True).fingerprint == sdigits.fingerprint
