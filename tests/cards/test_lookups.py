"""device_models/lookups.csv: rows are whole, or the line says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cards.lookups import lookups, read_lookups
from imssa_sim.errors import InputError

HEAD = "source,locator,kind,read,note\n"


def test_places_have_kind_and_reading() -> None:
    place = lookups()["puma2019code", "constants.py: data memory over size"]
    assert (place.kind, place.read) == ("code", "there")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,place\n", r":1: the columns must be source, locator"),
        (f"{HEAD}a,b,table,there\n", r":2: 4 columns instead of 5"),
        (f"{HEAD}a,b,tabel,there,\n", r":2: 'tabel' is none of .* did you mean 'table'"),
        (f"{HEAD}a,b,table,their,\n", r":2: 'their' is none of .* did you mean 'there'"),
        (f"{HEAD}a,b,table,there,\na,b,text,no,\n", r":3: 'a, b' stands twice"),
    ],
)
def test_a_row_that_is_not_whole_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lookups.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_lookups(path, path.stat().st_mtime_ns)
