import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.config.schema import DataConfig
from imssa_sim.data import array_files, load_dataset, resolve_dataset
from imssa_sim.data.arrays import load_arrays
from imssa_sim.data.streamed import StreamedSequences
from imssa_sim.errors import InputError

STEPS, FEATURES = 7, 3


def good(**changed: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in {"train": 20, "validation": 6, "test": 8}.items():
        arrays[f"x_{part}"] = random.normal(2, 3, (count, STEPS, FEATURES)).astype(np.float32)
        arrays[f"y_{part}"] = np.arange(count) % 2
    arrays |= changed
    return {name: value for name, value in arrays.items() if value is not None}


def stored(path: Path, **changed: Any) -> Path:
    file = path / "mine.npz"
    np.savez(file, **good(**changed))
    return file


def test_an_npz_is_taken_as_it_is(tmp_path: Path) -> None:
    arrays, data = good(), load_arrays(stored(tmp_path), normalise=False)
    for part in ("train", "validation", "test"):
        split = getattr(data, part)
        np.testing.assert_array_equal(split.inputs, arrays[f"x_{part}"])
        np.testing.assert_array_equal(split.labels, arrays[f"y_{part}"])
    assert (data.name, data.classes, data.notes) == ("mine.npz", ("0", "1"), ())
    assert "20 training, 6 validation and 8 test sequences of 7 steps" in data.source


def test_a_folder_of_npy_gives_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, value in good().items():
        np.save(folder / f"{name}.npy", value)
    npz = load_arrays(stored(tmp_path), False)
    assert load_arrays(folder, False).fingerprint == npz.fingerprint


def test_configurations_normalise_own_arrays_only_when_asked(tmp_path: Path) -> None:
    file = stored(tmp_path)
    plain = resolve_dataset(DataConfig(name="arrays", path=file)).dataset
    np.testing.assert_array_equal(plain.test.inputs, good()["x_test"])
    data = resolve_dataset(DataConfig(name="arrays", path=file, normalise=True)).dataset
    train = good()["x_train"].astype(np.float64)
    mean, deviation = train.mean(axis=(0, 1)), train.std(axis=(0, 1))
    np.testing.assert_allclose(
        data.test.inputs, (good()["x_test"] - mean) / deviation, rtol=1e-5, atol=1e-6
    )
    assert "mean and standard deviation" in data.normalisation


@pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint8", "int64", ">f4", "bool"])
def test_types_of_numbers(tmp_path: Path, dtype: str) -> None:
    x = {f"x_{p}": good()[f"x_{p}"].astype(dtype) for p in ("train", "validation", "test")}
    data = load_arrays(stored(tmp_path, **x), False)
    np.testing.assert_array_equal(data.train.inputs, x["x_train"].astype(np.float32))
    assert data.train.inputs.dtype == np.float32


def test_one_feature_needs_no_axis(tmp_path: Path) -> None:
    x = {f"x_{p}": good()[f"x_{p}"][:, :, 0] for p in ("train", "validation", "test")}
    assert load_arrays(stored(tmp_path, **x), False).features == 1


def test_a_validation_part_is_split_off_and_said(tmp_path: Path) -> None:
    file = stored(tmp_path, x_validation=None, y_validation=None)
    data = load_arrays(file, False)
    assert (len(data.train), len(data.validation)) == (16, 4)
    np.testing.assert_array_equal(np.bincount(data.validation.labels), (2, 2))
    both = np.concatenate([data.train.inputs, data.validation.inputs])
    assert sorted(both[:, 0, 0]) == sorted(good()["x_train"][:, 0, 0])
    assert any("4 of 20 training sequences" in note for note in data.notes)


def test_lengths_blank_what_follows_and_are_said(tmp_path: Path) -> None:
    lengths = {f"lengths_{p}": np.full(n, 4) for p, n in (("validation", 6), ("test", 8))}
    lengths["lengths_train"] = np.tile([3, 5], 10)
    x = good()["x_train"]
    x[::2, 3:] = np.nan  # padding may hold anything
    path = stored(tmp_path, x_train=x, **lengths)
    masked, data = load_arrays(path, True), load_arrays(path, normalise=True, masked=False)
    np.testing.assert_array_equal(masked.train.lengths, lengths["lengths_train"])
    np.testing.assert_array_equal(masked.train.inputs, data.train.inputs)
    assert "sequences have 3 to 7 steps; what follows shorter ones is left out" in masked.notes
    assert data.train.lengths is None
    assert masked.fingerprint != data.fingerprint
    assert not data.train.inputs[::2, 3:].any()
    assert not data.train.inputs[1::2, 5:].any()
    valid = np.concatenate([x[::2, :3].reshape(-1, 3), x[1::2, :5].reshape(-1, 3)])
    np.testing.assert_allclose(
        data.train.inputs[1, :5], (x[1, :5] - valid.mean(0)) / valid.std(0), rtol=1e-4, atol=1e-5
    )
    assert any("zeros up to 7 steps" in note for note in data.notes)


def test_sample_rate_and_unused_arrays_are_told(tmp_path: Path) -> None:
    data = load_arrays(stored(tmp_path, sample_rate=8000.0, speaker=np.arange(20)), False)
    assert data.sample_rate == 8000
    assert "(speaker not used)" in data.source


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["yes", "no"]), ("no", "yes")),
        (np.array([b"yes", b"no"]), ("no", "yes")),
        (np.array([1.0, 0.0]), ("0", "1")),
        (np.array([True, False]), ("0", "1")),
        (np.array([1, 0], dtype=np.uint8), ("0", "1")),
        (np.array([3, 0]), ("0", "1", "2", "3")),
    ],
)
def test_labels_of_any_kind(tmp_path: Path, labels: Any, classes: tuple[str, ...]) -> None:
    y = {"y_train": np.tile(labels, 10), "y_validation": np.tile(labels, 3)}
    data = load_arrays(stored(tmp_path, y_test=np.tile(labels, 4), **y), False)
    assert data.classes == classes
    high, low = data.train.labels[:2]
    assert classes[high] in ("yes", "1", "3")
    assert low == 0


def test_named_classes_order_words_and_allow_labels_from_one(tmp_path: Path) -> None:
    words = {f"y_{p}": np.tile(["yes", "no"], n) for p, n in (("train", 10), ("validation", 3))}
    data = load_arrays(
        stored(tmp_path, y_test=np.tile(["yes", "no"], 4), classes=["yes", "no", "never"], **words),
        False,
    )
    np.testing.assert_array_equal(data.test.labels[:2], (0, 1))
    assert "no training sequence is of class never" in data.notes


def changed_x(place: tuple[int, int, int], value: float, dtype: str = "f4") -> np.ndarray:
    x = good()["x_test"].astype(dtype)
    x[place] = value
    return x


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"y_test": None}, r"has no y_test; it holds x_test, x_train"),
    "slip": (
        {"x_validation": None, "x_val": np.zeros((6, 7, 3))},
        "unknown array 'x_val'; did you mean 'x_validation'",
    ),
    "half a part": ({"y_validation": None}, "has no y_validation"),
    "labels": ({"y_train": np.zeros(19, int)}, "x_train has 20 sequences, but y_train 19 labels"),
    "steps": ({"x_test": np.ones((8, 6, 3))}, "x_test has 6 steps of 3 features, but x_train 7"),
    "features": ({"x_test": np.ones((8, 7, 2))}, "x_test has 7 steps of 2 features"),
    "axes": ({"x_test": np.ones((8, 1, 7, 3))}, r"x_test has the shape \(8, 1, 7, 3\)"),
    "empty": ({"x_test": np.ones((0, 7, 3)), "y_test": np.ones(0, int)}, "x_test is empty"),
    "nan": (
        {"x_test": changed_x((5, 2, 1), np.nan)},
        r"x_test: nan at sequence 5, step 2, feature 1 \(counted from 0\) is no finite number",
    ),
    "inf": ({"x_test": changed_x((0, 6, 2), -np.inf)}, "-inf at sequence 0, step 6, feature 2"),
    "range": ({"x_test": changed_x((1, 0, 0), 1e300, "f8")}, "1e.300 .* too large for float32"),
    "complex": ({"x_test": np.ones((8, 7, 3), complex)}, "x_test is of type complex128"),
    "objects": ({"x_test": np.full((8, 7, 3), None)}, "x_test holds Python objects .a pickle."),
    "values": ({"y_test": np.full(8, 0.25)}, r"y_test\[0\] is 0.25; labels are classes"),
    "nan label": ({"y_test": np.full(8, np.nan)}, r"y_test\[0\] is nan"),
    "negative": ({"y_test": np.full(8, -1)}, r"y_test\[0\] is -1; labels are the places"),
    "new class": ({"y_test": np.full(8, 2)}, r"y_test\[0\] is 2, but y_train has .* name them all"),
    "one class": ({"y_train": np.ones(20, int) * 0, "y_validation": np.zeros(6, int),
                   "y_test": np.zeros(8, int)}, r"y_train holds one class only \(0\)"),
    "one-hot": ({"y_test": np.eye(2)[np.arange(8) % 2]}, "one-hot rows take argmax"),
    "column": ({"y_test": np.zeros((8, 1), int)}, "flatten it"),
    "mixed": ({"y_test": np.array(["a"] * 8)}, "words as labels, others numbers"),
    "dates": ({"y_test": np.zeros(8, "M8[s]")}, "y_test is of type datetime64"),
    "from one": ({f"y_{p}": np.arange(n) % 2 + 1
                  for p, n in (("train", 20), ("validation", 6), ("test", 8))}, "begin at 1"),
    "length": ({f"lengths_{p}": np.full(n, 8)
                for p, n in (("train", 20), ("validation", 6), ("test", 8))},
               r"lengths_train\[0\] is 8, outside 1…7"),
    "length type": ({"lengths_test": np.full(8, 2.5)}, "lengths_test must be 8 whole numbers"),
    "some lengths": ({"lengths_test": np.full(8, 7)}, "add lengths_train, lengths_validation"),
    "rate": ({"sample_rate": -1.0}, "sample_rate is -1"),
    "rates": ({"sample_rate": np.ones(2)}, "sample_rate must be one number"),
    "class names": ({"classes": np.arange(2)}, "classes must be names"),
    "same names": ({"classes": ["a", "a"]}, "two different names"),
    "unknown word": (
        {"classes": ["left", "right"], "y_train": np.tile(["left", "right"], 10),
         "y_validation": np.tile(["left", "right"], 3), "y_test": np.array(["lefft"] * 8)},
        r"y_test\[0\] is 'lefft', .* did you mean 'left'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_named(tmp_path: Path, case: str) -> None:
    changed, message = BAD[case]
    with pytest.raises(InputError, match=message):
        load_arrays(stored(tmp_path, **changed), False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.npz", b"no zip at all", "truncated, damaged, or no .npz"),
        ("mine.npz", b"", "truncated, damaged, or no .npz"),
        ("mine.csv", b"1,2", "store it with numpy.savez"),
        ("mine.ts", b"@data", "set data.name to ts"),
        ("x_train.npy", b"", "name its folder"),
    ],
)
def test_other_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_arrays(tmp_path / name, False)


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    file = stored(tmp_path)
    with pytest.raises(InputError, match=r"does not exist; the folder holds 'mine.npz'"):
        load_arrays(file.with_name("min.npz"), False)
    with pytest.raises(InputError, match=r"needs data\.path"):
        load_dataset("arrays")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no \.npy files"):
        load_arrays(tmp_path / "empty", False)


@given(cut=st.floats(0.0, 0.999))
def test_truncated_files_are_refused(cut: float) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **good())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cut.npz"
        path.write_bytes(stream.getvalue()[: int(cut * len(stream.getvalue()))])
        with pytest.raises(InputError, match="truncated"):
            load_arrays(path, False)


def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    file = stored(tmp_path)
    content = bytearray(file.read_bytes())
    content[400] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        load_arrays(file, False)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    file = stored(tmp_path)
    with zipfile.ZipFile(file, "a") as archive:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.array([{"a": 1}]), allow_pickle=True)
        archive.writestr("speaker.npy", buffer.getvalue())
    with pytest.raises(InputError, match="speaker holds Python objects"):
        load_arrays(file, False)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_arrays_are_streamed_from_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool, order: str
) -> None:
    monkeypatch.setattr(array_files, "MAPPED", 256)
    arrays = good(x_validation=None, y_validation=None)
    arrays["x_train"] = np.asarray(arrays["x_train"], dtype=np.float64, order=order)
    path = tmp_path / "mine"
    if folder:
        path.mkdir()
        for name, value in arrays.items():
            np.save(path / f"{name}.npy", value)
    else:
        path = path.with_suffix(".npz")
        np.savez(path, **arrays)
    assert isinstance(array_files.open_arrays(path)["x_train"], np.memmap)
    whole = load_arrays(path, normalise=True)
    data = load_arrays(path, normalise=True, memory=1600)
    assert isinstance(data.train.inputs, StreamedSequences)
    assert isinstance(data.test.inputs, np.ndarray)
    assert "deviation (of 2 sequences)" in data.normalisation
    pairs = (data.train.inputs[:][:, :, 1].ravel(), whole.train.inputs[:, :, 1].ravel())
    assert np.corrcoef(*pairs)[0, 1] == pytest.approx(1, abs=1e-5)
    plain, streamed = load_arrays(path, False), load_arrays(path, False, memory=1600)
    np.testing.assert_array_equal(streamed.train.inputs[3:9], plain.train.inputs[3:9])
    np.testing.assert_array_equal(
        streamed.validation.inputs[np.array([2, 0])], plain.validation.inputs[[2, 0]]
    )
    assert streamed.fingerprint == load_arrays(path, False, memory=1600).fingerprint
    assert streamed.fingerprint != load_arrays(path, True, memory=1600).fingerprint


@pytest.mark.parametrize("memory", [1 << 29, 1600])
def test_statistics_are_those_of_sequences_of_the_training_part(
    tmp_path: Path, memory: int
) -> None:
    """Of all of them, or of the first and the last where they are streamed; none is held out."""
    path = stored(tmp_path, x_validation=None, y_validation=None)
    raw = load_arrays(path, normalise=False)
    held = raw.train.inputs if memory > 1600 else raw.train.inputs[[0, -1]]
    mean, deviation = held.mean(axis=(0, 1)), held.std(axis=(0, 1))
    data = load_arrays(path, normalise=True, memory=memory)
    for part in ("train", "validation", "test"):
        expected = (getattr(raw, part).inputs - mean) / deviation
        np.testing.assert_allclose(getattr(data, part).inputs[:], expected, rtol=1e-4, atol=1e-5)


def test_streamed_values_are_checked_when_they_are_read(tmp_path: Path) -> None:
    x = good()["x_train"]
    x[17, 4, 2] = np.nan
    data = load_arrays(stored(tmp_path, x_train=x), False, memory=1600)
    data.train.inputs[:17]
    with pytest.raises(InputError, match="nan at sequence 17, step 4, feature 2"):
        data.train.inputs[np.array([3, 17])]


def test_what_is_compressed_cannot_be_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_files, "MAPPED", 256)
    np.savez_compressed(tmp_path / "c.npz", **good())
    with pytest.raises(InputError, match="is compressed, so that it cannot be streamed"):
        load_arrays(tmp_path / "c.npz", False)
