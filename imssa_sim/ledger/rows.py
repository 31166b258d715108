"""Rows written and read as CSV.

Without pandas: importing it takes longer than a chip's whole timing.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO


def read_rows(text: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV text; a column of nothing but numbers holds integers and floats.

    Raises
    ------
    ValueError
        If a row is shorter or longer than the first.
    """
    head, *lines = csv.reader(io.StringIO(text))
    columns = [_values(column) for column in zip(*lines, strict=True)]
    return [dict(zip(head, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: tuple[str, ...]) -> tuple[Any, ...]:
    try:
        return tuple(with_nan(map(_number, column)))
    except ValueError:
        return column


def with_nan(values: Iterable[int | float]) -> list[int | float]:
    """Return values with every not-a-number as ``math.nan``, which a list finds equal to itself."""
    return [math.nan if value != value else value for value in values]


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def write_rows(file: TextIO, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that share one set of columns as CSV; the first row gives their names."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
