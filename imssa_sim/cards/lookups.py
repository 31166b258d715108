"""What kind of place a number's source is, and whether the number was read there.

``device_models/lookups.csv`` has a row for each source and locator that cards and chips name. A
test compares the two, so that no card can name a place that nobody has classed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from imssa_sim.errors import InputError, nearest
from imssa_sim.files import locate

PlaceKind = Literal["table", "figure", "text", "abstract", "code", "data sheet"]
Reading = Literal["there", "second hand", "no"]
COLUMNS = ("source", "locator", "kind", "read", "note")


@dataclass(frozen=True)
class Lookup:
    """A place in a source.

    Attributes
    ----------
    kind : {"table", "figure", "text", "abstract", "code", "data sheet"}
    read : {"there", "second hand", "no"}
        Whether its numbers were read in that place, in somebody's account of it, or are taken over
        unread.
    note : str
        Remarks: through whom, at which version.
    """

    kind: PlaceKind
    read: Reading
    note: str = ""


def lookups() -> Mapping[tuple[str, str], Lookup]:
    """Return all places by key of the bibliography and locator.

    Raises
    ------
    InputError
        If the file cannot be read or a row of it is not whole; names its line.
    """
    path = locate.device_models() / "lookups.csv"
    try:
        return read_lookups(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


@lru_cache(maxsize=4)
def read_lookups(path: Path, modified: int) -> Mapping[tuple[str, str], Lookup]:
    """Read a file of places; ``modified`` [ns] keeps an older state apart."""
    found: dict[tuple[str, str], Lookup] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        if tuple(next(reader, ())) != COLUMNS:
            raise InputError(f"{path}:1: the columns must be {', '.join(COLUMNS)}")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if len(row) != len(COLUMNS):
                raise InputError(f"{where}: {len(row)} columns instead of {len(COLUMNS)}")
            source, locator, kind, read, note = row
            for word, known in ((kind, get_args(PlaceKind)), (read, get_args(Reading))):
                if word not in known:
                    close = nearest(word, known)
                    hint = f"; did you mean '{close}'?" if close else ""
                    raise InputError(f"{where}: '{word}' is none of {', '.join(known)}{hint}")
            if (source, locator) in found:
                raise InputError(f"{where}: '{source}, {locator}' stands twice")
            found[source, locator] = Lookup(kind, read, note)  # type: ignore[arg-type]
    return MappingProxyType(found)
