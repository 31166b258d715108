"""The bibliography: BibTeX entries by key, reprinted as they stand."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.files import locate
from imssa_sim.files.stamp import Stamp, stamp


@dataclass(frozen=True)
class Reference:
    """One BibTeX entry: its type, key, fields (names in lower case), and own text."""

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
        For malformed entries, entries without key, and keys that stand twice.
    """
    from bibtexparser import model
    from bibtexparser.entrypoint import parse_string

    # Its warnings repeat what the failed blocks hold, and those are reported as problems.
    logging.getLogger("bibtexparser").addHandler(logging.NullHandler())
    problems = []
    found: dict[str, Reference] = {}
    for block in parse_string(text, parse_stack=[]).blocks:
        line = (block.start_line or 0) + first_line
        if isinstance(block, model.ParsingFailedBlock):
            # Covers malformed text, keys and fields that stand twice.
            reason = getattr(block.error, "abort_reason", "") or str(block.error)
            if isinstance(block, model.DuplicateFieldKeyBlock):
                reason = f"field {', '.join(sorted(block.duplicate_keys))} stands twice"
            problems.append(
                Problem(f"malformed BibTeX: {' '.join(reason.split())}", shown, line, 1)
            )
        elif isinstance(block, model.Entry):
            if not block.key.strip():
                problems.append(Problem("BibTeX entry without a key", shown, line, 1))
            fields = {f.key.lower(): _bare(str(f.value)) for f in block.fields}
            found[block.key] = Reference(
                block.entry_type, block.key, MappingProxyType(fields), block.raw or ""
            )
    if problems:
        raise ConfigError(problems)
    return found


def _bare(value: str) -> str:
    """Return a field's value on one line, without the braces or quotes around it."""
    line = " ".join(value.split())
    return line[1:-1] if line[:1] + line[-1:] in ("{}", '""') else line


@lru_cache(maxsize=4)
def _read(path: Path, state: Stamp) -> Mapping[str, Reference]:
    return MappingProxyType(parse_bibtex(path.read_text(encoding="utf-8"), str(path)))


def references() -> Mapping[str, Reference]:
    """Return all entries of ``device_models/references.bib`` by key.

    Raises
    ------
    ConfigError
        If the file is malformed.
    InputError
        If it cannot be read.
    """
    path = locate.device_models() / "references.bib"
    try:
        return _read(path, stamp(path))
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
