"""The features of the synthetic keywords that ship with the package, from a folder of recordings.

    python benchmarks/keywords/make_dataset.py FOLDER
    python benchmarks/keywords/pack_features.py FOLDER

Takes log-mel frames of the default settings (imssa_sim.data.log_mel, whole decibels in one byte) of
the whole test part and of some recordings of the training and validation parts, the same number of
each word, evenly spread over the voices, and writes imssa_sim/data/keywords.npz.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from imssa_sim.config.schema import MelConfig
from imssa_sim.data.keywords import SHIPPED
from imssa_sim.data.speech_commands import (
    SCALING,
    SYNTHETIC,
    load_words,
    log_mel_of,
    scan_words,
)

KEPT = {"train": 24, "validation": 8}
"""Recordings of each word; of the test part all."""


def spread(labels: np.ndarray, count: int) -> np.ndarray:
    """Return places of ``count`` sequences of each class, evenly spread."""
    found = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        found.append(places[np.linspace(0, len(places) - 1, count).round().astype(int)])
    return np.sort(np.concatenate(found))


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=SHIPPED)
    given = parser.parse_args()
    mel = MelConfig()
    data = load_words("keywords", given.folder, "log_mel", mel, normalise=False)
    arrays: dict[str, np.ndarray] = {}
    for part in ("train", "validation", "test"):
        split = getattr(data, part)
        count = KEPT.get(part)
        chosen = np.arange(len(split)) if count is None else spread(split.labels, count)
        arrays[f"{part}_frames"] = np.asarray(split.inputs[chosen]).astype(np.int8)
        arrays[f"{part}_labels"] = split.labels[chosen].astype(np.int8)
    about = {
        "what": SYNTHETIC + "no person was recorded",
        "made": (given.folder / "README.txt").read_text(encoding="utf-8").splitlines()[1],
        "by": "benchmarks/keywords/make_dataset.py and pack_features.py",
        "recordings": scan_words("keywords", given.folder).contents(),
        "words": list(data.classes),
        "log_mel": asdict(log_mel_of(mel)),
        "unit": "dB, one byte",
        "normalisation": f"{data.normalisation}, {SCALING}",
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    # np.savez stamps the time of writing; the same features shall give the same bytes.
    with zipfile.ZipFile(given.output, "w", zipfile.ZIP_LZMA) as file:
        for name, array in arrays.items():
            stamp = zipfile.ZipInfo(f"{name}.npy", (2025, 1, 1, 0, 0, 0))
            stamp.compress_type = zipfile.ZIP_LZMA
            with file.open(stamp, "w") as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array))
    print(f"{given.output}: {given.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
