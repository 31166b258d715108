"""Machine code of compiled loops on disk: one file for each function and types of arguments.

Numba's own cache looks at the file of the outermost function only, ends a run where no folder can
be written to, and where a file was cut off. Here a file is a checksum and what it covers: whatever
is not whole counts as not there, and what cannot be kept is compiled for each process.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba
import numpy as np

from imssa_sim.compiled import ahead, private
from imssa_sim.compiled.notices import say
from imssa_sim.compiled.places import SUFFIX, cache_folder, ending

_CHECKSUM = sha256().digest_size


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
        return folder, f"{self.name}-{sha256(str(who).encode()).hexdigest()[:16]}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Machine code for these types of arguments; None if it must be compiled."""
        found = self._load(sig, target_context)
        if found is None and ahead.wait_for(self.name):
            found = self._load(sig, target_context)
        return found

    def _load(self, sig: Any, target_context: Any) -> Any:
        place = self._place(sig, target_context)
        if place is None:
            if self.enabled:
                say("unkept", _unkept("no folder can be written to"))
            return None
        folder, begin = place
        file = folder / f"{begin}{ending(self.file)}"
        try:
            data = file.read_bytes()
            if data[:_CHECKSUM] != sha256(data[_CHECKSUM:]).digest():
                say("broken", f"{file} is broken: its loop is compiled anew")
                return None
            return private.unpacked(target_context, pickle.loads(data[_CHECKSUM:]))
        except FileNotFoundError:
            say("compiling", ahead.COMPILING)
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
            self._write(folder, f"{begin}{ending(self.file)}", content)
            for old in folder.glob(f"{begin}-*{SUFFIX}"):
                if not old.name.endswith(ending(self.file)):
                    old.unlink(missing_ok=True)
        except OSError as error:
            say("unkept", _unkept(str(error)))

    def _write(self, folder: Path, name: str, content: bytes) -> None:
        """Write a file that appears whole or not at all."""
        temporary = folder / f".{uuid4().hex}"
        try:
            temporary.write_bytes(sha256(content).digest() + content)
            os.replace(temporary, folder / name)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _unkept(why: str) -> str:
    return (
        f"compiled loops cannot be kept ({why}): every run compiles them anew; "
        "NUMBA_CACHE_DIR names a folder for them"
    )
