"""Data sets by name, and the one that a configuration asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imssa_sim.config.schema import DataConfig
from imssa_sim.data.cifar10 import load_cifar10
from imssa_sim.data.dataset import Dataset
from imssa_sim.data.digits import load_digits
from imssa_sim.data.folders import MissingDataError
from imssa_sim.errors import InputError, nearest

Loader = Callable[[Path | None, bool], Dataset]


def _bundled_digits(name: str, side: int, path: Path | None, normalise: bool) -> Dataset:
    """Digits come with scikit-learn, so a folder has no part in it."""
    return load_digits(name, side, normalise)


_LOADERS: dict[str, Loader] = {
    "sdigits": partial(_bundled_digits, "sdigits", 8),
    "digits32": partial(_bundled_digits, "digits32", 32),
    "cifar10": partial(load_cifar10, "cifar10", False),
    "cifar10_rgb": partial(load_cifar10, "cifar10_rgb", True),
}


def dataset_names() -> tuple[str, ...]:
    """Return the names of all data sets, sorted."""
    return tuple(sorted(_LOADERS))


def load_dataset(name: str, path: Path | None = None, normalise: bool = True) -> Dataset:
    """Load a data set with its fixed, stratified split.

    Parameters
    ----------
    name : str
        One of `dataset_names`.
    path : Path or None
        Folder of the data; None looks in ``$IMSSA_DATA`` and ``./data``.
    normalise : bool
        Normalise the values as the field does for this data set; otherwise they lie in 0…1.

    Raises
    ------
    InputError
        The name is unknown, or the folder is missing (`MissingDataError`), incomplete or corrupt.
    """
    loader = _LOADERS.get(name)
    if loader is None:
        close = nearest(name, dataset_names())
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown data set '{name}'{hint} (one of {', '.join(dataset_names())})")
    return loader(path, normalise)


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


def resolve_dataset(config: DataConfig) -> ResolvedData:
    """Load the data set of a configuration, or its fallback where the files are nowhere.

    Files that are there but incomplete or corrupt are an error, never a reason to fall back, and
    so is a folder that the user named and that does not hold them.

    Raises
    ------
    InputError
        As `load_dataset`; or a class in ``config.classes`` is not in the data set.
    """
    path = None if config.path == "auto" else Path(config.path)
    note = ""
    try:
        dataset = load_dataset(config.name, path, config.normalise)
    except MissingDataError as error:
        if config.fallback is None or config.path != "auto":
            raise
        dataset = load_dataset(config.fallback, None, config.normalise)
        note = f"using {config.fallback} instead: {error}"
    if config.classes is not None:
        dataset = dataset.only(config.classes)
    return ResolvedData(dataset, bool(note), note)
