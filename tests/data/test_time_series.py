from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config.load import load_config
from imssa_sim.config.schema import DataConfig
from imssa_sim.data import MissingDataError, load_dataset, resolve_dataset, time_series
from imssa_sim.data.time_series import load_series
from imssa_sim.errors import InputError
from imssa_sim.files.locate import workloads
from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.reference.forward import accuracy

HEAD = """# a comment
@problemName Steps
@timeStamps false
@missing false
@univariate false
@equalLength {equal}
@classLabel true up down
@data
"""
ROWS = ("1,2,3:4,5,6:up", "1,0:-1,2:down", "3,3,3,3:1,1,1,1:up", "0:1:down", "2,2:2,3:down")
aeon = pytest.importorskip("aeon", exc_type=ImportError)


ALL = "\n".join(ROWS)


def pair(folder: Path, train: str = ALL, test: str = ROWS[0], equal: str = "false") -> Path:
    for part, rows in (("TRAIN", train), ("TEST", test)):
        (folder / f"Steps_{part}.ts").write_text(HEAD.format(equal=equal) + rows + "\n")
    return folder / "Steps_TRAIN.ts"


def test_sequences_of_unequal_length_are_padded(tmp_path: Path) -> None:
    data = load_series(pair(tmp_path), normalise=False)
    assert (data.name, data.classes, data.length, data.features) == ("Steps", ("up", "down"), 4, 2)
    np.testing.assert_array_equal(
        data.test.inputs, np.array([[[1, 4], [2, 5], [3, 6], [0, 0]]], np.float32)
    )
    np.testing.assert_array_equal(data.test.labels, (0,))
    np.testing.assert_array_equal(data.test.lengths, (3,))
    assert any("to 4 steps; what follows shorter ones is left out" in n for n in data.notes)
    read = load_series(pair(tmp_path), normalise=False, masked=False)
    assert any("zeros up to 4 steps" in note for note in read.notes)
    assert read.test.lengths is None
    assert any("1 of 5 training sequences" in note for note in data.notes)
    assert load_dataset("ts", tmp_path, normalise=False).fingerprint == data.fingerprint


def test_equal_lengths_need_no_word(tmp_path: Path) -> None:
    rows = "\n".join(("1,2:3,4:up", "5,6:7,8:down") * 4)
    data = load_series(pair(tmp_path, rows, rows, "true"), normalise=True)
    assert not any("zeros" in note or "left out" in note for note in data.notes)
    assert data.test.lengths is None
    np.testing.assert_allclose(data.train.inputs.mean(axis=(0, 1)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("1,2:up\n1,2:3,4:down", ROWS[0], "Inconsistent number of dimensions"),
        ("1,x:1,2:up", ROWS[0], "no .ts file"),
        ("1,?:1,2:up\n1,2:3,4:down\n1,1:1,1:up", ROWS[0], "nan at sequence 0, step 1, feature 0"),
        ("\n".join(ROWS), "1,2:up", "training file has 2 features, the test file 1"),
        ("\n".join(ROWS), "1,2:1,2:left", "is 'left', which is none of the classes"),
        ("\n".join((ROWS[0], ROWS[1])), ROWS[0], "too few to split one off"),
        ("\n".join(["1:1:up"] * 5), ROWS[0], "one class only"),
    ],
)
def test_bad_files(tmp_path: Path, train: str, test: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_series(pair(tmp_path, train, test), normalise=False)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no file"):
        load_series(tmp_path, True)
    file = pair(tmp_path)
    (tmp_path / "Steps_TEST.ts").unlink()
    with pytest.raises(InputError, match=r"Steps_TEST.ts: there is no such file"):
        load_series(file, True)
    (tmp_path / "More_TRAIN.ts").write_text("")
    with pytest.raises(InputError, match=r"several problems \(More, Steps\)"):
        load_series(tmp_path, True)
    with pytest.raises(InputError, match=r"must be NAME_TRAIN\.ts"):
        load_series(tmp_path / "x.csv", True)
    with pytest.raises(InputError, match=r"needs data\.path"):
        load_dataset("ts")


@pytest.mark.parametrize(
    ("name", "sizes", "steps", "features", "classes"),
    [
        ("japanese_vowels", (216, 54, 370), 29, 12, 9),
        ("acsf1", (80, 20, 100), 1460, 1, 10),
        ("osu_leaf", (160, 40, 242), 427, 1, 6),
        ("basic_motions", (32, 8, 40), 100, 6, 4),
    ],
)
def test_what_aeon_brings(
    name: str, sizes: tuple[int, ...], steps: int, features: int, classes: int
) -> None:
    data = load_dataset(name)
    assert tuple(len(p) for p in (data.train, data.validation, data.test)) == sizes
    assert (data.length, data.features, len(data.classes)) == (steps, features, classes)


def test_without_aeon_a_fallback_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_series, "find_spec", lambda name: None)
    with pytest.raises(MissingDataError, match=r"not installed: pip install 'imssa_sim\[data\]'"):
        load_dataset("acsf1")
    used = resolve_dataset(DataConfig(name="acsf1", fallback="sdigits"))
    assert used.dataset.name == "sdigits"


@pytest.mark.parametrize(("name", "wanted"), [("vowels", 0.9757), ("appliances", 0.73)])
def test_networks_that_ship_have_the_accuracy_of_their_page(name: str, wanted: float) -> None:
    loaded = load_config(workloads() / f"{name}.yaml").config
    assert loaded.model.checkpoint is not None
    network = load_checkpoint(loaded.model.checkpoint).network
    test = resolve_dataset(loaded.data).dataset.test
    assert accuracy(network, test.inputs, test.labels) == pytest.approx(wanted, abs=1e-4)


def test_targets_are_values_of_a_regression(tmp_path: Path) -> None:
    head = HEAD.replace("@classLabel true up down", "@targetlabel true")
    for part in ("TRAIN", "TEST"):
        rows = "1,2,3:4,5,6:0.5\n1,0:-1,2:2.5\n" * 4
        (tmp_path / f"Steps_{part}.ts").write_text(head.format(equal="false") + rows)
    data = load_dataset("ts", tmp_path, outputs=1)
    assert data.classes == ()
    np.testing.assert_array_equal(data.test.labels, np.tile([[0.5], [2.5]], (4, 1)))
    np.testing.assert_array_equal(data.test.lengths, np.tile([3, 2], 4))
    with pytest.raises(
        InputError, match=r"are values .@targetlabel.; give model\.task: regression"
    ):
        load_dataset("ts", tmp_path)
    pair(tmp_path)
    with pytest.raises(InputError, match=r"are classes .@classLabel.; give model\.task: class"):
        load_dataset("ts", tmp_path, outputs=1)
