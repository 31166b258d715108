"""The shipped features of the synthetic keywords, and the programs that made them."""

import csv
import importlib.util
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from imssa_sim.config.schema import DataConfig
from imssa_sim.data import load_dataset, resolve_dataset
from imssa_sim.data.keywords import SHIPPED, read_shipped
from imssa_sim.data.speech_commands import MEAN_DB, STD_DB
from imssa_sim.errors import InputError

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "benchmarks" / "keywords"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"keywords_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_shipped_features_are_small_and_labelled() -> None:
    assert SHIPPED.stat().st_size < 1_000_000
    data = load_dataset("keywords")
    assert data.source.startswith("SYNTHETIC")
    assert data.called == "keywords (SYNTHETIC)"
    assert data.only(("yes", "no")).called.endswith("(SYNTHETIC)")
    assert data.test.inputs.shape == (504, 100, 20)
    assert len(data.classes) == 12
    for part in (data.train, data.validation, data.test):
        counts = np.bincount(part.labels, minlength=12)
        assert counts.min() == counts.max() > 0
    raw = load_dataset("keywords", normalise=False)
    assert (raw.test.inputs == np.rint(raw.test.inputs)).all()
    np.testing.assert_allclose(data.test.inputs, (raw.test.inputs - MEAN_DB) / STD_DB, atol=1e-6)
    assert abs(data.train.inputs.mean()) < 0.5
    assert abs(data.train.inputs.std() - 1) < 0.2


def test_no_sequence_is_in_two_parts() -> None:
    data = load_dataset("keywords")
    keys = [x.tobytes() for p in (data.train, data.validation, data.test) for x in p.inputs]
    assert len(set(keys)) == len(keys)


def test_other_frames_need_the_recordings() -> None:
    for changed in ({"features": "raw"}, {"mel": {"bands": 21}}, {"mel": {"hop": "20 ms"}}):
        config = DataConfig.model_validate({"name": "keywords"} | changed)
        with pytest.raises(InputError, match=r"make_dataset\.py"):
            resolve_dataset(config)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    content = SHIPPED.read_bytes()
    broken = tmp_path / "keywords.npz"
    middle = len(content) // 2
    for damaged in (content[:-500], content[:middle] + b"\0" * 100 + content[middle + 100 :], b""):
        broken.write_bytes(damaged)
        with pytest.raises(InputError, match="damaged"):
            read_shipped(broken)
    with pytest.raises(InputError, match="damaged"):
        read_shipped(tmp_path / "gone.npz")


def test_no_voice_is_in_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    make = script("make_dataset", monkeypatch)
    voices = [voice for part in make.VOICES.values() for voice in part]
    assert len(set(voices)) == len(voices)

    def family(voice: str) -> str:
        return voice.rstrip("0123456789")

    families = [{family(v) for v in part if len(family(v)) > 1} for part in make.VOICES.values()]
    assert not families[0] & families[1]
    assert not families[0] & families[2]
    assert not families[1] & families[2]
    first, again, other = ([u for u, _ in islice(make.plan(s), 200)] for s in (0, 0, 1))
    assert len({u.path for u in first}) == len(first)
    assert first == again
    assert all(one != two and one.path == two.path for one, two in zip(first, other, strict=True))
    _, _, about = read_shipped(SHIPPED)
    assert about["words"] == sorted(make.WORDS)


def test_noise_has_its_colour_and_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    make = script("make_dataset", monkeypatch)
    word = 1000 * np.sin(0.3 * np.arange(8000))
    for colour, exponent in make.NOISES.items():
        noise = make.coloured_noise(exponent, np.random.RandomState(0))
        power = np.abs(np.fft.rfft(noise)) ** 2
        # Octaves 250…500 Hz and 2…4 kHz are a factor of 8 apart in frequency.
        ratio = power[250:500].mean() / power[2000:4000].mean()
        assert abs(np.log(ratio) / np.log(8) - exponent) < 0.15
        planned = next(u for u, _ in make.plan(0) if u.noise == colour)
        mixed = make.recording(word, planned, np.random.RandomState(1)).astype(float)
        assert abs(20 * np.log10(np.abs(mixed).max() / 32767) - planned.level_db) < 0.01


def test_missing_synthesiser_is_explained(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "make_dataset.py", tmp_path / "new"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "apt-get install espeak-ng" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_synthesis_and_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, pack = script("make_dataset", monkeypatch), script("pack_features", monkeypatch)
    monkeypatch.setattr(make, "WORDS", ("yes", "no"))
    monkeypatch.setattr(make, "VOICES", {"train": ["m1"], "validation": ["f3"], "test": ["m8"]})
    program, _ = make.find_program()
    for name in ("one", "two"):
        made = make.make(tmp_path / name, program, seed=3)
        (tmp_path / name / "README.txt").write_text("SYNTHETIC\nby a test\n", encoding="utf-8")
    for utterance in made:
        once, twice = ((tmp_path / name / utterance.path).read_bytes() for name in ("one", "two"))
        assert once == twice
    with (tmp_path / "one" / "utterances.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(made) == 2 * (8 + 4 + 3)
    full = load_dataset("keywords", tmp_path / "one")
    assert full.source.startswith("SYNTHETIC")
    assert full.test.inputs.shape == (6, 100, 20)
    monkeypatch.setattr(pack, "KEPT", {"train": 4, "validation": 2})
    target = tmp_path / "packed.npz"
    monkeypatch.setattr(sys, "argv", ["pack_features.py", str(tmp_path / "one"), "-o", str(target)])
    pack.main()
    monkeypatch.setattr("imssa_sim.data.keywords.SHIPPED", target)
    packed = load_dataset("keywords")
    np.testing.assert_array_equal(packed.test.inputs, full.test.inputs)
    np.testing.assert_array_equal(packed.test.labels, full.test.labels)
    assert [len(packed.train), len(packed.validation)] == [8, 4]
    assert packed.normalisation == full.normalisation
