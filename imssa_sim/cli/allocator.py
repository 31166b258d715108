"""What the C library does with memory that is given back."""

from __future__ import annotations

import ctypes

# Numbers of options from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_FROM_SYSTEM = 1 << 30
"""Arrays from this size on [B] come from the system and go back to it."""
_HELD = (1 << 31) - 1
"""Memory [B] up to which what is free is kept; the largest number that the option takes."""


def keep_memory() -> bool:
    """Keep what arrays give back for those that follow, instead of returning it to the system.

    A run makes arrays of megabytes thousands of times over, and the system clears each page anew.
    For a process of our own alone: whoever imports the package decides for himself. False: the C
    library is not glibc, and nothing has changed.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    done = [set_option(_MMAP_THRESHOLD, _FROM_SYSTEM), set_option(_TRIM_THRESHOLD, _HELD)]
    return all(done)
