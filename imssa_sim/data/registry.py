"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from imssa_sim.data.dataset import Dataset
from imssa_sim.data.digits import load_digits
from imssa_sim.errors import InputError, nearest

Loader = Callable[[Path | None, bool], Dataset]


def _bundled_digits(name: str, side: int, path: Path | None, normalise: bool) -> Dataset:
    """Digits come with scikit-learn, so a folder has no part in it."""
    return load_digits(name, side, normalise)


_LOADERS: dict[str, Loader] = {
    "sdigits": partial(_bundled_digits, "sdigits", 8),
    "digits32": partial(_bundled_digits, "digits32", 32),
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
        The name is unknown, or the folder is missing, incomplete or corrupt.
    """
    loader = _LOADERS.get(name)
    if loader is None:
        close = nearest(name, dataset_names())
        hint = f"; did you mean '{close}'?" if close else ""
        raise InputError(f"unknown data set '{name}'{hint} (one of {', '.join(dataset_names())})")
    return loader(path, normalise)
