"""A lock on a file that ends with the process that holds it, however that process ends."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


class FileLock:
    """Exclusive lock of one file, which is made if it is not there.

    The operating system holds the lock and drops it when the process is gone, after ``kill -9``
    too: a lock that can be taken has no living owner. It says nothing where the file system knows
    no locks.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock; return whether it is now held here, False if another process has it.

        Raises
        ------
        OSError
            If the file cannot be opened, or the file system cannot lock.
        """
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file)
            # Another process may have removed the file between the two calls above.
            here = os.stat(self.path)
            same = os.path.samestat(os.fstat(file), here)
        except OSError as error:
            os.close(file)
            if error.errno in _HELD or isinstance(error, FileNotFoundError):
                return False
            raise
        if not same:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock back; the file stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


if sys.platform == "win32":
    import msvcrt

    _FAR = 0x7FFFFFFE  # beyond any content: a locked byte of Windows cannot be read by others

    def _lock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
