"""A run directory appears whole or not at all, and never replaces anything."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType


def default_path(root: Path, workload: str, now: datetime) -> Path:
    """Return a directory under ``root`` that does not exist yet: ``workload-YYYYmmdd-HHMMSS``."""
    stem = f"{workload}-{now:%Y%m%d-%H%M%S}"
    path = root / stem
    number = 2
    while path.exists():
        path = root / f"{stem}-{number}"
        number += 1
    return path


class RunDirectory:
    """Context manager: files go to a hidden sibling that takes its final name at the end.

    Entering checks that the final name is free and that its parent can be written, before any
    work is done. If the block raises (an interrupt too), the sibling is removed.

    Raises
    ------
    InputError
        If the directory exists already or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial: Path | None = None
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        if self.path.exists() or self.path.is_symlink():
            raise InputError(
                f"output folder '{self.path}' exists already: nothing is overwritten; "
                "choose another with -o, or remove it"
            )
        try:
            self._make_parents(self.path.absolute().parent)
            self._partial = Path(
                tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.absolute().parent)
            )
            self._partial.chmod(0o777 & ~_umask())
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
        if kind is not None:
            self._discard()
            return
        if self._partial is not None:
            if self.path.exists():
                self._discard()
                raise InputError(
                    f"output folder '{self.path}' appeared while the run was under way: "
                    "nothing is overwritten; choose another with -o"
                )
            self._partial.rename(self.path)

    def file(self, name: str) -> Path:
        """Return where to write the file ``name`` of this run."""
        if self._partial is None:
            raise RuntimeError("the run directory is not open")
        path = self._partial / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _make_parents(self, parent: Path) -> None:
        if not parent.exists():
            self._make_parents(parent.parent)
            parent.mkdir(exist_ok=True)
            self._made.append(parent)

    def _discard(self) -> None:
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial = None
        for parent in reversed(self._made):
            try:
                parent.rmdir()
            except OSError:
                break


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
