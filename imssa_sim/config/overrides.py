"""``--set a.b=8``: one override of a value of the workload file."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from typing import Any

from imssa_sim.config.fields import Section
from imssa_sim.config.walk import all_paths, field_at, key_advice, section_of, valid_keys
from imssa_sim.errors import ConfigError, Problem, nearest
from imssa_sim.files.source import KeyPath, dotted, parse

_INDEX = re.compile("[0-9]{1,9}")


@dataclass(frozen=True)
class Override:
    """A parsed override: ``text`` is ``path=value`` as the user wrote it."""

    text: str
    path: KeyPath
    value: Any

    @property
    def shown(self) -> str:
        """The override as it is named in messages."""
        return f"--set {self.text}"


def parse_override(text: str, root: type[Section]) -> Override:
    """Parse ``a.b=value``; the value is YAML.

    Raises
    ------
    ConfigError
        If there is no ``=``, the path names nothing in the schema, or the value is not YAML.
    """
    shown = f"--set {text}"
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        remedy = "write --set path.to.key=value, for example --set hardware.adc.bits=6"
        raise ConfigError([Problem("is not 'path=value'", shown, remedy=remedy)])
    path: KeyPath = tuple(int(p) if _INDEX.fullmatch(p) else p for p in name.split("."))
    _check_path(path, shown, root)
    try:
        parsed = parse(value.strip(), shown).data
    except ConfigError as error:
        moved = [
            Problem(p.what, shown, None, None, name, p.suggestion, p.remedy) for p in error.problems
        ]
        raise ConfigError(moved) from None
    return Override(text, path, parsed)


def _check_path(path: KeyPath, shown: str, root: type[Section]) -> None:
    for length in range(1, len(path) + 1):
        part = path[:length]
        if part[-1] in valid_keys(root, part[:-1]):
            continue
        parent = field_at(root, part[:-1]) if length > 1 else root
        if parent is not None and section_of(parent) is None:
            if isinstance(part[-1], int) and length == len(path) and _is_list(parent):
                continue
            what = f"'{dotted(part[:-1])}' is a value and has no key '{part[-1]}'"
            raise ConfigError([Problem(what, shown, path=dotted(path))])
        suggestion, remedy = _advice(path, length, root)
        raise ConfigError(
            [
                Problem(
                    f"unknown key '{part[-1]}'",
                    shown,
                    path=dotted(path),
                    suggestion=suggestion,
                    remedy=remedy,
                )
            ]
        )


def _advice(path: KeyPath, length: int, root: type[Section]) -> tuple[str, str]:
    """Return (suggestion, remedy) for a path whose first ``length`` parts name nothing."""
    known = all_paths(root)
    whole = dotted(path)
    longer = [p for p in known if p.endswith(f".{whole}")]
    if longer:
        return longer[0], ""
    key, remedy = key_advice(root, path[:length])
    mended = dotted((*path[: length - 1], key, *path[length:]))
    if key:
        return (mended if mended in known else dotted((*path[: length - 1], key))), ""
    close = "" if length == len(path) else nearest(whole, known)
    return close, "" if close else remedy


def _is_list(place: Any) -> bool:
    return typing.get_origin(getattr(place, "annotation", None)) is tuple
