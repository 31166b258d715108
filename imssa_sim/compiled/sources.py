"""Fingerprint of a function's source: its file and all files of the package that it imports.

Numba inlines what a compiled function calls, wherever it is written, so machine code is stale as
soon as any of these files changes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
_IMPORT = re.compile(
    rf"^\s*from\s+({PACKAGE.name}[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)", re.MULTILINE
)
_NAME = re.compile(r"\w+")


def _file_of(module: str, root: Path) -> Path | None:
    place = root.joinpath(*module.split(".")[1:])
    for file in (place.with_suffix(".py"), place / "__init__.py"):
        if file.is_file():
            return file
    return None


@lru_cache(maxsize=256)
def _imported(file: Path, root: Path) -> frozenset[Path]:
    """Files of the package that one file imports."""
    found = set()
    for module, names in _IMPORT.findall(file.read_text("utf-8")):
        for name in [module, *(f"{module}.{name}" for name in _NAME.findall(names))]:
            found.add(_file_of(name, root))
    return frozenset(path for path in found if path is not None)


def files_behind(file: Path, root: Path = PACKAGE) -> frozenset[Path]:
    """The file and all files of the package at ``root`` that it imports, directly or not."""
    known, new = {file}, {file}
    while new:
        new = {path for each in new for path in _imported(each, root)} - known
        known |= new
    return frozenset(known)


@lru_cache(maxsize=64)
def fingerprint(file: Path, root: Path = PACKAGE) -> str:
    """Digest of all that machine code of functions in ``file`` depends on."""
    digest = sha256()
    for path in sorted(files_behind(file, root)):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
