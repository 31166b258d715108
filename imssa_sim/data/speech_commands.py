"""Recordings of single words in the folder layout of Speech Commands.

Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv 1804.03209:
one folder of 16 kHz WAV files per word, folders whose name begins with ``_`` aside, and the parts
of validation and test in ``validation_list.txt`` and ``testing_list.txt``. Where these lists are
absent, a hash of the speaker's part of a file's name decides, as the data set's authors publish it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.folders import find_folder
from imssa_sim.data.streamed import Read, sequences
from imssa_sim.data.wav import FULL_SCALE, read_wav
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import MelConfig
    from imssa_sim.data.log_mel import LogMel

RATE = 16_000
"""[Hz]"""
SYNTHETIC = "SYNTHETIC speech of eSpeak NG, "
"""Begins the description of recordings whose README.txt says that they are synthetic."""

SAMPLES = 16_000
"""Every sequence is one second; shorter recordings are followed by zeros."""

MEAN_DB, STD_DB = -30.0, 12.0
"""Near the mean and the deviation of the synthetic keywords' frames, which are -33 and 13 dB."""
SCALING = f"(dB + {-MEAN_DB:g}) / {STD_DB:g}"

_VALIDATION, _TESTING = "validation_list.txt", "testing_list.txt"
_SUBFOLDERS = (
    "speech_commands_v0.02", "speech_commands_v0.01", "SpeechCommands/speech_commands_v0.02",
    "speech_commands",
)  # fmt: skip
_SHARE = 10
"""Percent of the speakers in each of validation and test, where no lists say."""
_MOST = 2**27 - 1


@dataclass(frozen=True)
class WordFolders:
    """The recordings of a folder, and their parts.

    Attributes
    ----------
    folder : Path
    words : tuple of str
        Names of the folders, sorted; their places are the labels.
    paths : tuple of str
        Of all recordings, ``word/file``, sorted.
    labels, parts : int64 array (n,)
        A part is 0 (training), 1 (validation) or 2 (test).
    listed : bool
        Whether lists gave the parts; otherwise hashes.
    """

    folder: Path
    words: tuple[str, ...]
    paths: tuple[str, ...]
    labels: NDArray[np.int64]
    parts: NDArray[np.int64]
    listed: bool

    def contents(self) -> str:
        """Return a digest over names, sizes, and parts of all recordings, not their sound."""
        digest = hashlib.sha256()
        for path, part in zip(self.paths, self.parts, strict=True):
            digest.update(f"{path} {(self.folder / path).stat().st_size} {part}\n".encode())
        return digest.hexdigest()


def scan_words(name: str, path: Path | None) -> WordFolders:
    """Find the words, recordings and parts of a folder; no recording is opened.

    Raises
    ------
    MissingDataError
        There is no such folder.
    InputError
        Fewer than two words have recordings, a list names a file that is not there or a file is in
        both lists, or a part is empty.
    """
    folder = find_folder(name, path, _SUBFOLDERS, "[!_.]*/*.wav")
    found = {
        # Files that begin with a point are companions that some systems leave beside others.
        word.name: sorted(
            f"{word.name}/{file.name}" for file in word.glob("*.wav") if file.name[0] != "."
        )
        for word in sorted(folder.iterdir())
        if word.is_dir() and word.name[0] not in "_."
    }
    silent = [word for word, files in found.items() if not files]
    if silent:
        raise InputError(f"{folder}: the word {silent[0]} has no *.wav file; fill it or remove it")
    if len(found) < 2:
        raise InputError(f"{folder}: one word only; expected a folder of *.wav files per word")
    words = tuple(found)
    paths = tuple(path for files in found.values() for path in files)
    labels = np.repeat(np.arange(len(words)), [len(files) for files in found.values()])
    lists = [folder / file for file in (_VALIDATION, _TESTING)]
    absent = [file for file in lists if not file.is_file()]
    if len(absent) == 1:
        raise InputError(f"{absent[0]} is missing, though the other list is there")
    parts = (
        np.array([hashed_part(path) for path in paths], dtype=np.int64)
        if absent
        else _listed_parts(lists, paths)
    )
    for part, of in enumerate(("training", "validation", "test")):
        without = np.setdiff1d(np.arange(len(words)), labels[parts == part])
        if len(without) == len(words):
            raise InputError(f"{folder}: the {of} part is empty ({len(paths)} recordings)")
    return WordFolders(folder, words, paths, labels.astype(np.int64), parts, not absent)


def hashed_part(path: str) -> int:
    """Return the part (0, 1, 2) of a recording by the hash of its speaker.

    All files of one speaker, ``SPEAKER_nohash_NUMBER.wav``, share a part, and adding files never
    moves another one (the data set's README, "which_set").
    """
    speaker = re.sub(r"_nohash_.*$", "", Path(path).name)
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % (_MOST + 1)
    percentage = number * (100.0 / _MOST)
    if percentage < _SHARE:
        return 1
    return 2 if percentage < 2 * _SHARE else 0


def _listed_parts(lists: list[Path], paths: tuple[str, ...]) -> NDArray[np.int64]:
    place = {path: i for i, path in enumerate(paths)}
    parts = np.zeros(len(paths), dtype=np.int64)
    for part, file in enumerate(lists, start=1):
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{file}: cannot be read ({error})") from error
        for number, line in enumerate(lines, start=1):
            if not (text := line.strip()):
                continue
            if text not in place:
                raise InputError(
                    f"{file}:{number}: '{text}' is not among the recordings: no such file, or "
                    "no folder of that word"
                )
            if parts[place[text]] not in (0, part):
                raise InputError(f"{file}:{number}: '{text}' is in {lists[0].name} as well")
            parts[place[text]] = part
    return parts


def read_second(path: Path) -> NDArray[np.int16]:
    """Read a recording of up to one second and fill it up with zeros.

    Raises
    ------
    InputError
        As `imssa_sim.data.wav.read_wav`; or the recording is longer.
    """
    samples = read_wav(path, RATE)
    if len(samples) > SAMPLES:
        raise InputError(
            f"{path}: {len(samples)} samples, more than one second ({SAMPLES}); cut it first"
        )
    return np.pad(samples, (0, SAMPLES - len(samples)))


def log_mel_of(mel: MelConfig) -> LogMel:
    """Return the frames that a configuration describes, for sound of 16 kHz.

    Raises
    ------
    InputError
        The windows are no whole number of samples or do not overlap, the band edges are out of
        order, or bands are so narrow that no frequency of the transform falls into them.
    """
    from imssa_sim.data.log_mel import LogMel

    window, hop = mel.window * RATE, mel.hop * RATE
    for key, value in (("window", window), ("hop", hop)):
        if round(value) < 1 or abs(value - round(value)) > 1e-6:
            raise InputError(f"data.mel.{key} is {value:g} samples of 1/{RATE} s, no whole number")
    if not round(hop) <= round(window) <= SAMPLES:
        raise InputError("data.mel: hop must not exceed window, nor window one second")
    if not mel.low < mel.high <= RATE / 2:
        raise InputError(f"data.mel: low must be below high, and high at most {RATE // 2} Hz")
    found = LogMel(RATE, mel.bands, round(window), round(hop), mel.low, mel.high)
    if found.empty_bands:
        raise InputError(
            f"data.mel: {found.empty_bands} of {mel.bands} bands hold no frequency of a transform "
            f"of {found.points} points; take fewer bands or a longer window"
        )
    return found


def load_words(
    name: str, path: Path | None, features: str, mel: MelConfig, normalise: bool
) -> Dataset:
    """Load recordings of words, as raw sound or log-mel frames.

    Parameters
    ----------
    name : str
    path : Path or None
        Folder; None looks in ``$IMSSA_DATA`` and ``./data``.
    features : str
        ``raw``: (16000, 1), ``sample / 32768``; ``log_mel``: (frames, bands).
    mel : MelConfig
    normalise : bool
        Of log-mel frames: subtract `MEAN_DB` and divide by `STD_DB`; otherwise they are in
        decibels. Raw sound is not normalised.

    Raises
    ------
    InputError
        As `scan_words` and `read_second`, the latter possibly when sequences are used; or the mel
        bands are impossible.
    """
    found = scan_words(name, path)
    raw = features == "raw"
    frames = None if raw else log_mel_of(mel)
    shape = (SAMPLES, 1) if frames is None else (SAMPLES // frames.hop, frames.bands)
    read = _reader(found, frames, normalise)
    train, validation, test = (
        Split(sequences(read, places, shape), found.labels[places])
        for places in (np.flatnonzero(found.parts == part) for part in range(3))
    )
    if frames is None:
        stated = "sample / 32768"
    else:
        stated = (
            f"log-mel, {frames.bands} bands of {mel.low:g} to {mel.high:g} Hz, windows of "
            f"{1e3 * mel.window:g} ms every {1e3 * mel.hop:g} ms, whole dB"
        )
        stated += f", {SCALING}" if normalise else ""
    synthetic = _is_synthetic(found.folder)
    by = "its lists" if found.listed else "the hash of the speaker"
    return Dataset(
        name=name,
        train=train,
        validation=validation,
        test=test,
        classes=found.words,
        source=f"{SYNTHETIC if synthetic else ''}{len(found.paths)} recordings of "
        f"{len(found.words)} words in the layout of Speech Commands from a local folder, parts "
        f"by {by}",
        normalisation=stated,
        contents=f"{found.contents()} {stated}",
        synthetic=synthetic,
    )


def _is_synthetic(folder: Path) -> bool:
    """Return whether recordings are those of benchmarks/keywords/make_dataset.py."""
    readme = folder / "README.txt"
    return readme.is_file() and readme.read_bytes()[:9] == b"SYNTHETIC"


def _reader(found: WordFolders, frames: LogMel | None, normalise: bool) -> Read:
    def read(place: int) -> NDArray[np.float32]:
        sound = read_second(found.folder / found.paths[place]) / FULL_SCALE
        if frames is None:
            return sound[:, None].astype(np.float32)
        return scaled(frames.frames(sound), normalise)

    return read


def scaled(level: NDArray[np.int8], normalise: bool) -> NDArray[np.float32]:
    """Return frames [dB] as the network takes them."""
    if not normalise:
        return level.astype(np.float32)
    return (level.astype(np.float32) - np.float32(MEAN_DB)) / np.float32(STD_DB)
