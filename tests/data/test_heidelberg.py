from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.config.schema import DataConfig, SpikesConfig
from imssa_sim.data import MissingDataError, load_dataset, resolve_dataset
from imssa_sim.data.heidelberg import frame_counts
from imssa_sim.errors import InputError

h5py = pytest.importorskip("h5py")

COUNTS = {"shd_train.h5": 60, "shd_test.h5": 20}


def recording(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, 1.3, 200)).astype(np.float16)
    return times, random.integers(0, 700, 200).astype(np.uint16)


def write(path: Path, count: int, **changed: Any) -> None:
    """As the published files: half-precision times, variable lengths, extra speaker data."""
    recordings = [recording(i) for i in range(count)]
    arrays = {
        "spikes/times": ([t for t, _ in recordings], h5py.vlen_dtype(np.float16)),
        "spikes/units": ([u for _, u in recordings], h5py.vlen_dtype(np.uint16)),
        "labels": (np.arange(count) % 20, np.uint16),
        "extra/speaker": (np.zeros(count), np.uint16),
    }
    with h5py.File(path, "w") as file:
        for key, (values, dtype) in arrays.items():
            if key in changed:
                values = changed[key]
            if values is None:
                continue
            data = file.create_dataset(key, (len(values),), dtype=dtype)
            for i, value in enumerate(values):
                data[i] = value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in COUNTS.items():
        write(tmp_path / name, count)
    return tmp_path


def test_spikes_are_counted(folder: Path) -> None:
    data = load_dataset("shd", folder)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [54, 6, 20]
    assert data.test.inputs.shape == (20, 100, 140)
    for i in (0, 7):
        times, units = recording(i)
        # NumPy's own histogram, with edges between the possible times.
        expected, _, _ = np.histogram2d(
            times.astype(float) + 1e-7, units, bins=(np.arange(101) / 100, np.arange(0, 701, 5))
        )
        np.testing.assert_array_equal(data.test.inputs[i : i + 1][0], expected)
    assert len(data.classes) == 20
    assert data.normalisation == "spikes per 10 ms and 5 units, the first 1 s"


def test_frames_can_be_chosen(folder: Path) -> None:
    config = DataConfig.model_validate(
        {
            "name": "shd",
            "path": str(folder),
            "spikes": {"step": "50 ms", "duration": "1.5 s", "group": 64},
        }
    )
    data = resolve_dataset(config).dataset
    assert data.test.inputs.shape == (20, 30, 11)
    assert data.test.inputs.sum() == 200 * 20


@given(st.lists(st.tuples(st.integers(0, 1499), st.integers(0, 699)), max_size=30))
def test_every_spike_is_counted_once(spikes: list[tuple[int, int]]) -> None:
    times = np.array([t / 1000 for t, _ in spikes])
    units = np.array([u for _, u in spikes], dtype=np.int64)
    found = frame_counts(times, units, SpikesConfig(), (100, 140), "here")
    expected = np.zeros((100, 140))
    for millisecond, unit in spikes:
        if millisecond < 1000:
            expected[millisecond // 10, unit // 5] += 1
    np.testing.assert_array_equal(found, expected)


def recordings(count: int, change: Any) -> list[np.ndarray]:
    return [change(*recording(i)) for i in range(count)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": None}, "has no 'labels'"),
        ({"spikes/units": None}, "has no 'spikes/units'"),
        ({"labels": np.arange(19)}, "a label or a recording is missing"),
        ({"labels": np.arange(20) + 1}, "1 labels outside 0…19"),
        ({"spikes/units": recordings(20, lambda t, u: u + 500)}, "units outside 0…699"),
        ({"spikes/units": recordings(20, lambda t, u: u[1:])}, "200 times and 199 units"),
        ({"spikes/times": recordings(20, lambda t, u: -t - 1)}, "negative or not finite"),
    ],
)
def test_bad_files_are_named(folder: Path, changed: dict[str, Any], message: str) -> None:
    write(folder / "shd_test.h5", 20, **changed)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("shd", folder)
    assert "shd_test.h5" in str(caught.value)


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "ms"), (1e6, "µs"), (1e9, "ns")])
def test_times_of_another_unit_are_refused(factor: float, unit: str) -> None:
    times, units = recording(0)
    with pytest.raises(InputError, match=f"seem to be in {unit}: divide by"):
        frame_counts(times.astype(float) * factor, units, SpikesConfig(), (100, 140), "here")


def test_a_file_with_milliseconds_is_named(folder: Path) -> None:
    write(folder / "shd_test.h5", 20, **{"spikes/times": recordings(20, lambda t, u: t * 1000)})
    with pytest.raises(InputError, match=r"shd_test.h5: recording 0 has a spike at .* in ms"):
        load_dataset("shd", folder).test.inputs[:1]


def test_damaged_and_missing_files(folder: Path) -> None:
    file = folder / "shd_train.h5"
    content = file.read_bytes()
    for broken in (content[:300], b"no HDF5 at all"):
        file.write_bytes(broken)
        with pytest.raises(InputError, match=r"shd_train.h5: truncated, or no HDF5"):
            load_dataset("shd", folder)
    file.unlink()
    with pytest.raises(InputError, match=r"missing shd_train.h5"):
        load_dataset("shd", folder)
    with pytest.raises(MissingDataError, match="is empty"):
        (folder / "shd_test.h5").unlink()
        load_dataset("shd", folder)


def test_without_h5py_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"imssa_sim\[audio\]"):
        load_dataset("shd", folder)


def test_impossible_frames_are_refused(folder: Path) -> None:
    for spikes, message in (
        ({"step": "300 ms"}, "whole number of steps"),
        ({"group": 701}, "there are 700 units"),
    ):
        config = DataConfig.model_validate({"name": "shd", "path": str(folder), "spikes": spikes})
        with pytest.raises(InputError, match=message):
            resolve_dataset(config)


def test_every_sequence_of_every_part_has_its_own_label(folder: Path) -> None:
    data = load_dataset("shd", folder)
    numbers = {}
    for number in range(COUNTS["shd_train.h5"]):
        times, units = recording(number)
        counts = frame_counts(
            times.astype(float), units.astype(int), SpikesConfig(), (100, 140), ""
        )
        numbers[counts.tobytes()] = number
    seen = []
    for part in (data.train, data.validation, data.test):
        found = [numbers[np.ascontiguousarray(sequence).tobytes()] for sequence in part.inputs[:]]
        np.testing.assert_array_equal(part.labels, np.array(found) % 20)
        seen.append(found)
    assert sorted(seen[0] + seen[1]) == list(range(60))  # none is in both
    assert seen[2] == list(range(20))
