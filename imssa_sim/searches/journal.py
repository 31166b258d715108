"""The journal of a search: a file to which processes append, and which a kill cannot spoil."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from imssa_sim.file_lock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

_WAIT = 0.002
"""Between two tries to take the lock [s]."""
_BLOCK = 4096


def journal(path: Path) -> JournalStorage:
    """Return the storage that has its trials in a file."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_Lock(path)))


class _Lock(JournalFileOpenLock):
    """A lock that the operating system drops with its process; mends the file when it is taken.

    A process that is killed while it appends leaves a line without an end, to which the next one
    would append: nobody has read that line, so that it goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: Any = FileLock(path.with_name(f".{path.name}.lock"))

    def acquire(self) -> bool:
        """Take the lock, waiting for it."""
        while not self._lock.acquire():
            time.sleep(_WAIT)
        _mend(self._path)
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()


def _mend(path: Path) -> None:
    """Cut off what follows the last end of a line."""
    with path.open("r+b") as file:
        end = whole = file.seek(0, os.SEEK_END)
        while whole > 0:
            begin = max(0, whole - _BLOCK)
            file.seek(begin)
            found = file.read(whole - begin).rfind(b"\n")
            if found >= 0:
                whole = begin + found + 1
                break
            whole = begin
        if whole < end:
            file.truncate(whole)
