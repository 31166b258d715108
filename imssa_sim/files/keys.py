"""Keys of a file that has no schema of its own, and what each takes."""

from __future__ import annotations

from typing import NamedTuple


class FileKey(NamedTuple):
    """What a key of a sweep or search file takes, in Markdown; its reference is made from these."""

    takes: str
    default: str
