"""Machine code of compiled loops on disk: one file for each function and types of arguments.

Numba's own cache looks at the file of the outermost function only, ends a run where no folder can
be written to, and where a file was cut off. Here a file is a checksum and what it covers: whatever
is not whole counts as not there, and what cannot be kept is compiled for each process.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
import numpy as np

from imssa_sim.compiled import private
from imssa_sim.compiled.notices import say
from imssa_sim.compiled.sources import fingerprint

SUFFIX = ".loop"
_CHECKSUM = sha256().digest_size


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


def _described(value: Any) -> str:
    """What a function took over from the function around it."""
    function = getattr(value, "py_func", value)
    if not callable(function) or isinstance(function, type):
        return repr(value)
    cells = getattr(function, "__closure__", None) or ()
    inside = ",".join(_described(cell.cell_contents) for cell in cells)
    return f"{function.__module__}.{function.__qualname__}({inside})"


class LoopCache(private.Cache):
    """The machine code of one function on disk, in the place where a dispatcher looks for it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.file = Path(function.__code__.co_filename)
        self.function = function
        self.name = f"{self.file.stem}.{function.__qualname__}".replace("<locals>.", "")
        self.enable()

    @property
    def cache_path(self) -> str | None:
        """The folder; None where nothing can be kept."""
        folder = cache_folder(self.file.parent)
        return None if folder is None else str(folder)

    def enable(self) -> None:
        """Look for machine code on disk, and keep it there."""
        self.enabled = True

    def disable(self) -> None:
        """Compile for this process alone."""
        self.enabled = False

    def flush(self) -> None:
        """Delete what is kept of this function."""
        folder = cache_folder(self.file.parent)
        for file in [] if folder is None else folder.glob(f"{self.name}-*{SUFFIX}"):
            file.unlink(missing_ok=True)

    def _place(self, signature: Any, context: Any) -> tuple[Path, str] | None:
        """The folder, and the beginning of the names of all versions of one piece of code."""
        folder = cache_folder(self.file.parent)
        if folder is None or not self.enabled:
            return None
        who = (
            signature, private.processor(context), private.options(), numba.__version__,
            np.__version__, sys.version_info[:2], _described(self.function),
        )  # fmt: skip
        return folder, f"{self.name}-{sha256(str(who).encode()).hexdigest()[:16]}-"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Machine code for these types of arguments; None if it must be compiled."""
        place = self._place(sig, target_context)
        if place is None:
            if self.enabled:
                say("unkept", _unkept("no folder can be written to"))
            return None
        folder, begin = place
        file = folder / f"{begin}{fingerprint(self.file)[:16]}{SUFFIX}"
        try:
            data = file.read_bytes()
            if data[:_CHECKSUM] != sha256(data[_CHECKSUM:]).digest():
                say("broken", f"{file} is broken: its loop is compiled anew")
                return None
            return private.unpacked(target_context, pickle.loads(data[_CHECKSUM:]))
        except FileNotFoundError:
            say("compiling", "compiling loops for this processor, once")
        except (pickle.UnpicklingError, AttributeError, ImportError, TypeError, ValueError):
            say("broken", f"{file} is of another installation: its loop is compiled anew")
        except OSError as error:
            say("unkept", _unkept(str(error)))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code, and delete what it replaces."""
        place, parts = self._place(sig, data.target_context), private.packed(data)
        if place is None or parts is None:
            return
        folder, begin = place
        content = pickle.dumps(parts, protocol=pickle.HIGHEST_PROTOCOL)
        try:
            self._write(folder, f"{begin}{fingerprint(self.file)[:16]}{SUFFIX}", content)
            for old in folder.glob(f"{begin}*{SUFFIX}"):
                if fingerprint(self.file)[:16] not in old.name:
                    old.unlink(missing_ok=True)
        except OSError as error:
            say("unkept", _unkept(str(error)))

    def _write(self, folder: Path, name: str, content: bytes) -> None:
        """Write a file that appears whole or not at all."""
        handle, temporary = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(sha256(content).digest() + content)
            os.replace(temporary, folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _unkept(why: str) -> str:
    return (
        f"compiled loops cannot be kept ({why}): every run compiles them anew; "
        "NUMBA_CACHE_DIR names a folder for them"
    )
