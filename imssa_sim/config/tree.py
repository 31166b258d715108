"""The raw values of a workload file with overrides on top, and where each of them stands.

`Tree.rest_on_base` lays the hardware section over the one that it names as its base.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from imssa_sim.config.base import SECTION, Base, laid_over, read_base
from imssa_sim.config.fields import (
    BaseReference,
    CardReference,
    FileReference,
    check_base,
    check_file,
    resolve_path,
)
from imssa_sim.config.overrides import Override
from imssa_sim.config.schema import RunConfig, expand_bits
from imssa_sim.config.walk import Place, field_at, marks, section_of
from imssa_sim.errors import ConfigError, Problem
from imssa_sim.files import locate
from imssa_sim.files.source import Document, KeyPath, Position, dotted


@dataclass(frozen=True)
class Origin:
    """Where a value comes from.

    Attributes
    ----------
    kind : {"file", "base", "default", "override"}
        The workload file (or the mapping that stands for it), the file that ``hardware.base``
        names, the schema's default, or ``--set``.
    file : str
        The file's name, or the override's text; empty for a default.
    line, column : int or None
        Position in the file.
    """

    kind: Literal["file", "base", "default", "override"]
    file: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.file}:{self.line}:{self.column}"
        return self.file or "default"


class Tree:
    """The raw values of a workload file with overrides on top."""

    def __init__(self, document: Document, shown: str) -> None:
        self.shown = shown
        self.document = document
        self.overrides: dict[KeyPath, str] = {}
        self.base: Base | None = None
        self.based = Document(None)  # positions of what the base gives
        if document.data is None:
            raise ConfigError(
                [Problem("is empty", shown, remedy="`list workloads` shows examples")]
            )
        if not isinstance(document.data, dict):
            at = document.values[()]
            raise ConfigError(
                [Problem("must hold 'key: value' lines at its top", shown, at.line, at.column)]
            )
        self.data: dict[str, Any] = document.data

    def rest_on_base(self, folder: Path) -> None:
        """Lay the hardware section over the base that it names, if it names one.

        Raises
        ------
        ConfigError
            If there is no such base, or its file is wrong.
        """
        section = self.data.get(SECTION)
        name = section.get("base") if isinstance(section, dict) else None
        if name is not None:
            self._rest_on(self._read_base(name, folder), section)

    def _read_base(self, name: Any, folder: Path) -> Base:
        try:
            return read_base(check_base(name, folder))
        except PydanticCustomError as error:
            problem = Problem(**(error.context or {}))
            raise ConfigError([self.locate((SECTION, "base"), problem)]) from None

    def _rest_on(self, base: Base, section: Any) -> None:
        given = _absolute(field_at(RunConfig, (SECTION,)), base.section, base.path.parent)
        self.data[SECTION], taken = laid_over(given, section, (SECTION,))
        where = base.document
        self.based = Document(None, _below(where.keys, taken), _below(where.values, taken))
        self.base = base

    def apply(self, override: Override) -> None:
        """Set a value in the tree, below sections that are made where they are missing.

        ``hardware.base`` takes the place of the whole hardware section.
        """
        if override.path == (SECTION, "base") and not self._stays(override):
            before, self.overrides = self.overrides, {override.path: override.text}
            try:
                base = self._read_base(override.value, Path.cwd())
            finally:
                self.overrides = before
            self.data[SECTION] = {}
            self._forget((SECTION,))
            self._set(override)
            self._rest_on(base, self.data[SECTION])
            return
        self._set(override)
        if override.path == (SECTION,):
            self.base = None
            self.rest_on_base(Path.cwd())

    def _stays(self, override: Override) -> bool:
        """Return whether ``hardware.base`` is set to none where there was none."""
        lost = [
            text
            for path, text in self.overrides.items()
            if path[:1] == (SECTION,) and path != override.path
        ]
        what = f"takes the place of the whole section '{SECTION}', and with it of --set "
        if lost:
            remedy = "give it first, the others after it"
            raise ConfigError([Problem(what + lost[0], override.shown, remedy=remedy)])
        if override.value is None and self.base is not None:
            what = f"takes away '{self.base.name}', on which the hardware rests"
            raise ConfigError([Problem(what, override.shown, remedy="name another base")])
        return override.value is None

    def _set(self, override: Override) -> None:
        node = self.data
        path = override.path
        names = [part for part in path if isinstance(part, str)]
        for depth, part in enumerate(names[:-1]):
            child = node.get(part)
            if depth == 0 and part == "bits" and isinstance(child, int):
                child = self._spell_out_bits(child)
            node[part] = child if isinstance(child, dict) else {}
            node = node[part]
        value = _absolute(field_at(RunConfig, path), override.value, Path.cwd())
        if isinstance(path[-1], int):
            self._set_item(node.get(names[-1]), override, value)
        else:
            node[names[-1]] = value
        self._forget(path)
        self.overrides[path] = override.text

    def _forget(self, path: KeyPath) -> None:
        """Drop the positions of everything at and below a path."""
        documents = (self.document, self.based)
        tables: list[dict[KeyPath, Any]] = [t for d in documents for t in (d.values, d.keys)]
        for table in (*tables, self.overrides):
            for below in [p for p in table if p[: len(path)] == path]:
                del table[below]

    def _spell_out_bits(self, value: int) -> dict[str, Any]:
        """Turn ``bits: 8`` into a section, so that a single kind can be set in it."""
        origin = ("bits", "default")
        if ("bits",) in self.overrides:
            self.overrides[origin] = self.overrides.pop(("bits",))
        else:
            at = self.document.values.get(("bits",))
            if at is not None:
                self.document.values[origin] = at
        return {"default": value}

    def _set_item(self, items: Any, override: Override, value: Any) -> None:
        index = int(override.path[-1])
        length = len(items) if isinstance(items, list) else 0
        if index >= length:
            what = f"there is no item {index} in a list of {length}"
            remedy = f"give the whole list: --set {dotted(override.path[:-1])}=[…]"
            raise ConfigError(
                [Problem(what, override.shown, path=dotted(override.path), remedy=remedy)]
            )
        items[index] = value

    def expanded(self) -> dict[str, Any]:
        """Return the raw values with the shorthand of ``bits`` written out."""
        if "bits" not in self.data:
            return self.data
        return self.data | {"bits": expand_bits(self.data["bits"])}

    def source(self, path: KeyPath) -> KeyPath:
        """Return the path in the file that gave the value at ``path`` (``bits`` has shorthands)."""
        if path[:1] == ("bits",) and len(path) == 2 and not self._given(path):
            return ("bits", "default") if isinstance(self.data.get("bits"), dict) else ("bits",)
        return path

    def _given(self, path: KeyPath) -> bool:
        node: Any = self.data
        for part in path:
            if isinstance(node, list):
                known = isinstance(part, int) and part < len(node)
            else:
                known = isinstance(node, dict) and part in node
            if not known:
                return False
            node = node[part]
        return True

    def origin(self, leaf: KeyPath) -> Origin:
        """Return where the value of a leaf comes from."""
        path = self.source(leaf)
        if not self._given(path):
            return Origin("default")
        if self.base is not None and path in self.based.values:
            place = self.based.values[path]
            return Origin("base", self.base.shown, place.line, place.column)
        for length in range(len(path), 0, -1):
            if path[:length] in self.overrides:
                return Origin("override", f"--set {self.overrides[path[:length]]}")
        at = self.document.values.get(path)
        if at is None:  # the workload was given as a mapping
            return Origin("file", self.shown)
        return Origin("file", self.shown, at.line, at.column)

    def locate(self, path: KeyPath, problem: Problem) -> Problem:
        """Add file and position to a problem at ``path``, or at the nearest section above it."""
        source = self.source(path)
        unknown = problem.what.startswith("unknown key")
        for length in range(len(source), -1, -1):
            part = source[:length]
            if part in self.overrides:
                return replace(problem, file=f"--set {self.overrides[part]}", path=dotted(source))
            whole = length == len(source) and not unknown
            for document, file in self._documents():
                table = document.values if whole or not part else document.keys
                if part in table:
                    at = table[part]
                    return replace(
                        problem, file=file, line=at.line, column=at.column, path=dotted(source)
                    )
        return replace(problem, file=self.shown, path=dotted(source))

    def _documents(self) -> Iterator[tuple[Document, str]]:
        """Yield the workload file, and the base's if there is one, with their names."""
        yield self.document, self.shown
        if self.base is not None:
            yield self.based, self.base.shown

    def missing_files(self, folder: Path) -> Iterator[Problem]:
        """Yield a problem for each checkpoint that the file names and that is not there."""
        wanted: tuple[KeyPath, ...] = (("model", "checkpoint"), ("data", "fallback_checkpoint"))
        for path in wanted:
            section = self.data.get(str(path[0]))
            value = section.get(path[1]) if isinstance(section, dict) else None
            if isinstance(value, str) and value.strip():
                try:
                    check_file(resolve_path(value, folder))
                except PydanticCustomError as error:
                    context = error.context or {}
                    yield self.locate(path, Problem(**context))


def _below(table: dict[KeyPath, Position], tops: list[KeyPath]) -> dict[KeyPath, Position]:
    """Return the positions at and below some paths."""
    return {path: at for path, at in table.items() if any(path[: len(top)] == top for top in tops)}


def _absolute(field: Place | None, value: Any, folder: Path) -> Any:
    """Make the relative paths among values start from a folder."""
    if isinstance(value, dict):
        section = section_of(field)
        if section is None:
            return value
        fields = section.model_fields
        return {k: _absolute(fields.get(k), v, folder) for k, v in value.items()}
    if isinstance(value, list):
        return [_absolute(field, item, folder) for item in value]
    if not isinstance(value, str) or not isinstance(field, FieldInfo):
        return value
    kinds = [type(m) for m in marks(field)]
    named = CardReference in kinds or BaseReference in kinds
    relative = value not in ("auto", "") and (
        FileReference in kinds or (named and locate.is_path(value))
    )
    return str(resolve_path(value, folder)) if relative else value
