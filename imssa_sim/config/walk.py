"""Walking the schema: which section, which field, which marks stand at a dotted path."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic.fields import FieldInfo

from imssa_sim.config.fields import Section
from imssa_sim.errors import nearest
from imssa_sim.files.source import KeyPath, dotted

Place = FieldInfo | type[Section]


def section_of(place: Place | None) -> type[Section] | None:
    """Return the section class that a field holds, or None for a plain value."""
    if place is None:
        return None
    annotation = place.annotation if isinstance(place, FieldInfo) else place
    return _section_in(annotation)


def _section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    for argument in typing.get_args(annotation):
        found = _section_in(argument)
        if found is not None:
            return found
    return None


def field_at(root: type[Section], path: KeyPath) -> Place | None:
    """Return the field at a path below a section, None where the schema has none there."""
    place: Place | None = root
    for part in path:
        section = section_of(place)
        if section is None:
            # The items of a list have no field of their own: stay at the list's.
            return place if isinstance(part, int) else None
        place = section.model_fields.get(str(part))
        if place is None:
            return None
    return place


def marks(place: Place | None) -> tuple[Any, ...]:
    """Return all metadata of a field, those inside of unions and lists too."""
    if not isinstance(place, FieldInfo):
        return ()
    return (*place.metadata, *_marks_in(place.annotation))


def _marks_in(annotation: Any) -> Iterator[Any]:
    yield from getattr(annotation, "__metadata__", ())
    for argument in typing.get_args(annotation):
        yield from _marks_in(argument)


@lru_cache(maxsize=8)
def all_paths(root: type[Section]) -> tuple[str, ...]:
    """Return the dotted paths of all sections and values of the schema."""
    return tuple(dotted(path) for path in _paths(root, ()))


def _paths(section: type[Section], prefix: KeyPath) -> Iterator[KeyPath]:
    for name, field in section.model_fields.items():
        yield (*prefix, name)
        inner = section_of(field)
        if inner is not None:
            yield from _paths(inner, (*prefix, name))


def valid_keys(root: type[Section], path: KeyPath) -> tuple[str, ...]:
    """Return the keys that may stand in the section at a path."""
    section = section_of(field_at(root, path) if path else root)
    return tuple(section.model_fields) if section else ()


def key_advice(root: type[Section], path: KeyPath) -> tuple[str, str]:
    """Return (suggestion, remedy) for an unknown key at a path.

    A key of another section is never proposed as what was meant, only mentioned beside the valid
    ones: ``evaluate.rate`` is no misspelt ``hardware.adc.rate``.
    """
    key, keys = str(path[-1]), valid_keys(root, path[:-1])
    elsewhere = [p for p in all_paths(root) if p.rsplit(".", 1)[-1] == key and not _part(root, p)]
    close = "" if elsewhere else nearest(key, keys)
    if close:
        return close, ""
    parts = [f"valid keys here: {', '.join(keys)}"] if keys else []
    if elsewhere:
        parts.append(f"'{key}' stands at {' or '.join(elsewhere[:3])}")
    return "", "; ".join(parts)


def _part(root: type[Section], path: str) -> bool:
    """Return whether a path names a section right under the root."""
    return "." not in path and section_of(field_at(root, (path,))) is not None
