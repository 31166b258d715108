from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.data import Dataset, MissingDataError, load_dataset
from imssa_sim.errors import InputError

NAMES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
PER_BATCH = 20


def images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        name: (
            rng.integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8),
            np.tile(np.arange(10), PER_BATCH // 10),
        )
        for name in NAMES
    }


def write_binary(folder: Path) -> None:
    for name, (pixels, labels) in images().items():
        records = np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1)
        (folder / f"{name}.bin").write_bytes(records.tobytes())


def write_pickled(folder: Path, protocol: int = 2) -> None:
    for name, (pixels, labels) in images().items():
        content = {
            b"batch_label": name.encode(),
            b"labels": [int(v) for v in labels],
            b"data": pixels,
            b"filenames": [b"x.png"] * len(labels),
        }
        (folder / name).write_bytes(pickle.dumps(content, protocol=protocol))


def as_python2(content: bytes) -> bytes:
    """The official files were written by Python 2, whose NumPy went by its old module names."""
    return content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def test_both_formats_give_the_same_data(tmp_path: Path) -> None:
    found: list[Dataset] = []
    for name, write in (("bin", write_binary), ("py", write_pickled)):
        folder = tmp_path / f"cifar-10-batches-{name}"
        folder.mkdir()
        write(folder)
        found.append(load_dataset("cifar10", folder))
    assert found[0].fingerprint == found[1].fingerprint
    assert [len(p) for p in (found[0].train, found[0].validation, found[0].test)] == [90, 10, 20]
    np.testing.assert_array_equal(np.bincount(found[0].validation.labels), np.ones(10))


def test_grey_values_agree_with_pillow(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image")
    write_binary(tmp_path)
    data = load_dataset("cifar10", tmp_path, normalise=False)
    normalised = load_dataset("cifar10", tmp_path)
    for i, pixels in enumerate(images()["test_batch"][0]):
        picture = image_module.fromarray(pixels.reshape(3, 32, 32).transpose(1, 2, 0))
        grey = np.asarray(picture.convert("L"), dtype=np.float64).reshape(1024, 1)
        np.testing.assert_allclose(data.test.inputs[i] * 255, grey, atol=1e-4)
        expected = (grey / 255 - 122.6 / 255) / (61 / 255)
        np.testing.assert_allclose(normalised.test.inputs[i], expected, atol=1e-5)


def test_labels_stay_with_their_images(tmp_path: Path) -> None:
    """Batches of labels of their own: 0 in the first, 1 in the second and so on."""
    made = {
        name: (pixels, np.full(PER_BATCH, number))
        for number, (name, (pixels, _)) in enumerate(images().items())
    }
    for name, (pixels, labels) in made.items():
        records = np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1)
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    data = load_dataset("cifar10_rgb", tmp_path, normalise=False)
    known = {
        tuple(pixels[place].reshape(3, 1024)[:, 0]): labels[place]
        for pixels, labels in made.values()
        for place in range(PER_BATCH)
    }
    for part in (data.train, data.validation, data.test):
        first = np.rint(np.asarray(part.inputs)[:, 0] * 255).astype(np.uint8)
        assert [known[tuple(pixel)] for pixel in first] == part.labels.tolist()


def test_colour_keeps_planes_as_features(tmp_path: Path) -> None:
    write_binary(tmp_path)
    data = load_dataset("cifar10_rgb", tmp_path)
    pixels = images()["test_batch"][0].reshape(-1, 3, 1024).transpose(0, 2, 1) / 255
    expected = (pixels - (0.4914, 0.4822, 0.4465)) / (0.2023, 0.1994, 0.2010)
    np.testing.assert_allclose(data.test.inputs, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("protocol", "rename"),
    # A shorter module name would break the frame lengths of protocol 4.
    [(0, as_python2), (2, as_python2), (0, bytes), (1, bytes), (2, bytes), (3, bytes), (4, bytes)],
)
def test_pickles_of_all_eras_are_read(
    tmp_path: Path, protocol: int, rename: Callable[[bytes], bytes]
) -> None:
    write_pickled(tmp_path, protocol)
    for name in NAMES:
        path = tmp_path / name
        path.write_bytes(rename(path.read_bytes()))
    assert len(load_dataset("cifar10", tmp_path).test) == PER_BATCH


@pytest.mark.parametrize("given", ["the folder", "its parent", "environment", "working folder"])
def test_folder_is_found(tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMSSA_DATA", raising=False)
    base = tmp_path / "data"
    folder = base / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    write_pickled(folder)
    path = {"the folder": folder, "its parent": base}.get(given)
    if given == "environment":
        monkeypatch.setenv("IMSSA_DATA", str(base))
    elif given == "working folder":
        monkeypatch.chdir(tmp_path)
    assert load_dataset("cifar10", path).length == 1024


class Evil:
    """Pickles to a call of os.system."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch owned",))


def evil_global(module: str, name: str, argument: bytes) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode() + b"(" + argument + b"tR."


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Evil(), protocol=2),
        pickle.dumps({b"data": Evil(), b"labels": [0]}, protocol=4),
        evil_global("builtins", "eval", b'S\'open("owned","w")\'\n'),
        evil_global("builtins", "getattr", b"S'a'\nS'b'\n"),
        evil_global("numpy", "load", b"S'owned'\n"),
        evil_global("numpy", "ndarray", b"I5\n"),
        evil_global("_codecs", "encode", b"S'x'\nS'zlib'\n"),
        pickle.dumps({b"data": np.array([{}], dtype=object), b"labels": [0]}, protocol=2),
        pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [0]}, protocol=2),
    ],
)
def test_malicious_pickles_run_nothing(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pickled(tmp_path)
    (tmp_path / "data_batch_3").write_bytes(content)
    with pytest.raises(InputError, match=r"data_batch_3: (refused|truncated, or no pickle)"):
        load_dataset("cifar10", tmp_path)
    assert not (tmp_path / "owned").exists()


def _remove(folder: Path) -> None:
    (folder / "data_batch_3.bin").unlink()


def _truncate(folder: Path) -> None:
    path = folder / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-100])


def _shorten(folder: Path) -> None:
    path = folder / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-3073])


def _bad_label(folder: Path) -> None:
    path = folder / "test_batch.bin"
    path.write_bytes(b"\xff" + path.read_bytes()[1:])


def _empty_file(folder: Path) -> None:
    (folder / "test_batch.bin").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_remove, "missing data_batch_3.bin"),
        (_truncate, "data_batch_2.bin: truncated"),
        (_shorten, r"data_batch_2.bin \(19\) of 20 images"),
        (_bad_label, "test_batch.bin: corrupt: 1 labels outside"),
        (_empty_file, "test_batch.bin: truncated"),
    ],
)
def test_damaged_binary_files_are_named(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    write_binary(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        load_dataset("cifar10", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "test_batch: truncated"),
        (pickle.dumps([1, 2]), "no CIFAR-10 batch"),
        (pickle.dumps({"labels": [1]}), "no CIFAR-10 batch"),
        (pickle.dumps({"data": np.zeros((2, 5), np.uint8), "labels": [1]}, 2), "'data' must be"),
        (
            pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["a"]}, 2),
            "whole numbers",
        ),
    ],
)
def test_damaged_pickles_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    write_pickled(tmp_path)
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_dataset("cifar10", tmp_path)


def test_half_a_pickle_is_truncated(tmp_path: Path) -> None:
    write_pickled(tmp_path)
    path = tmp_path / "data_batch_1"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="data_batch_1: truncated"):
        load_dataset("cifar10", tmp_path)


def test_missing_and_empty_folders_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="does not exist"):
        load_dataset("cifar10", tmp_path / "nowhere")
    with pytest.raises(MissingDataError, match="is empty"):
        load_dataset("cifar10", tmp_path)
    (tmp_path / "readme.html").write_text("x")
    with pytest.raises(MissingDataError, match="holds no file"):
        load_dataset("cifar10", tmp_path)
    with pytest.raises(InputError, match="is a file"):
        load_dataset("cifar10", tmp_path / "readme.html")
