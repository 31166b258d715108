"""Recordings of words: parts, WAV files of every wrong kind, streaming."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

import imssa_sim.data.speech_commands as module
from imssa_sim.config.schema import DataConfig, MelConfig
from imssa_sim.data import MissingDataError, load_dataset, resolve_dataset
from imssa_sim.data.speech_commands import hashed_part, load_words, scan_words
from imssa_sim.data.streamed import StreamedSequences, sequences
from imssa_sim.data.wav import read_wav
from imssa_sim.errors import InputError

RATE = 16_000
TEST = ("0c40e715", "0ea0e2f4", "105a0eea")
VALIDATION = ("026290a7", "060cd039")
TRAINING = ("00176480", "0a7c2a8d")
"""Speakers of Speech Commands v0.02 and the parts that its published lists have them in."""


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, samples)


def tone(seed: int, length: int = RATE) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(-9000, 9000, length).astype(np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two words by seven speakers, one recording short, and background noise."""
    seed = 0
    for word in ("yes", "no"):
        for speaker in (*TEST, *VALIDATION, *TRAINING):
            seed += 1
            write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(seed, RATE - 100 * seed))
    write(tmp_path / "_background_noise_" / "hum.wav", tone(99, 5 * RATE))
    return tmp_path


def lists(folder: Path, validation: list[str], testing: list[str]) -> None:
    (folder / "validation_list.txt").write_text("\n".join(validation), encoding="utf-8")
    (folder / "testing_list.txt").write_text("\n".join(testing), encoding="utf-8")


def test_hash_agrees_with_the_published_lists() -> None:
    for part, speakers in enumerate((TRAINING, VALIDATION, TEST)):
        for speaker in speakers:
            assert hashed_part(f"bed/{speaker}_nohash_0.wav") == part
            assert hashed_part(f"tree/{speaker}_nohash_7.wav") == part


def test_parts_by_hash_and_sound_unchanged(folder: Path) -> None:
    data = load_dataset("speech_commands", folder)
    assert data.classes == ("no", "yes")
    sizes = [len(part) for part in (data.train, data.validation, data.test)]
    assert sizes == [4, 4, 6]
    assert data.length == RATE
    assert data.features == 1
    found = scan_words("speech_commands", folder)
    for i, place in enumerate(np.flatnonzero(found.parts == 2)):
        rate, sound = wavfile.read(folder / found.paths[place])
        assert rate == RATE
        np.testing.assert_array_equal(
            data.test.inputs[i : i + 1][0, : len(sound), 0] * 32768, sound
        )
        assert not data.test.inputs[i : i + 1][0, len(sound) :].any()
    assert "hash" in data.source


def test_lists_take_precedence(folder: Path) -> None:
    validation = [f"yes/{TEST[0]}_nohash_0.wav", f"no/{TEST[0]}_nohash_0.wav"]
    testing = [f"yes/{TRAINING[0]}_nohash_0.wav", f"no/{VALIDATION[0]}_nohash_0.wav"]
    lists(folder, validation, testing)
    found = scan_words("speech_commands", folder)
    named = dict(zip(found.paths, found.parts, strict=True))
    assert {path for path, part in named.items() if part == 1} == set(validation)
    assert {path for path, part in named.items() if part == 2} == set(testing)
    assert "lists" in load_dataset("speech_commands", folder).source


def test_log_mel_frames_are_the_loaders_own(folder: Path) -> None:
    config = DataConfig(name="speech_commands", path=folder, features="log_mel")
    data = resolve_dataset(config).dataset
    assert data.test.inputs.shape == (6, 100, 20)
    raw = load_words("speech_commands", folder, "log_mel", MelConfig(), normalise=False)
    np.testing.assert_allclose(data.train.inputs, (raw.train.inputs + 30) / 12, rtol=1e-6)
    assert (raw.train.inputs == np.rint(raw.train.inputs)).all()
    assert "whole dB" in data.normalisation


def test_classes_can_be_chosen(folder: Path) -> None:
    config = DataConfig(name="speech_commands", path=folder, classes=("yes", "no"))
    data = resolve_dataset(config).dataset
    assert data.classes == ("yes", "no")
    assert sorted(data.test.labels) == [0, 0, 0, 1, 1, 1]


def test_large_data_are_streamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_dataset("speech_commands", folder)
    monkeypatch.setattr(module, "sequences", lambda *given: sequences(*given, memory=0))
    opened: list[Path] = []
    read = module.read_second

    def counted(path: Path) -> np.ndarray:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(module, "read_second", counted)
    data = load_dataset("speech_commands", folder)
    assert isinstance(data.train.inputs, StreamedSequences)
    assert data.test.inputs.shape == whole.test.inputs.shape
    assert not opened
    np.testing.assert_array_equal(data.test.inputs[np.array([4, 1])], whole.test.inputs[[4, 1]])
    assert len(opened) == 2
    np.testing.assert_array_equal(data.test.inputs[2:5], whole.test.inputs[2:5])
    with pytest.raises(TypeError, match="streamed"):
        np.asarray(data.test.inputs)
    only = data.only(("yes",)).test
    assert isinstance(only.inputs, StreamedSequences)
    np.testing.assert_array_equal(only.inputs[:], whole.only(("yes",)).test.inputs)
    # Another file of the same name and length is the same to the fingerprint; another name is not.
    before = data.fingerprint
    (folder / "yes" / f"{TRAINING[0]}_nohash_0.wav").rename(
        folder / "yes" / f"{TRAINING[0]}_nohash_1.wav"
    )
    assert load_dataset("speech_commands", folder).fingerprint != before


def test_synthetic_folders_are_called_so(folder: Path) -> None:
    assert "SYNTHETIC" not in load_dataset("speech_commands", folder).source
    (folder / "README.txt").write_text("SYNTHETIC keywords, …", encoding="utf-8")
    data = load_dataset("speech_commands", folder)
    assert data.source.startswith("SYNTHETIC")
    assert data.called == "speech_commands (SYNTHETIC)"


def header(content: bytes, place: int, form: str, value: int) -> bytes:
    return content[:place] + struct.pack(form, value) + content[place + struct.calcsize(form) :]


Break = Callable[[Path], None]


def rewritten(change: Callable[[bytes], bytes]) -> Break:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: wavfile.write(path, 44_100, tone(0)), "44100 samples per second"),
        (lambda path: wavfile.write(path, RATE, np.stack([tone(0)] * 2, axis=1)), "2 channels"),
        (lambda path: wavfile.write(path, RATE, tone(0) / 2.0**15), "no PCM WAV"),
        (lambda path: wavfile.write(path, RATE, tone(0).astype(np.int32)), "32 bits per sample"),
        (lambda path: wavfile.write(path, RATE, np.zeros(9, np.uint8)), "8 bits per sample"),
        (lambda path: wavfile.write(path, RATE, tone(0, RATE + 1)), "more than one second"),
        (lambda path: wavfile.write(path, RATE, tone(0, 0)), "no sample"),
        (rewritten(lambda content: content[:-101]), "truncated"),
        (rewritten(lambda content: content[:20]), "no PCM WAV"),
        (rewritten(lambda content: b""), "ends within its header"),
        (rewritten(lambda content: b"ID3" + content), "no PCM WAV"),
        (rewritten(lambda content: header(content, 20, "<H", 7)), "no PCM WAV"),
    ],
)
def test_bad_recordings_are_named(folder: Path, damage: Break, message: str) -> None:
    path = folder / "yes" / f"{TEST[1]}_nohash_0.wav"
    damage(path)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("speech_commands", folder)
    assert str(path) in str(caught.value)


def _even(content: bytes) -> bytes:
    """A chunk of odd length has a byte behind it that its size does not count."""
    return content + b"\0" * (len(content) % 2)


def riff(*chunks: tuple[bytes, bytes], sizes: dict[bytes, int] | None = None) -> bytes:
    body = b"".join(
        name + struct.pack("<I", (sizes or {}).get(name, len(content))) + _even(content)
        for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def extensible(
    coding: int = 1, valid: int = 16, tail: str = "000000001000800000aa00389b71"
) -> bytes:
    head = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 2 * RATE, 2, 16, 22, valid, 4)
    return head + struct.pack("<H", coding) + bytes.fromhex(tail)


PLAIN = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
SOUND = tone(3, 50).astype("<i2").tobytes()


@pytest.mark.parametrize(
    "content",
    [
        riff((b"fmt ", PLAIN), (b"data", SOUND)),
        riff((b"fmt ", extensible()), (b"data", SOUND)),
        riff((b"fmt ", extensible(valid=0)), (b"data", SOUND)),
        riff((b"fmt ", PLAIN), (b"data", SOUND), sizes={b"data": 0xFFFFFFFF}),
        riff((b"LIST", b"odd"), (b"fmt ", PLAIN), (b"fact", b"1234"), (b"data", SOUND)),
        riff((b"fmt ", PLAIN), (b"data", SOUND), (b"LIST", b"after")),
    ],
)
def test_headers_of_other_writers(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav", RATE), tone(3, 50))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (riff((b"fmt ", extensible(coding=3)), (b"data", SOUND)), "number 3, not 1"),
        (riff((b"fmt ", extensible(valid=12)), (b"data", SOUND)), "12 valid bits"),
        (riff((b"fmt ", extensible(tail="00" * 14)), (b"data", SOUND)), "another standard"),
        (riff((b"fmt ", extensible()[:30]), (b"data", SOUND)), "too short"),
        (riff((b"data", SOUND), (b"fmt ", PLAIN)), "before its format"),
        (riff((b"fmt ", PLAIN)), "ends within its header"),
        (riff((b"fmt ", PLAIN), (b"data", SOUND), sizes={b"data": 102}), "50 of the 51 samples"),
        (riff((b"fmt ", PLAIN), (b"data", SOUND))[:-1], "truncated"),
        (b"RIFX" + riff((b"fmt ", PLAIN), (b"data", SOUND))[4:], "RIFF"),
    ],
)
def test_what_a_header_must_say(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_wav(tmp_path / "a.wav", RATE)


def test_companions_of_other_systems_are_skipped(folder: Path) -> None:
    before = load_dataset("speech_commands", folder).fingerprint
    (folder / "yes" / f"._{TEST[1]}_nohash_0.wav").write_bytes(b"\0\5\x16\7")
    (folder / "._yes").write_bytes(b"\0\5\x16\7")
    assert load_dataset("speech_commands", folder).fingerprint == before


def test_lists_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    first, second = f"yes/{TEST[0]}_nohash_0.wav", f"no/{TEST[0]}_nohash_0.wav"
    lists(folder, [first], [second])
    plain = load_dataset("speech_commands", folder).fingerprint
    for file in ("validation_list.txt", "testing_list.txt"):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert load_dataset("speech_commands", folder).fingerprint == plain


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_wav(tmp_path / "gone.wav", RATE)


def test_bad_lists(folder: Path) -> None:
    first, second = f"yes/{TEST[0]}_nohash_0.wav", f"no/{TEST[0]}_nohash_0.wav"
    (folder / "testing_list.txt").write_text(first, encoding="utf-8")
    with pytest.raises(InputError, match=r"validation_list.txt is missing"):
        load_dataset("speech_commands", folder)
    lists(folder, [second], [first, "maybe/0c40e715_nohash_0.wav"])
    with pytest.raises(InputError, match=r"testing_list.txt:2: 'maybe/0c40e715_nohash_0.wav'"):
        load_dataset("speech_commands", folder)
    lists(folder, [first], [second, first])
    with pytest.raises(InputError, match=r"testing_list.txt:2: .* in validation_list.txt as well"):
        load_dataset("speech_commands", folder)
    lists(folder, [first], [])
    with pytest.raises(InputError, match="test part is empty"):
        load_dataset("speech_commands", folder)


def test_bad_folders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (folder / "maybe").mkdir()
    with pytest.raises(InputError, match="the word maybe has no"):
        load_dataset("speech_commands", folder)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(MissingDataError, match="is empty"):
        load_dataset("speech_commands", empty)
    with pytest.raises(MissingDataError, match="does not exist"):
        load_dataset("speech_commands", empty / "nowhere")
    write(empty / "yes" / "a_nohash_0.wav", tone(0))
    with pytest.raises(InputError, match="one word only"):
        load_dataset("speech_commands", empty)
