"""``hardware.base``: a chip as a complete hardware section that a workload's keys are laid over.

A base is a YAML file: ``name``, ``title``, ``hardware`` (the section, as in a workload),
``sources`` (where each number of it comes from), ``tiles`` (of the chip as it was built), and
``lacks`` (what the chip does not have, and what stands in).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imssa_sim.cards.bibliography import references
from imssa_sim.cards.entry import STATUSES
from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.files import locate
from imssa_sim.files.source import Document, KeyPath, Position, dotted, read_file

SECTION = "hardware"
_KEYS = ("name", "title", "tiles", "lacks", "sources", SECTION)
_SOURCE_KEYS = ("source", "locator", "status", "derivation", "note")


@dataclass(frozen=True)
class Provenance:
    """Where values of a base come from.

    Attributes
    ----------
    sources : tuple of str
        Keys of the bibliography; may be empty if ``status`` is "assumed".
    locator : str
        Table, figure or section in the source.
    status : {"measured", "fitted", "derived", "assumed"}
    derivation, note : str
        What led from the source to the value; remarks.
    """

    sources: tuple[str, ...]
    locator: str
    status: str
    derivation: str = ""
    note: str = ""


@dataclass(frozen=True)
class Base:
    """A chip that a workload may rest on.

    Attributes
    ----------
    name, title : str
    tiles : int or None
        Tiles of the chip as it was built; None where nothing is published.
    lacks : tuple of str
        What the chip does not have, and what stands in.
    sources : mapping of str to Provenance
        By the dotted path below ``hardware`` of a value, or of a section for all within.
    document : Document
        The whole file, with positions.
    path : Path
    shown : str
        Its name in messages.
    """

    name: str
    title: str
    tiles: int | None
    lacks: tuple[str, ...]
    sources: Mapping[str, Provenance]
    document: Document
    path: Path
    shown: str

    @property
    def section(self) -> dict[str, Any]:
        """The raw hardware section."""
        section: dict[str, Any] = self.document.data[SECTION]
        return section

    def citations(self) -> tuple[str, ...]:
        """Return the keys of the bibliography that the section rests on, each once."""
        return tuple(dict.fromkeys(key for s in self.sources.values() for key in s.sources))

    def source_of(self, path: str) -> Provenance | None:
        """Return where the value at a dotted path below ``hardware`` comes from, None: no value."""
        return self.sources[path] if (path := _stated(path, self.sources)) else None


def load_base(name: str) -> Base:
    """Return the hardware of a name as `list chips` shows it, or of a file.

    Raises
    ------
    InputError
        There is none of this name; with the nearest.
    ConfigError
        With every problem of the file.
    """
    if locate.is_path(name):
        return read_base(Path(name))
    if name not in locate.base_names():
        close = nearest_base(name)
        hint = f"; did you mean '{close}'?" if close else ";"
        raise InputError(f"unknown hardware '{name}'{hint} `list chips` shows what there is")
    return read_base(locate.hardware() / f"{name}.yaml")


def nearest_base(name: str) -> str:
    """Return the name of hardware that is nearest to a wrong one, with or without its folder."""
    names = locate.base_names()
    known = {full.rsplit("/", 1)[-1]: full for full in names}
    return nearest(name, names) or known.get(nearest(name, known), "")


def read_base(path: Path) -> Base:
    """Read a file of hardware.

    Raises
    ------
    ConfigError
        With every problem of the file: keys without a meaning, values without a source.
    """
    here = Path.cwd()
    shown = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return _Reader(read_file(path, shown), path, shown).base()


class _Reader:
    def __init__(self, document: Document, path: Path, shown: str) -> None:
        self.document, self.path, self.shown = document, path, shown
        self.problems: list[Problem] = []

    def fail(self, path: KeyPath, what: str, suggestion: str = "", remedy: str = "") -> None:
        """Note a problem at a path, or at the nearest thing above it that has a position."""
        for length in range(len(path), -1, -1):
            part = path[:length]
            at = self.document.keys.get(part) or self.document.values.get(part)
            if at is not None:
                break
        at = at or Position(1, 1)
        self.problems.append(
            Problem(what, self.shown, at.line, at.column, dotted(path), suggestion, remedy)
        )

    def base(self) -> Base:
        data = self.document.data
        if not isinstance(data, dict):
            self.fail((), "must hold 'key: value' lines with name, title, hardware and sources")
            raise ConfigError(self.problems)
        for key in data:
            if key not in _KEYS:
                self.fail((key,), f"unknown key '{key}'", nearest(key, _KEYS), _valid(_KEYS))
        words = {key: self._word(data, key) for key in ("name", "title")}
        tiles = data.get("tiles")
        if tiles is not None and (type(tiles) is not int or tiles < 1):
            self.fail(("tiles",), "must be the number of tiles of the chip, at least 1")
        lacks = data.get("lacks") or []
        if not isinstance(lacks, list) or not all(isinstance(t, str) for t in lacks):
            self.fail(("lacks",), "must be a list of texts")
        if not isinstance(data.get(SECTION), dict):
            self.fail((SECTION,), f"missing section '{SECTION}'")
            raise ConfigError(self.problems)
        sources = dict(self._sources(data.get("sources")))
        self._check_complete(data[SECTION], sources)
        if self.problems:
            raise ConfigError(self.problems)
        return Base(
            words["name"], words["title"], tiles, tuple(lacks), sources, self.document, self.path,
            self.shown,
        )  # fmt: skip

    def _word(self, data: dict[str, Any], key: str) -> str:
        value = data.get(key)
        if not isinstance(value, str) or not value.strip():
            self.fail((key,), f"missing key '{key}'", remedy="it is a text")
            return ""
        return " ".join(value.split())

    def _sources(self, data: Any) -> Iterator[tuple[str, Provenance]]:
        if not isinstance(data, dict):
            self.fail(("sources",), "missing section 'sources'", remedy="each number needs one")
            return
        for path, entry in data.items():
            place = ("sources", path)
            if not isinstance(entry, dict):
                self.fail(place, "must be {source: …, locator: …, status: …}")
                continue
            for key in entry:
                if key not in _SOURCE_KEYS:
                    close = nearest(key, _SOURCE_KEYS)
                    self.fail((*place, key), f"unknown key '{key}'", close, _valid(_SOURCE_KEYS))
            yield path, self._source(place, entry)

    def _source(self, place: KeyPath, entry: dict[str, Any]) -> Provenance:
        named = entry.get("source") or []
        keys = tuple(str(k) for k in (named if isinstance(named, list) else [named]))
        known = references()
        for key in keys:
            if key not in known:
                what = f"'{key}' is not in the bibliography"
                self.fail((*place, "source"), what, nearest(key, known))
        status = entry.get("status")
        if status not in STATUSES:
            what = f"status must be one of {', '.join(STATUSES)}"
            self.fail(place, what, nearest(str(status), STATUSES))
        locator, derivation = str(entry.get("locator", "")), str(entry.get("derivation", ""))
        if status != "assumed" and not (keys and locator):
            self.fail(place, "needs source and locator", remedy="or say status: assumed")
        if status in ("assumed", "derived") and not derivation:
            self.fail(place, f"is {status} and needs a derivation")
        return Provenance(keys, locator, str(status), derivation, str(entry.get("note", "")))

    def _check_complete(self, section: dict[str, Any], sources: Mapping[str, Provenance]) -> None:
        leaves = [dotted(path) for path in _leaves(section)]
        used = {_stated(leaf, sources) for leaf in leaves}
        for leaf in leaves:
            if not _stated(leaf, sources):
                place = (SECTION, *leaf.split("."))
                self.fail(place, "has no source", remedy=f"add sources: {leaf}: {{…}}")
        for path in sources:
            if path not in used:
                close = nearest(path, leaves)
                self.fail(("sources", path), f"'{path}' is no value of {SECTION}", close)


def _valid(keys: tuple[str, ...]) -> str:
    return f"valid keys here: {', '.join(keys)}"


def _stated(path: str, sources: Mapping[str, Provenance]) -> str:
    """Return the path at which the source of a value stands: its own or a section's above it."""
    parts = path.split(".")
    found = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((part for part in found if part in sources), "")


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, (*path, key))
    else:
        yield path


def laid_over(base: Any, own: Any, path: KeyPath = ()) -> tuple[Any, list[KeyPath]]:
    """Return ``own`` laid over ``base``, key by key, and the paths that come from the base.

    Sections are joined; anything else that both have is ``own``'s.
    """
    if not (isinstance(base, dict) and isinstance(own, dict)):
        return own, []
    joined, taken = dict(own), []
    for key, value in base.items():
        here = (*path, key)
        if key not in own:
            joined[key] = value
            taken.append(here)
        else:
            joined[key], below = laid_over(value, own[key], here)
            taken += below
    return joined, taken
