"""Synthetic keywords: log-mel frames that ship with the package, or a folder of recordings.

Twelve words spoken by eSpeak NG (benchmarks/keywords/make_dataset.py), no person was recorded. The
shipped file (benchmarks/keywords/pack_features.py) has the whole test part and, for calibration,
some recordings of each word from the training part; training needs the folder.
"""

from __future__ import annotations

import json
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.speech_commands import SYNTHETIC, load_words, log_mel_of, scaled
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import MelConfig

SHIPPED = Path(__file__).with_name("keywords.npz")


def load_keywords(
    name: str, path: Path | None, features: str, mel: MelConfig, normalise: bool
) -> Dataset:
    """Load the synthetic keywords.

    Parameters
    ----------
    name : str
    path : Path or None
        Folder that make_dataset.py filled; None: the shipped features.
    features, mel, normalise
        As `imssa_sim.data.speech_commands.load_words`. The shipped features are log-mel frames of
        the default settings.

    Raises
    ------
    InputError
        As `imssa_sim.data.speech_commands.load_words`; or features are wanted that are not shipped;
        or the shipped file is damaged.
    """
    if path is not None:
        return load_words(name, path, features, mel, normalise)
    frames, labels, about = read_shipped(SHIPPED)
    wanted = None if features == "raw" else vars(log_mel_of(mel))
    if wanted is None or any(wanted[key] != about["log_mel"][key] for key in about["log_mel"]):
        raise InputError(
            f"{name} come with the package as log-mel frames of the default data.mel only; for "
            "others, make the recordings (benchmarks/keywords/make_dataset.py) and name their "
            "folder as data.path"
        )
    parts = {
        part: Split(scaled(frames[part], normalise), labels[part].astype(np.int64))
        for part in frames
    }
    counts = ", ".join(f"{len(part)} {of}" for of, part in parts.items())
    return Dataset(
        name=name,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        classes=tuple(about["words"]),
        source=f"{SYNTHETIC}{len(about['words'])} words; features that come with the package "
        f"({counts})",
        normalisation=about["normalisation"] if normalise else "log-mel, whole dB",
        synthetic=True,
    )


def read_shipped(
    path: Path,
) -> tuple[dict[str, NDArray[np.int8]], dict[str, NDArray[np.int64]], dict[str, Any]]:
    """Read the file that pack_features.py wrote: frames [dB] and labels by part, and metadata.

    Raises
    ------
    InputError
        The file is absent or damaged.
    """
    try:
        # Opened here, because np.load leaves the file open where it is no archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            about = json.loads(bytes(file["about"]))
            frames = {part: file[f"{part}_frames"] for part in ("train", "validation", "test")}
            labels = {part: file[f"{part}_labels"] for part in frames}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, LZMAError) as error:
        raise InputError(f"{path}: damaged, install the package again ({error})") from error
    return frames, labels, about
