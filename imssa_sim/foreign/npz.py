"""Reads ``.npz`` files of plain arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError


def read_npz(path: Path, wanted: Callable[[list[str]], list[str]]) -> dict[str, NDArray[Any]]:
    """Return arrays of a file by name; the others stay on disk.

    Parameters
    ----------
    path : Path
    wanted : callable
        Returns the names to read, of all names.

    Raises
    ------
    InputError
        It is no such file, is truncated, or holds objects.
    """
    try:
        with path.open("rb") as handle:
            if not zipfile.is_zipfile(handle):
                raise InputError(f"{path}: not an .npz file of plain arrays, or truncated")
            handle.seek(0)
            with np.load(handle, allow_pickle=False) as file:
                return {name: file[name] for name in wanted(list(file.files))}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an .npz file of plain arrays ({error})") from error
