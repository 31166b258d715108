import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.data import MissingDataError, load_dataset
from imssa_sim.errors import InputError

COUNTS = {"train": 40, "t10k": 12}


def idx(array: np.ndarray) -> bytes:
    """As the format's description at the data set's page has it: magic, sizes, bytes."""
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def images(part: str) -> np.ndarray:
    random = np.random.default_rng(COUNTS[part])
    return random.integers(0, 256, (COUNTS[part], 28, 28)).astype(np.uint8)


def labels(part: str) -> np.ndarray:
    return (np.arange(COUNTS[part]) % 10).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in COUNTS:
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(images(part)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels(part)))
    return tmp_path


def test_rows_come_one_after_the_other(folder: Path) -> None:
    data = load_dataset("smnist", folder, normalise=False)
    assert data.test.inputs.shape == (12, 784, 1)
    assert [len(data.train), len(data.validation)] == [36, 4]
    np.testing.assert_allclose(
        data.test.inputs.reshape(12, 28, 28), images("t10k") / 255, rtol=1e-6
    )
    np.testing.assert_array_equal(data.test.labels, labels("t10k"))
    normalised = load_dataset("smnist", folder)
    np.testing.assert_allclose(
        normalised.test.inputs, (data.test.inputs - 0.1307) / 0.3081, atol=1e-5
    )
    assert normalised.image_shape == (28, 28)


def test_one_permutation_for_all(folder: Path) -> None:
    plain, permuted = load_dataset("smnist", folder), load_dataset("psmnist", folder)
    order = permuted.test.inputs[0, :, 0].argsort(kind="stable")
    same = plain.test.inputs[0, :, 0].argsort(kind="stable")
    assert not np.array_equal(plain.test.inputs, permuted.test.inputs)
    np.testing.assert_array_equal(
        np.sort(plain.train.inputs, axis=1), np.sort(permuted.train.inputs, axis=1)
    )
    assert not np.array_equal(order, same)
    assert permuted.image_shape is None
    np.testing.assert_array_equal(permuted.test.inputs, load_dataset("psmnist", folder).test.inputs)


def test_compressed_files_and_names_with_a_dot(folder: Path) -> None:
    plain = load_dataset("smnist", folder)
    for file in list(folder.iterdir()):
        target = folder / (file.name.replace("-idx", ".idx") + ".gz")
        target.write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert load_dataset("smnist", folder).fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("t10k-images-idx3-ubyte", lambda c: b"\x00\x00\x0d\x03" + c[4:], "0x00000d03 instead of"),
        ("t10k-labels-idx1-ubyte", lambda c: idx(images("t10k")), "in 1 dimensions"),
        ("train-images-idx3-ubyte", lambda c: c[:-1], "truncated or too long"),
        ("train-images-idx3-ubyte", lambda c: c + b"x", "truncated or too long"),
        ("train-images-idx3-ubyte", lambda c: c[:9], "within its header"),
        ("train-images-idx3-ubyte", lambda c: b"", "(nothing)"),
        ("train-images-idx3-ubyte", lambda c: idx(images("train")[:, :27]), "instead of 28"),
        ("train-labels-idx1-ubyte", lambda c: idx(labels("train")[1:]), "39 labels for the 40"),
        ("train-labels-idx1-ubyte", lambda c: idx(labels("train") + 1), "outside 0…9"),
    ],
)
def test_bad_files_are_named(
    folder: Path, name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("smnist", folder)
    assert name in str(caught.value)


def test_truncated_gzip_and_missing_files(folder: Path, tmp_path: Path) -> None:
    file = folder / "train-labels-idx1-ubyte"
    packed = gzip.compress(file.read_bytes())
    file.unlink()
    with pytest.raises(InputError, match="missing train-labels-idx1-ubyte"):
        load_dataset("smnist", folder)
    for content in (packed[: len(packed) // 2], b"no gzip"):
        (folder / "train-labels-idx1-ubyte.gz").write_bytes(content)
        with pytest.raises(InputError, match="truncated, or no gzip"):
            load_dataset("smnist", folder)
    with pytest.raises(MissingDataError, match="does not exist"):
        load_dataset("smnist", tmp_path / "nowhere")


def test_every_image_of_every_part_has_its_own_label(folder: Path) -> None:
    data = load_dataset("smnist", folder, normalise=False)
    numbers = {
        part: {image.tobytes(): n for n, image in enumerate(images(part))} for part in COUNTS
    }
    seen = []
    for part, source in ((data.train, "train"), (data.validation, "train"), (data.test, "t10k")):
        pixels = np.rint(255 * part.inputs).astype(np.uint8).reshape(-1, 28, 28)
        found = [numbers[source][image.tobytes()] for image in pixels]
        np.testing.assert_array_equal(part.labels, np.array(found) % 10)
        seen.append(found)
    assert sorted(seen[0] + seen[1]) == list(range(40))


@pytest.mark.parametrize("normalise", [True, False])
def test_the_background_is_what_becomes_of_an_empty_pixel(folder: Path, normalise: bool) -> None:
    """Images that are shifted in training are filled up with it."""
    empty = images("t10k")
    empty[:, 0, 0] = 0
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(empty))
    data = load_dataset("smnist", folder, normalise=normalise)
    np.testing.assert_allclose(data.test.inputs[:, 0, 0], data.background, rtol=1e-6, atol=1e-7)
    digits = load_dataset("sdigits", normalise=normalise)
    assert digits.train.inputs.min() == pytest.approx(digits.background)
