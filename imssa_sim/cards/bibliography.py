"""The bibliography: BibTeX entries by key, reprinted as they stand.

Only what the cards need: find the entries, their keys and fields, and report where a file is
malformed (docs/decisions/0003-cards.md says why no library does this here).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from imssa_sim.config import locate
from imssa_sim.errors import ConfigError, InputError, Problem, nearest

_ENTRY = re.compile(r"@\s*(\w+)\s*\{\s*")
_KEY = re.compile(r"([^\s,{}\"'#%=~\\]+)\s*(,|\})")
_FIELD = re.compile(r"\s*([A-Za-z][\w-]*)\s*=\s*")
_SKIPPED = ("comment", "preamble", "string")


@dataclass(frozen=True)
class Reference:
    """One BibTeX entry: its type (lower case), key, fields (names in lower case), and own text."""

    type: str
    key: str
    fields: Mapping[str, str]
    text: str


def parse_bibtex(text: str, shown: str, first_line: int = 1) -> dict[str, Reference]:
    """Parse BibTeX.

    Parameters
    ----------
    text : str
        Entries ``@type{key, field = {value}, …}``; anything between entries is a comment.
    shown : str
        File name for messages.
    first_line : int
        Line of the file at which ``text`` begins.

    Raises
    ------
    ConfigError
        For an entry without key or end, a malformed field, or a key that stands twice.
    """
    references: dict[str, Reference] = {}
    position = 0
    while match := _ENTRY.search(text, position):
        line = first_line + text.count("\n", 0, match.start())

        def fault(what: str, line: int = line) -> ConfigError:
            return ConfigError([Problem(what, shown, line, 1)])

        kind = match[1].lower()
        end = _closing(text, match.end())
        if end is None:
            raise fault(f"BibTeX entry '@{match[1]}' has no closing brace")
        position = end + 1
        if kind in _SKIPPED:
            continue
        key = _KEY.match(text, match.end(), end + 1)
        if key is None:
            raise fault(f"BibTeX entry '@{match[1]}' has no key")
        if key[1] in references:
            raise fault(f"BibTeX key '{key[1]}' stands twice")
        fields, rest = _fields(text[key.end() : end])
        if rest:
            raise fault(f"BibTeX entry '{key[1]}' is malformed near '{rest[:30]}'")
        references[key[1]] = Reference(kind, key[1], fields, text[match.start() : end + 1])
    return references


def _closing(text: str, start: int) -> int | None:
    """Return the index of the brace that closes the one before ``start``."""
    depth = 1
    for index in range(start, len(text)):
        if text[index] == "{":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return None


def _fields(body: str) -> tuple[dict[str, str], str]:
    """Return the fields and what could not be read."""
    fields: dict[str, str] = {}
    while body.strip(" \t\r\n,"):
        body = body.lstrip(" \t\r\n,")
        match = _FIELD.match(body)
        if match is None:
            return fields, body.strip()
        value, length = _value(body[match.end() :])
        if not length:
            return fields, body.strip()
        fields[match[1].lower()] = value
        body = body[match.end() + length :]
    return fields, ""


def _value(text: str) -> tuple[str, int]:
    """Return a field's value on one line and the length of its text, 0 if it has no end."""
    if text[:1] == "{":
        end = _closing(text, 1)
        return (" ".join(text[1:end].split()), end + 1) if end is not None else ("", 0)
    if text[:1] == '"':
        depth = 0
        for index in range(1, len(text)):
            depth += {"{": 1, "}": -1}.get(text[index], 0)
            if text[index] == '"' and depth == 0:
                return " ".join(text[1:index].split()), index + 1
        return "", 0
    bare = re.match(r"[\w-]+", text)
    return (bare[0], bare.end()) if bare else ("", 0)


@lru_cache(maxsize=4)
def _read(path: Path, modified: int) -> Mapping[str, Reference]:
    return parse_bibtex(path.read_text(encoding="utf-8"), str(path))


def references() -> Mapping[str, Reference]:
    """Return all entries of ``device_models/references.bib`` by key.

    Raises
    ------
    ConfigError
        If the file is malformed.
    InputError
        If it is missing.
    """
    path = locate.device_models() / "references.bib"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def citations(keys: Iterable[str], extra: Mapping[str, Reference] | None = None) -> str:
    """Return the BibTeX text of entries, each once, in the order of the keys.

    Parameters
    ----------
    keys : iterable of str
        Bibliography keys.
    extra : mapping, optional
        Entries beside those of the package, for example of a user's card; they come first.

    Raises
    ------
    InputError
        For a key that nobody has, with the nearest one.
    """
    known = {**references(), **(extra or {})}
    texts = []
    for key in dict.fromkeys(keys):
        if key not in known:
            close = nearest(key, known)
            hint = f"; did you mean '{close}'?" if close else ""
            raise InputError(f"no bibliography entry '{key}'{hint}")
        texts.append(known[key].text)
    return "\n\n".join(texts) + "\n" if texts else ""
