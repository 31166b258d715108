"""YAML with positions: plain values, and the line and column of every key and value.

YAML 1.2 by ruamel.yaml: ``1e-4`` is a number, ``no`` is a word. The node graph is read instead of
the round-trip containers: it has a mark on every scalar, and duplicate keys can all be reported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from imssa_sim.errors import ConfigError, InternalError, Problem

KeyPath = tuple[str | int, ...]
_MAX_NODES = 50_000  # a document of aliases to aliases can unfold without bound
_MAX_BYTES = 4 << 20
_MAX_DEPTH = 50
_KEPT = 64  # documents, so that thousands of runs parse a workload once


@dataclass(frozen=True)
class Position:
    """Line and column in a file, counted from 1."""

    line: int
    column: int


@dataclass
class Document:
    """A YAML document as plain values, with positions by path.

    Attributes
    ----------
    data : object
        Nested dict, list, str, int, float, bool and None.
    keys, values : dict
        Where each key and each value stands; the root's path is ``()``.
    """

    data: Any
    keys: dict[KeyPath, Position] = field(default_factory=dict)
    values: dict[KeyPath, Position] = field(default_factory=dict)

    def copy(self) -> Document:
        """Return a document that can be changed without changing this one."""
        return Document(_copied(self.data), dict(self.keys), dict(self.values))


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def dotted(path: KeyPath) -> str:
    """Return a path as the user writes it: ``hardware.adc.bits``, ``baselines.0``."""
    return ".".join(map(str, path))


def read_file(path: Path, shown: str) -> Document:
    """Read a YAML file.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        Its name in messages.

    Raises
    ------
    ConfigError
        If it cannot be read, is not UTF-8, is not valid YAML, or has duplicate keys.
    """
    try:
        if path.is_dir():
            raise ConfigError([Problem("is a folder, not a YAML file", shown)])
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise ConfigError([Problem(f"is larger than {_MAX_BYTES >> 20} MiB", shown)])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError([Problem("there is no such file", shown)]) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise ConfigError([Problem(what, shown)]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        raise ConfigError(
            [Problem(what, shown, line, column, remedy="save the file as UTF-8")]
        ) from None
    return parse(text, shown)


def parse(text: str, shown: str) -> Document:
    """Parse YAML text; see `read_file`. The same text is parsed once."""
    return _parsed(text, shown).copy()


@lru_cache(maxsize=_KEPT)
def _parsed(text: str, shown: str) -> Document:
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(f"is not valid YAML: {error.problem or error.context}".split())
        raise ConfigError(
            [
                Problem(
                    what,
                    shown,
                    mark.line + 1 if mark else None,
                    mark.column + 1 if mark else None,
                    remedy=_yaml_remedy(text, mark.line if mark else None),
                )
            ]
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError([Problem(f"is not valid YAML: {first}", shown)]) from None
    document = Document(None)
    if node is not None:
        reader = _Reader(yaml, shown, document)
        document.data = reader.read(node, (), ())
        if reader.problems:
            raise ConfigError(reader.problems)
    return document


def _yaml_remedy(text: str, line: int | None) -> str:
    lines = text.splitlines()
    if line is not None and line < len(lines) and "\t" in lines[line]:
        return "indent with spaces, not tabs"
    return "check the indentation, colons and quotes here and on the line before"


class _Reader:
    """Turns a node graph into plain values and notes positions."""

    def __init__(self, yaml: YAML, shown: str, document: Document) -> None:
        self.constructor = yaml.constructor
        self.shown = shown
        self.document = document
        self.problems: list[Problem] = []
        self.count = 0

    def read(self, node: Node, path: KeyPath, above: tuple[int, ...]) -> Any:
        position = Position(node.start_mark.line + 1, node.start_mark.column + 1)
        self.document.values[path] = position
        self.count += 1
        if id(node) in above or len(above) > _MAX_DEPTH or self.count > _MAX_NODES:
            what = "alias to itself" if id(node) in above else "too deeply nested or too large"
            raise ConfigError([self._problem(what, position, path)])
        above = (*above, id(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, path, above)
        if isinstance(node, SequenceNode):
            return [self.read(n, (*path, i), above) for i, n in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, position, path)
        raise InternalError(f"unknown kind of YAML node {node!r}")

    def _mapping(self, node: MappingNode, path: KeyPath, above: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            position = Position(mark.line + 1, mark.column + 1)
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if not isinstance(key, str) or not key:
                self.problems.append(self._problem("a key must be a name", position, path))
                continue
            here = (*path, key)
            if key == "<<":
                what = "merge keys ('<<') are not supported"
                self.problems.append(self._problem(what, position, here, "write the keys out"))
                continue
            if key in result:
                first = self.document.keys[here]
                what = f"key '{key}' stands twice, first in line {first.line}"
                self.problems.append(self._problem(what, position, here, "remove one of them"))
                continue
            self.document.keys[here] = position
            result[key] = self.read(value_node, here, above)
            if result[key] is None and value_node.value == "":
                self.document.values[here] = position  # nothing stands there to point at
        return result

    def _scalar(self, node: ScalarNode, position: Position, path: KeyPath) -> Any:
        try:
            value = self.constructor.construct_object(node)
        except (YAMLError, ValueError, TypeError):
            what = f"cannot read the value '{node.value}' (tag {node.tag})"
            self.problems.append(self._problem(what, position, path, "remove the tag, or quote it"))
            return None
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            return int(value) if isinstance(value, int) else float(value)
        return str(node.value)  # a date, a time: no key wants one, so it stays the text it was

    def _problem(self, what: str, position: Position, path: KeyPath, remedy: str = "") -> Problem:
        return Problem(
            what, self.shown, position.line, position.column, dotted(path), remedy=remedy
        )
