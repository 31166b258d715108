"""Card files to `Card`: strict, with every problem of a file reported at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imssa_sim.cards.bibliography import Reference, parse_bibtex, references
from imssa_sim.cards.entry import STATUSES, Card, Entry, Number, Value
from imssa_sim.errors import ConfigError, Problem, nearest
from imssa_sim.files import locate
from imssa_sim.files.source import Document, KeyPath, dotted, read_file
from imssa_sim.files.stamp import Stamp, stamp
from imssa_sim.units import UnitError, parse_any, parse_unit, to_si

KINDS = (
    "cell", "array", "adc", "dac", "digital", "memory", "bus", "wires", "off_chip", "power",
    "scaling", "chip", "gpu", "standby", "link",
)  # fmt: skip
_CARD_KEYS = ("name", "kind", "title", "parameters", "valid", "not_modelled", "notes", "references")
_ENTRY_KEYS = (
    "value", "unit", "sigma", "range", "source", "locator", "status", "derivation", "note", "valid",
)  # fmt: skip

_held: ContextVar[Mapping[str, Card]] = ContextVar("cards of a block", default=MappingProxyType({}))


def load_card(name: str) -> Card:
    """Return a card by its name ``folder/file``, or by the path of a user's own file.

    Raises
    ------
    InputError
        If there is no such card; the nearest name is suggested.
    ConfigError
        With every problem of the file.
    """
    held = _held.get()
    if name in held:
        return held[name]
    path = locate.find_card(name)
    stamps = stamp(path), stamp(locate.device_models() / "references.bib")
    card = _load(path, "" if locate.is_path(name) else name, stamps)
    if isinstance(held, dict):
        held[name] = card
    return card


@contextmanager
def one_state_of_cards() -> Iterator[None]:
    """Read each card once within a ``with`` block, so that all of it rests on one state of them."""
    token = _held.set({})
    try:
        yield
    finally:
        _held.reset(token)


def list_cards(kind: str | None = None) -> tuple[Card, ...]:
    """Return all cards that come with the package, of one kind or of every kind.

    They lie in a folder that has the name of their kind, or its plural.
    """
    folders = f"{kind}/", f"{kind}s/"
    names = (name for name in locate.card_names() if kind is None or name.startswith(folders))
    return tuple(map(load_card, names))


@lru_cache(maxsize=512)
def _load(path: Path, name: str, stamps: tuple[Stamp, Stamp]) -> Card:
    return _CardReader(path, name).card()


class _CardReader:
    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.document: Document = read_file(path, str(path))
        self.problems: list[Problem] = []
        data = self.document.data
        if not isinstance(data, dict):
            self.fail((), "must hold 'key: value' lines with name, kind, title and parameters")
            raise ConfigError(self.problems)
        self.data: dict[str, Any] = data
        self.name = name or str(data.get("name") or path.stem)
        self.extra: Mapping[str, Reference] = {}

    def fail(self, path: KeyPath, what: str, suggestion: str = "", remedy: str = "") -> None:
        """Note a problem at a path, or at the nearest thing above it that has a position."""
        at = None
        tables = (self.document.keys, self.document.values)
        for length in range(len(path), -1, -1):
            first, second = tables if what.startswith("unknown key") else reversed(tables)
            at = first.get(path[:length]) or second.get(path[:length])
            if at is not None:
                break
        line, column = (at.line, at.column) if at else (1, 1)
        self.problems.append(
            Problem(what, str(self.path), line, column, dotted(path), suggestion, remedy)
        )

    def card(self) -> Card:
        """Read the whole card."""
        self.keys((), self.data, _CARD_KEYS)
        kind = self.word((), self.data, "kind", required=True)
        if kind and kind not in KINDS:
            remedy = f"kinds: {', '.join(KINDS)}"
            self.fail(("kind",), f"unknown kind '{kind}'", nearest(kind, KINDS), remedy)
        stated = self.word((), self.data, "name", required=True)
        if stated and not locate.is_path(self.name) and stated != self.name:
            self.fail(("name",), f"'{stated}' is not the card's place", self.name)
        title = self.word((), self.data, "title", required=True)
        block = self.word((), self.data, "references")
        if block:
            start = self.document.values[("references",)].line + 1
            try:
                self.extra = parse_bibtex(block, str(self.path), start)
            except ConfigError as error:
                self.problems += error.problems
        entries = self.parameters()
        card = Card(
            name=self.name,
            kind=kind,
            title=title,
            parameters=MappingProxyType(entries),
            valid=self.limits((), self.data),
            not_modelled=self.words((), self.data, "not_modelled"),
            notes=self.word((), self.data, "notes"),
            path=self.path,
            references=block,
        )
        if self.problems:
            raise ConfigError(self.problems)
        return card

    def keys(self, path: KeyPath, data: dict[str, Any], known: tuple[str, ...]) -> None:
        """Report the keys of a mapping that have no meaning."""
        for key in data:
            if key not in known:
                close = nearest(key, known)
                remedy = "" if close else f"valid keys here: {', '.join(known)}"
                self.fail((*path, key), f"unknown key '{key}'", close, remedy)

    def word(self, path: KeyPath, data: dict[str, Any], key: str, required: bool = False) -> str:
        """Return the text under a key, empty if there is none."""
        value = data.get(key)
        if value is None or value == "":
            if required:
                self.fail(path, f"missing key '{key}'")
            return ""
        if isinstance(value, (dict, list, bool)):
            self.fail((*path, key), "must be text")
            return ""
        return str(value).strip()

    def words(self, path: KeyPath, data: dict[str, Any], key: str) -> tuple[str, ...]:
        """Return the texts under a key: one, or a list of them."""
        value = data.get(key)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) and item.strip() for item in items):
            self.fail((*path, key), "must be text or a list of texts")
            return ()
        return tuple(item.strip() for item in items)

    def limits(self, path: KeyPath, data: dict[str, Any]) -> Mapping[str, tuple[float, float]]:
        """Return ``valid: {name: [low, high]}`` in SI; the bounds may carry units."""
        found: dict[str, tuple[float, float]] = {}
        valid = data.get("valid")
        if valid is None:
            return MappingProxyType(found)
        if not isinstance(valid, dict):
            self.fail((*path, "valid"), "must be a mapping of name: [low, high]")
            return MappingProxyType(found)
        for name, bounds in valid.items():
            here = (*path, "valid", name)
            if not isinstance(bounds, list) or len(bounds) != 2:
                self.fail(here, "must be [low, high]")
                continue
            low, high = (self.bound((*here, i), b) for i, b in enumerate(bounds))
            if low is None or high is None:
                continue
            if low > high:
                self.fail(here, f"range is inverted: {bounds[0]} is above {bounds[1]}")
            found[name] = (low, high)
        return MappingProxyType(found)

    def bound(self, path: KeyPath, value: Any) -> float | None:
        """Return one limit in SI."""
        try:
            if isinstance(value, str):
                return parse_any(value)[0]
            if _is_numeric(value):
                return float(value)
            self.fail(path, f"{value!r} is not a number, nor a number with a unit")
        except UnitError as error:
            self.fail(path, str(error))
        return None

    def parameters(self) -> dict[str, Entry]:
        """Read all parameters."""
        data = self.data.get("parameters")
        if not isinstance(data, dict) or not data:
            if "parameters" in self.data:
                self.fail(("parameters",), "must be a mapping of at least one parameter")
            else:
                self.fail((), "missing key 'parameters'")
            return {}
        entries = {}
        for name, entry in data.items():
            path: KeyPath = ("parameters", name)
            if not isinstance(entry, dict):
                remedy = "write {value: …, unit: …, source: …, status: …}"
                self.fail(path, "a number needs its provenance", remedy=remedy)
                continue
            entries[name] = self.entry(path, name, entry)
        return entries

    def entry(self, path: KeyPath, name: str, data: dict[str, Any]) -> Entry:
        """Read one parameter."""
        self.keys(path, data, _ENTRY_KEYS)
        raw = data.get("value")
        if raw is None or raw == []:
            self.fail(path, "missing key 'value'")
        numeric = _is_numeric(raw)
        if raw is not None and raw != [] and not numeric and not _is_categorical(raw):
            self.fail((*path, "value"), "must be a finite number, a word, or a list of one of them")
        unit, scaled = self.scaled(path, data, raw, numeric)
        status = self.status(path, data, numeric)
        sources = self.sources(path, data, status, numeric)
        derivation = self.word(path, data, "derivation")
        if status == "derived" and numeric and not derivation:
            self.fail(path, "a derived number needs its 'derivation'")
        at = self.document.keys.get(path)
        return Entry(
            name=name,
            value=_tuples(raw) if raw is not None else "",
            unit=unit,
            scaled=scaled,
            sigma=self.sigma(path, data, unit, scaled),
            range=self.range(path, data, unit, scaled),
            sources=sources,
            locator=self.word(path, data, "locator"),
            status=status,  # type: ignore[arg-type]  # checked against STATUSES
            derivation=derivation,
            note=self.word(path, data, "note"),
            valid=self.limits(path, data),
            line=at.line if at else 0,
            card=self.name,
        )

    def scaled(
        self, path: KeyPath, data: dict[str, Any], raw: Any, numeric: bool
    ) -> tuple[str, Number | None]:
        """Return the unit and the value in SI."""
        unit = self.word(path, data, "unit")
        if not numeric:
            if unit not in ("", "1") and _is_categorical(raw):
                self.fail((*path, "unit"), "a word has no unit")
            return "", None
        if not unit:
            self.fail(path, "missing key 'unit'", remedy="write unit: 1 for a bare number")
            return "", None
        try:
            parse_unit(unit)
            return unit, _scale(raw, unit)
        except UnitError as error:
            self.fail((*path, "unit"), str(error))
            return unit, None

    def status(self, path: KeyPath, data: dict[str, Any], numeric: bool) -> str:
        """Return the status, which numbers must state."""
        status = self.word(path, data, "status")
        if not status:
            if numeric:
                self.fail(path, "missing key 'status'", remedy=f"one of {', '.join(STATUSES)}")
            return "assumed"
        if status not in STATUSES:
            what = f"'{status}' is not one of {', '.join(STATUSES)}"
            self.fail((*path, "status"), what, nearest(status, STATUSES))
        return status

    def sources(
        self, path: KeyPath, data: dict[str, Any], status: str, numeric: bool
    ) -> tuple[str, ...]:
        """Return the bibliography keys, which all but assumed numbers must have."""
        keys = self.words(path, data, "source")
        if not keys and numeric and status != "assumed":
            remedy = "give 'source' (a key of the bibliography), or status: assumed"
            self.fail(path, "a number without a source", remedy=remedy)
        known = {*self.extra, *references()} if keys else set()
        for key in keys:
            if key not in known:
                what = f"source '{key}' is not in the bibliography"
                remedy = "add it to device_models/references.bib or to the card's 'references:'"
                self.fail((*path, "source"), what, nearest(key, sorted(known)), remedy)
        return keys

    def sigma(
        self, path: KeyPath, data: dict[str, Any], unit: str, scaled: Number | None
    ) -> Number | None:
        """Return the standard deviation in SI."""
        raw = data.get("sigma")
        if raw is None or scaled is None:
            return None
        here = (*path, "sigma")
        if not _is_numeric(raw) or (isinstance(raw, list) and _shape(raw) != _shape(data["value"])):
            self.fail(here, "must be a number in the entry's unit, or a list like the value")
            return None
        if _least(raw) < 0:
            self.fail(here, "must not be negative")
        return _scale(raw, unit, offset=False)

    def range(
        self, path: KeyPath, data: dict[str, Any], unit: str, scaled: Number | None
    ) -> tuple[float, float] | None:
        """Return the plausible range in SI."""
        raw = data.get("range")
        if raw is None or scaled is None:
            return None
        here = (*path, "range")
        if "sigma" in data:
            self.fail(here, "give either 'sigma' or 'range', not both")
        if (
            not isinstance(raw, list)
            or len(raw) != 2
            or not _is_numeric(raw)
            or _shape(raw) != (2,)
        ):
            self.fail(here, "must be [low, high] in the entry's unit")
            return None
        if raw[0] > raw[1]:
            self.fail(here, f"range is inverted: {raw[0]} is above {raw[1]}")
        elif isinstance(data["value"], list):
            self.fail(here, "a list of values takes 'sigma', not 'range'")
        elif not raw[0] <= data["value"] <= raw[1]:
            self.fail(here, f"the value {data['value']} is outside of [{raw[0]}, {raw[1]}]")
        return to_si(raw[0], unit), to_si(raw[1], unit)


def _is_numeric(raw: Any) -> bool:
    if isinstance(raw, list):
        return bool(raw) and all(map(_is_numeric, raw))
    return isinstance(raw, (int, float)) and not isinstance(raw, bool) and math.isfinite(raw)


def _is_categorical(raw: Any) -> bool:
    if isinstance(raw, list):
        return bool(raw) and all(isinstance(item, str) for item in raw)
    return isinstance(raw, (str, bool))


def _tuples(raw: Any) -> Value:
    return tuple(map(_tuples, raw)) if isinstance(raw, list) else raw


def _scale(raw: Any, unit: str, offset: bool = True) -> Number:
    if isinstance(raw, list):
        return tuple(_scale(item, unit, offset) for item in raw)
    value = to_si(raw, unit)
    return value if offset else value - to_si(0, unit)


def _shape(raw: Any) -> tuple[int, ...]:
    if not isinstance(raw, list):
        return ()
    inner = {_shape(item) for item in raw}
    return (len(raw), *inner.pop()) if len(inner) == 1 else (len(raw), -1)


def _least(raw: Any) -> float:
    return min(map(_least, raw)) if isinstance(raw, list) else float(raw)
