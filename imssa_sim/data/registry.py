"""Data sets by name, and the one that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from imssa_sim.config.schema import DataConfig
from imssa_sim.data import cifar10, heidelberg
from imssa_sim.data.arrays import load_arrays
from imssa_sim.data.cifar10 import load_cifar10
from imssa_sim.data.dataset import Dataset, check_classes
from imssa_sim.data.digits import load_digits
from imssa_sim.data.folders import MissingDataError
from imssa_sim.data.heidelberg import load_heidelberg
from imssa_sim.data.keywords import load_keywords
from imssa_sim.data.mnist import load_mnist
from imssa_sim.data.speech_commands import load_words
from imssa_sim.data.time_series import load_series, load_shipped
from imssa_sim.errors import InputError
from imssa_sim.registry import Registry, unknown


@dataclass(frozen=True)
class DataSource:
    """A data set: its description for ``list data``, and its loader.

    A loader takes the folder, None for the usual places, and the settings; it ignores those that
    have no meaning for its data. ``steps`` of every sequence and names of the ``classes``: where
    they are known without reading any. ``load_targets`` loads the data with labels that are values,
    so many for each target; None where the data have classes alone. Other packages add theirs in
    the entry point group ``imssa_sim.data``, under the name of the data set.
    """

    description: str
    load: Callable[[Path | None, DataConfig], Dataset]
    steps: int | None = None
    classes: tuple[str, ...] | None = None
    load_targets: Callable[[Path | None, DataConfig, int], Dataset] | None = None


def _digits(name: str, side: int, path: Path | None, config: DataConfig) -> Dataset:
    return load_digits(name, side, config.normalise is not False)


def _cifar10(name: str, colour: bool, path: Path | None, config: DataConfig) -> Dataset:
    return load_cifar10(name, colour, path, config.normalise is not False)


def _keywords(path: Path | None, config: DataConfig) -> Dataset:
    features = "log_mel" if config.features == "auto" else config.features
    return load_keywords("keywords", path, features, config.mel, config.normalise is not False)


def _speech_commands(path: Path | None, config: DataConfig) -> Dataset:
    features = "raw" if config.features == "auto" else config.features
    return load_words("speech_commands", path, features, config.mel, config.normalise is not False)


def _mnist(name: str, permuted: bool, path: Path | None, config: DataConfig) -> Dataset:
    return load_mnist(name, permuted, path, config.normalise is not False)


def _heidelberg(path: Path | None, config: DataConfig) -> Dataset:
    return load_heidelberg("shd", path, config.spikes)


def _arrays(path: Path | None, config: DataConfig) -> Dataset:
    return load_arrays(path, config.normalise is True, masked=config.padding == "masked")


def _targets(path: Path | None, config: DataConfig, outputs: int) -> Dataset:
    masked = config.padding == "masked"
    return load_arrays(path, config.normalise is True, outputs=outputs, masked=masked)


def _series(path: Path | None, config: DataConfig) -> Dataset:
    masked = config.padding == "masked"
    return load_series(path, config.normalise is not False, masked=masked)


def _series_targets(path: Path | None, config: DataConfig, outputs: int) -> Dataset:
    masked = config.padding == "masked"
    return load_series(path, config.normalise is not False, masked=masked, outputs=outputs)


def _shipped(name: str, problem: str, path: Path | None, config: DataConfig) -> Dataset:
    masked = config.padding == "masked"
    return load_shipped(name, problem, path, config.normalise is not False, masked)


_DIGITS = tuple(str(digit) for digit in range(10))
_OWN = {
    "sdigits": DataSource(
        "8x8 handwritten digits, 64 steps; bundled",
        partial(_digits, "sdigits", 8),
        64,
        _DIGITS,
    ),
    "digits32": DataSource(
        "handwritten digits as 32x32, 1,024 steps; bundled",
        partial(_digits, "digits32", 32),
        1024,
        _DIGITS,
    ),
    "cifar10": DataSource(
        "CIFAR-10, grey, 1,024 steps; a local folder",
        partial(_cifar10, "cifar10", False),
        1024,
        cifar10.CLASSES,
    ),
    "cifar10_rgb": DataSource(
        "CIFAR-10, colour, 1,024 steps; a local folder",
        partial(_cifar10, "cifar10_rgb", True),
        1024,
        cifar10.CLASSES,
    ),
    "smnist": DataSource(
        "MNIST row by row, 784 steps; a local folder",
        partial(_mnist, "smnist", False),
        784,
        _DIGITS,
    ),
    "psmnist": DataSource(
        "MNIST in a fixed random order, 784 steps; a local folder",
        partial(_mnist, "psmnist", True),
        784,
        _DIGITS,
    ),
    "shd": DataSource(
        "Spiking Heidelberg Digits, counted in frames; a local folder",
        _heidelberg,
        classes=heidelberg.CLASSES,
    ),
    "keywords": DataSource("12 words, SYNTHETIC, 100 log-mel frames; test part bundled", _keywords),
    "speech_commands": DataSource(
        "spoken words, 16,000 samples or log-mel frames; a local folder", _speech_commands
    ),
    "arrays": DataSource(
        "your own: x_train, y_train, … in an .npz or a folder of .npy",
        _arrays,
        load_targets=_targets,
    ),
    "ts": DataSource(
        "your own: a pair of UCR/UEA files, NAME_TRAIN.ts and NAME_TEST.ts",
        _series,
        load_targets=_series_targets,
    ),
    "japanese_vowels": DataSource(
        "nine speakers' vowels, 12 cepstra, 7 to 29 steps; in aeon (extra data)",
        partial(_shipped, "japanese_vowels", "JapaneseVowels"),
    ),
    "acsf1": DataSource(
        "power of ten home appliances, 1,460 steps; in aeon (extra data)",
        partial(_shipped, "acsf1", "ACSF1"),
    ),
    "osu_leaf": DataSource(
        "outlines of six kinds of leaves, 427 steps; in aeon (extra data)",
        partial(_shipped, "osu_leaf", "OSULeaf"),
    ),
    "basic_motions": DataSource(
        "four motions of a watch, 6 features, 100 steps; in aeon (extra data)",
        partial(_shipped, "basic_motions", "BasicMotions"),
    ),
}
DATASETS: Registry[DataSource] = Registry("data set", "imssa_sim.data", _OWN)


def dataset_names() -> tuple[str, ...]:
    """Return the names of all data sets, sorted."""
    return tuple(sorted(DATASETS))


def check_dataset_name(name: str) -> None:
    """Refuse the name of a data set that is not there, with the nearest one.

    Raises
    ------
    InputError
    """
    if name not in DATASETS:
        raise unknown("data set", name, dataset_names())


def check_class_names(config: DataConfig) -> None:
    """Refuse classes that a data set, or its fallback, lacks, as far as no data need be read.

    Raises
    ------
    InputError
    """
    for name in (config.name, config.fallback):
        known = None if name is None else DATASETS[name].classes
        if name is not None and known is not None and config.classes is not None:
            check_classes(name, config.classes, known)


def check_targets(name: str) -> None:
    """Refuse a data set that has classes alone, where values are wanted.

    Raises
    ------
    InputError
    """
    if DATASETS[name].load_targets is None:
        able = ", ".join(other for other in dataset_names() if DATASETS[other].load_targets)
        raise InputError(
            f"model.task is regression, but the labels of {name} are classes; give data with "
            f"values (data.name: {able}), or task: classification"
        )


def dataset_description(name: str) -> str:
    """Return what a data set of `dataset_names` is, in some words."""
    return DATASETS[name].description


def known_steps(name: str) -> int | None:
    """Return the steps of a data set's sequences; None if only the data tell."""
    return DATASETS[name].steps


def load_dataset(
    name: str,
    path: Path | None = None,
    normalise: bool | Literal["auto"] = "auto",
    settings: DataConfig | None = None,
    outputs: int | None = None,
) -> Dataset:
    """Load a data set with its fixed split.

    Parameters
    ----------
    name : str
        One of `dataset_names`.
    path : Path or None
        Folder of the data; None looks in ``$IMSSA_DATA`` and ``./data``.
    normalise : bool or "auto"
        Normalise the values; auto: as is usual for this data set, ``arrays`` not, others as the
        field does.
    settings : DataConfig or None
        What else a configuration says of features; its name, path and ``normalise`` do not count.
        None: the defaults.
    outputs : int or None
        Values of a target, of regression; None: labels are classes.

    Raises
    ------
    InputError
        The name is unknown, it has classes where values are wanted, or the folder is missing
        (`MissingDataError`), incomplete or corrupt.
    """
    given = DataConfig(name=name) if settings is None else settings
    given = given.model_copy(update={"normalise": normalise})
    if outputs is None:
        return DATASETS[name].load(path, given)
    check_targets(name)
    load = DATASETS[name].load_targets
    assert load is not None  # checked
    return load(path, given, outputs)


@dataclass(frozen=True)
class ResolvedData:
    """The data set that is used.

    Attributes
    ----------
    dataset : Dataset
    fallback : bool
        Whether it is the configured fallback, because the wanted one is not at hand.
    note : str
        Why the fallback is used, for the user; otherwise empty.
    """

    dataset: Dataset
    fallback: bool = False
    note: str = ""


def resolve_dataset(config: DataConfig, outputs: int | None = None) -> ResolvedData:
    """Load the data set of a configuration, or its fallback where the files are nowhere.

    Files that are there but incomplete or corrupt are an error, never a reason to fall back, and
    so is a folder that the user named and that does not hold them. ``outputs`` as for
    `load_dataset`.

    Raises
    ------
    InputError
        As `load_dataset`; or a class in ``config.classes`` is not in the data set.
    """
    path = None if config.path == "auto" else Path(config.path)
    note = ""
    try:
        dataset = load_dataset(config.name, path, config.normalise, config, outputs)
    except MissingDataError as error:
        if config.fallback is None or config.path != "auto":
            raise
        dataset = load_dataset(config.fallback, None, config.normalise, config, outputs)
        note = f"using {config.fallback} instead: {error}"
    if config.classes is not None:
        dataset = dataset.only(config.classes)
    return ResolvedData(dataset, bool(note), note)
