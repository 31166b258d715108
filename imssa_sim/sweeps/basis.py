"""What the result of a point depends on, so that a stored result can be told to be out of date."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imssa_sim
from imssa_sim.config.cards import cards_used
from imssa_sim.config.dump import plain
from imssa_sim.config.fields import FileReference
from imssa_sim.config.load import leaves
from imssa_sim.config.schema import RunConfig
from imssa_sim.config.walk import field_at, marks
from imssa_sim.data import resolve_dataset
from imssa_sim.errors import ImssaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.config.load import LoadedConfig
    from imssa_sim.config.schema import RunConfig

Basis = dict[str, Any]
"""Settings by dotted path, and by name the fingerprints of files, data and code."""

_ABOVE = ("cli", "report", "training")
"""Packages that no result passes through: nothing below imports them (decision 0001)."""
_LIBRARIES = ("numpy", "numba", "scipy", "scikit-learn")


class Bases:
    """Bases of many points; each data set and each file is read once.

    Data sets are read whole, because only their contents tell whether they are the same.
    """

    def __init__(self) -> None:
        self._data: dict[str, str] = {}
        self._files: dict[Path, str] = {}

    def of(self, loaded: LoadedConfig) -> Basis:
        """Return what the result of a configuration depends on."""
        config = loaded.config
        basis: Basis = dict(_flat(plain(config)))
        found: dict[str, list[str]] = {}
        cards = {card.path: card.name for card in cards_used(config).values()}
        for path, name in cards.items():
            found.setdefault(f"card {name}", []).append(self._file(path))
        for kind, path in _files(config):
            found.setdefault(f"{kind} {path.name}", []).append(self._file(path))
        basis |= {name: " ".join(digests) for name, digests in found.items()}
        basis["data"] = self._contents(config)
        basis["imssa_sim"] = f"{imssa_sim.__version__} {_sources()}"
        for name in _LIBRARIES:
            basis[name] = _version(name)
        return basis

    def _file(self, path: Path) -> str:
        if path not in self._files:
            try:
                content = path.read_bytes()
            except OSError as error:  # the point itself will say so, and fail
                content = str(error).encode()
            self._files[path] = _digest(content)
        return self._files[path]

    def _contents(self, config: RunConfig) -> str:
        data, outputs = config.data, config.model.outputs
        key = f"{data.model_dump_json()} {outputs}"
        if key not in self._data:
            try:
                dataset = resolve_dataset(data, outputs).dataset
                self._data[key] = f"{dataset.name} {dataset.fingerprint[:16]}"
            except ImssaError as error:
                self._data[key] = f"unusable: {error}"
        return self._data[key]


def changes(old: Basis, new: Basis) -> tuple[str, ...]:
    """Return in words what makes two bases differ, nothing if they are the same.

    Settings are shown with both values, files and code by their names.
    """
    found = []
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if key in old and key in new and before == after:
            continue
        if key == "data" or " " in key:
            found.append(f"{key} (its contents)" if key in old and key in new else key)
        elif key == "imssa_sim":
            found.append("the package imssa_sim")
        else:
            found.append(f"{key} ({_shown(before)} → {_shown(after)})")
    return tuple(found)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_version = cache(version)
"""Of a library; one that is imported stays the same."""


@cache
def _sources() -> str:
    """Return a fingerprint of the package's code, but for what no result passes through."""
    root = Path(imssa_sim.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in _ABOVE:
            digest.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _files(config: RunConfig) -> Iterator[tuple[str, Path]]:
    """Yield what each file that a configuration names is, and its path; data sets aside."""
    for path in leaves(config):
        value: Any = config
        for part in path:
            value = getattr(value, str(part))
        named = any(isinstance(mark, FileReference) for mark in marks(field_at(RunConfig, path)))
        if named and isinstance(value, Path) and path != ("data", "path"):
            yield ("checkpoint" if str(path[-1]).endswith("checkpoint") else "file"), value


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.loads(json.dumps(value, default=str))
