"""Twelve spoken keywords, synthesised by eSpeak NG, in the folder layout of Speech Commands.

    apt-get install espeak-ng
    python benchmarks/keywords/make_dataset.py FOLDER

The recordings are SYNTHETIC: a formant synthesiser speaks each word with many voices, accents,
speeds, pitches and sizes, at a random place of one second, in white, pink or brown noise 5 to 25 dB
below it.
No voice, and no family of voices that vary one setting, is in two of the three parts. Every choice
is a function of the seed and the file's name. FOLDER receives one folder per word with 16 kHz mono
16-bit WAV files, testing_list.txt, validation_list.txt, utterances.csv (how each file was made) and
README.txt. The folder must not exist; two minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

RATE = 16_000
WORDS = (
    "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "zero", "one",
)  # fmt: skip
# en-gb takes no variant in eSpeak NG 1.51 (it speaks the plain voice), en is the same accent.
ACCENTS = (
    "en", "en-us", "en-gb-scotland", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-gb-x-rp",
    "en-us-nyc",
)  # fmt: skip
_NAMES = {
    "train": (
        "f1 f2 f5 m1 m2 m4 m5 m7 Alex Alicia Andy AnxiousAndy Annie antonio belinda benjamin boris "
        "david Denis ed edward edward2 Gene Gene2 Henrique iven iven2 iven3 iven4 Jacky john "
        "klatt klatt2 klatt3 klatt4 klatt5 Lee linda Marco max michel miguel Michael pablo "
        "pedro RicishayMax RicishayMax2 RicishayMax3 rob robert steph steph2 steph3 shelby travis "
        "zac"
    ),
    "validation": "f3 m3 adam aunty Diogo Mario paul victor sandro grandpa",
    "test": (
        "f4 m6 m8 Andrea Hugo marcelo quincy norbert gustave Nguyen grandma anika Mike Tweaky"
    ),
}
VOICES = {part: names.split() for part, names in _NAMES.items()}
"""Variants of eSpeak NG; families (Andy and AnxiousAndy, iven…iven4, klatt…) are kept together."""
TAKES = {"train": 8, "validation": 4, "test": 3}
"""Of each word by each voice."""

SPEEDS = (110, 200)
"""[words per minute]"""
FASTEST = 450
"""The greatest speed of eSpeak NG."""
PITCHES = (20, 80)
"""Of eSpeak NG's scale from 0 to 99; 50 is a voice's own."""
SIZES = (0.88, 1.12)
"""Scale of the time axis after speaking, which shifts the formants as the size of a head does."""
SNR_DB = (5.0, 25.0)
"""Mean power of the word over that of the noise."""
LEVEL_DB = (-20.0, -3.0)
"""Largest magnitude of a recording against full scale."""
NOISES = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""Exponents a of the power density 1/f^a."""


@dataclass(frozen=True)
class Utterance:
    """How one file was made."""

    path: str
    part: str
    word: str
    voice: str
    accent: str
    speed: int
    pitch: int
    size: float
    noise: str
    snr_db: float
    level_db: float


def plan(seed: int) -> Iterator[tuple[Utterance, np.random.RandomState]]:
    """Yield every utterance with the generator of its remaining choices."""
    for part, voices in VOICES.items():
        for voice in voices:
            speaker = hashlib.sha1(voice.encode()).hexdigest()[:8]
            for word in WORDS:
                for take in range(TAKES[part]):
                    path = f"{word}/{speaker}_nohash_{take}.wav"
                    key = hashlib.sha256(f"{seed} {path}".encode()).digest()
                    # RandomState's streams are frozen (NEP 19).
                    random = np.random.RandomState(np.frombuffer(key, dtype="<u4"))
                    yield (
                        Utterance(
                            path=path,
                            part=part,
                            word=word,
                            voice=voice,
                            accent=ACCENTS[random.randint(len(ACCENTS))],
                            speed=int(random.randint(SPEEDS[0], SPEEDS[1] + 1)),
                            pitch=int(random.randint(PITCHES[0], PITCHES[1] + 1)),
                            size=round(float(random.uniform(*SIZES)), 3),
                            noise=tuple(NOISES)[random.randint(len(NOISES))],
                            snr_db=round(float(random.uniform(*SNR_DB)), 2),
                            level_db=round(float(random.uniform(*LEVEL_DB)), 2),
                        ),
                        random,
                    )


def speak_within(
    program: str, utterance: Utterance, seconds: float = 1.0
) -> tuple[Utterance, NDArray[np.float64]]:
    """Return the word, spoken faster where it would take too long: some voices drawl."""
    while True:
        word = speak(program, utterance)
        if len(word) <= seconds * RATE:
            return utterance, word
        if utterance.speed >= FASTEST:
            stop(f"{utterance.path}: '{utterance.word}' takes {len(word) / RATE:.2f} s")
        utterance = replace(utterance, speed=min(FASTEST, utterance.speed * 5 // 4))


def speak(program: str, utterance: Utterance) -> NDArray[np.float64]:
    """Return the word alone, at 16 kHz, without the silence around it."""
    command = [
        program, "-v", f"{utterance.accent}+{utterance.voice}", "-s", str(utterance.speed),
        "-p", str(utterance.pitch), "--stdout", utterance.word,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode or not done.stdout.startswith(b"RIFF"):
        stop(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace').strip()}")
    with wave.open(io.BytesIO(done.stdout)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    # A rate a little off stretches the sound: resampled by a ratio of small whole numbers.
    ratio = Fraction(RATE * utterance.size / rate).limit_denominator(500)
    word = resample_poly(samples, ratio.numerator, ratio.denominator)
    loud = np.flatnonzero(np.abs(word) > 0.01 * np.abs(word).max())
    return word[loud[0] : loud[-1] + 1]


def coloured_noise(exponent: float, random: np.random.RandomState) -> NDArray[np.float64]:
    """Return one second of Gaussian noise with power density 1/f^exponent, variance one."""
    spectrum = np.fft.rfft(random.standard_normal(RATE))
    frequency = np.fft.rfftfreq(RATE, 1 / RATE)
    # Below 20 Hz nothing is heard, and 1/f would grow beyond bounds.
    spectrum *= np.maximum(frequency, 20.0) ** (-exponent / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, RATE)
    return noise / noise.std()


def recording(
    word: NDArray[np.float64], utterance: Utterance, random: np.random.RandomState
) -> NDArray[np.int16]:
    """Put a word at a random place of one second of noise."""
    first = random.randint(RATE - len(word) + 1)
    power = np.mean(word**2)
    mixed = coloured_noise(NOISES[utterance.noise], random)
    mixed *= np.sqrt(power / 10 ** (utterance.snr_db / 10))
    mixed[first : first + len(word)] += word
    mixed *= 32767 * 10 ** (utterance.level_db / 20) / np.abs(mixed).max()
    return np.rint(mixed).astype(np.int16)


def check_voices(program: str) -> None:
    """Stop where a voice is unknown: eSpeak NG speaks another one instead without a word."""
    found: dict[bytes, str] = {}
    for part, voices in VOICES.items():
        for voice in (*voices, "no such variant"):
            done = subprocess.run(
                [program, "-v", f"en-us+{voice}", "--stdout", "seven zero"],
                capture_output=True, check=False,
            )  # fmt: skip
            twin = found.setdefault(done.stdout, voice)
            if twin != voice:
                stop(f"voice {voice} of the {part} part sounds exactly as {twin}: not installed?")


def write_wav(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def make(folder: Path, program: str, seed: int) -> list[Utterance]:
    """Synthesise the whole data set into a new folder."""
    folder.mkdir(parents=True)
    for word in WORDS:
        (folder / word).mkdir()
    made = []
    for planned, random in plan(seed):
        utterance, word = speak_within(program, planned)
        write_wav(folder / utterance.path, recording(word, utterance, random))
        made.append(utterance)
        if len(made) % 500 == 0:
            print(f"{len(made)} recordings", file=sys.stderr, flush=True)
    for part, name in (("test", "testing_list.txt"), ("validation", "validation_list.txt")):
        paths = sorted(u.path for u in made if u.part == part)
        (folder / name).write_text("\n".join(paths) + "\n", encoding="utf-8")
    with (folder / "utterances.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Utterance.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(u) for u in made)
    return made


def find_program() -> tuple[str, str]:
    """Return the program and its version, or stop."""
    program = shutil.which("espeak-ng")
    if program is None:
        stop(
            "espeak-ng is not installed; on Debian and Ubuntu: apt-get install espeak-ng. A run of "
            "workloads/keywords.yaml needs neither it nor this folder: its features come with the "
            "package."
        )
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"text-to-speech: (\S+)", told.stdout)
    return program, found.group(1) if found else "unknown"


def stop(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)


def main() -> None:
    """Make the data set from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.folder.exists():
        stop(f"{given.folder} exists already; name a new folder")
    program, version = find_program()
    check_voices(program)
    made = make(given.folder, program, given.seed)
    counts = {part: sum(u.part == part for u in made) for part in VOICES}
    text = (
        "SYNTHETIC keywords, in the folder layout of Speech Commands; no person was recorded.\n"
        f"Spoken by eSpeak NG {version}, seed {given.seed}; "
        f"{len(WORDS)} words, {sum(map(len, VOICES.values()))} voices, "
        + ", ".join(f"{count} {part}" for part, count in counts.items())
        + ".\nMade by benchmarks/keywords/make_dataset.py of imssa_sim; utterances.csv says how.\n"
    )
    (given.folder / "README.txt").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
