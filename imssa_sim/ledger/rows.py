"""Rows written and read as CSV.

Without pandas: importing it takes longer than a chip's whole timing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


def read_rows(text: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV text with their integers and floats; what is neither stays text.

    Raises
    ------
    ValueError
        If a row is shorter or longer than the first.
    """
    head, *lines = csv.reader(io.StringIO(text))
    return [dict(zip(head, map(_value, line), strict=True)) for line in lines]


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def write_rows(file: TextIO, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that share one set of columns as CSV; the first row gives their names."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
