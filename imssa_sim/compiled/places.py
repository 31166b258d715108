"""Where machine code is kept. Imports no Numba: a command asks before it needs any."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from imssa_sim.compiled.sources import fingerprint

SUFFIX = ".loop"


def _candidates(folder: Path) -> Iterator[Path]:
    """Where machine code of functions in a folder may be kept, the best place first."""
    given = os.environ.get("NUMBA_CACHE_DIR", "")
    apart = f"{folder.name}_{sha256(str(folder).encode()).hexdigest()[:16]}"
    if given:
        yield Path(given) / apart
        return
    yield folder / "__pycache__"
    with suppress(RuntimeError):  # no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imssa_sim" / apart


@lru_cache(maxsize=32)
def cache_folder(folder: Path) -> Path | None:
    """Where machine code of functions in a folder is kept; None if nowhere can be written to."""
    for candidate in _candidates(folder):
        with suppress(OSError):
            candidate.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=candidate).close()
            return candidate
    return None


def ending(file: Path) -> str:
    """End of the name of what is kept of a function in ``file`` as it is now."""
    return f"-{fingerprint(file)[:16]}{SUFFIX}"


def is_kept(file: Path, name: str) -> bool:
    """Whether machine code of a function is kept, for any types of arguments."""
    folder = cache_folder(file.parent)
    return folder is not None and any(folder.glob(f"{file.stem}.{name}-*{ending(file)}"))
