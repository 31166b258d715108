"""What tells that a file is no longer the one that was read."""

from __future__ import annotations

import os
from pathlib import Path

Stamp = tuple[int, int, int, int]


def stamp(path: Path) -> Stamp:
    """Return times of modification and of change [ns], size [bytes] and number of a file.

    The time of change belongs to the system, so a file that is written again with its old date
    and size has another stamp too. Zeros where there is no file.
    """
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0, 0
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
