"""A run directory appears whole or not at all, and never replaces anything."""

from __future__ import annotations

import os
import re
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from imssa_sim.errors import InputError
from imssa_sim.file_lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

PARTIAL = ".partial"
"""Suffix of what is being written."""
OWNER = ".owner"
"""File that the process holds locked which writes the directory around it."""
PATIENCE = 60.0
"""Age [s] from which a directory without a lock's file is taken for left over."""
LONGEST = 80
"""Characters of a workload's name that enter the name of a folder."""


def folder_name(name: str) -> str:
    """Return a name as part of a folder's name: one that stays where it is put, on any system."""
    text = re.sub(r"[^\w.-]+", "_", name).strip("._")
    return text[:LONGEST] or "run"


def default_path(root: Path, workload: str, now: datetime) -> Path:
    """Return ``root/workload-YYYYmmdd-HHMMSS``; `RunDirectory` counts on where that is taken."""
    return root / f"{folder_name(workload)}-{now:%Y%m%d-%H%M%S}"


@contextmanager
def writing(folder: Path, left: str) -> Iterator[None]:
    """Turn what goes wrong while ``folder`` is written into bad input that names it.

    Parameters
    ----------
    folder : Path
    left : str
        What the user finds there afterwards, for the message.
    """
    try:
        yield
    except OSError as error:
        # Arrow gives the system's number and a text of its own.
        why = os.strerror(error.errno) if error.errno else error
        raise InputError(f"'{folder}' cannot be written: {why}; {left}") from error


class RunDirectory:
    """Context manager: files go to a hidden sibling that takes its final name at the end.

    Entering makes the sibling ``.NAME.partial``, which reserves the name, before any work is done.
    If the block raises (an interrupt too), the sibling is removed; what a killed process left
    behind is removed by the next one that writes beside it.

    Parameters
    ----------
    path : Path
        Final name.
    numbered : bool
        Where it is taken, try ``NAME-2``, ``NAME-3`` and so on; ``path`` tells which it was.

    Raises
    ------
    InputError
        If the directory exists already, is being written, or cannot be made.
    """

    def __init__(self, path: Path, numbered: bool = False) -> None:
        self.path = path
        self._numbered = numbered
        self._partial: Path | None = None
        self._made: list[Path] = []
        self._lock: FileLock | None = None

    def __enter__(self) -> Self:
        if not self._numbered and _taken(self.path):
            raise InputError(
                f"output folder '{self.path}' exists already: nothing is overwritten; "
                "choose another with -o, or remove it"
            )
        try:
            parent = self.path.absolute().parent
            self._make_parents(parent)
            remove_left_over(parent)
            self._reserve()
        except OSError as error:
            self._discard()
            raise InputError(
                f"output folder '{self.path}' cannot be made: {error.strerror or error}; "
                "choose another with -o"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        partial = self._partial
        if kind is not None or partial is None:
            self._discard()
            return
        if _taken(self.path):
            self._discard()
            raise InputError(
                f"output folder '{self.path}' appeared while the run was under way: "
                "nothing is overwritten; choose another with -o"
            )
        try:
            with writing(self.path, "nothing was kept"):
                self._let_go()
                (partial / OWNER).unlink(missing_ok=True)
                partial.rename(self.path)
        except BaseException:
            self._discard()
            raise

    def file(self, name: str) -> Path:
        """Return where to write the file ``name`` of this run."""
        if self._partial is None:
            raise RuntimeError("the run directory is not open")
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _reserve(self) -> None:
        """Make the hidden sibling of the first name that is free."""
        wanted, number = self.path, 1
        while True:
            partial = self.path.absolute().with_name(f".{self.path.name}{PARTIAL}")
            try:
                partial.mkdir()
            except FileExistsError:
                if not self._numbered:
                    raise InputError(
                        f"output folder '{self.path}' is being written by another run; "
                        "choose another with -o"
                    ) from None
            else:
                if not _taken(self.path):
                    break
                partial.rmdir()  # a run of this name ended just now
            number += 1
            self.path = wanted.with_name(f"{wanted.name}-{number}")
        self._partial = partial
        self._lock = FileLock(partial / OWNER)
        self._lock.acquire()

    def _make_parents(self, parent: Path) -> None:
        if not parent.exists():
            self._make_parents(parent.parent)
            parent.mkdir(exist_ok=True)
            self._made.append(parent)

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _discard(self) -> None:
        self._let_go()
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial = None
        for parent in reversed(self._made):
            try:
                parent.rmdir()
            except OSError:
                break


def remove_left_over(parent: Path) -> None:
    """Remove the hidden folders under ``parent`` whose writers are no longer alive."""
    for partial in parent.glob(f".*{PARTIAL}"):
        try:
            if partial.is_dir() and _dead(partial):
                shutil.rmtree(partial, ignore_errors=True)
        except OSError:
            continue  # another process was quicker, or the file system cannot tell


def _dead(partial: Path) -> bool:
    if not (partial / OWNER).exists():
        return time.time() - partial.stat().st_mtime > PATIENCE
    lock = FileLock(partial / OWNER)
    try:
        return lock.acquire()
    finally:
        lock.release()


def _taken(path: Path) -> bool:
    return path.exists() or path.is_symlink()
