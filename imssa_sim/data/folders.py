"""Where a data set's files are."""

from __future__ import annotations

import os
from pathlib import Path

from imssa_sim.errors import InputError

VARIABLE = "IMSSA_DATA"


class MissingDataError(InputError):
    """The files of a data set are nowhere; a configured fallback may stand in."""


def find_folder(name: str, path: Path | None, subfolders: tuple[str, ...], sign: str) -> Path:
    """Return the folder that holds a data set.

    Parameters
    ----------
    name : str
        Name of the data set, for messages.
    path : Path or None
        Folder that the user gave. None looks in ``$IMSSA_DATA`` and in ``./data``.
    subfolders : tuple of str
        Folders below it that may hold the files instead, such as the one an archive unpacks to.
    sign : str
        Glob pattern of a file by which the data set is known.

    Raises
    ------
    MissingDataError
        No folder given or looked in exists, or holds such a file.
    InputError
        The folder that the user gave is a file.
    """
    if path is not None:
        if path.is_file():
            raise InputError(f"data.path {path} is a file; give the folder that holds {name}")
        bases = [path]
    else:
        variable = os.environ.get(VARIABLE)
        bases = [Path(variable).expanduser()] if variable else []
        bases.append(Path("data"))
    for base in bases:
        for folder in (base, *(base / sub for sub in subfolders)):
            if folder.is_dir() and next(folder.glob(sign), None) is not None:
                return folder
    if path is not None and not path.exists():
        raise MissingDataError(f"data.path {path} does not exist; {name} is looked for there")
    if path is not None:
        state = "is empty" if not any(path.iterdir()) else f"holds no file '{sign}'"
        raise MissingDataError(
            f"data.path {path} {state}; {name} is looked for there and in {', '.join(subfolders)}"
        )
    looked = " and ".join(str(base) for base in bases)
    raise MissingDataError(
        f"{name} is not at hand: looked in {looked} (with {', '.join(subfolders)}); set data.path "
        f"or ${VARIABLE} to its folder"
    )
