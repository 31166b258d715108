"""Rows written as CSV, without pandas: importing it takes longer than a chip's whole timing."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any, TextIO


def write_rows(file: TextIO, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that share one set of columns as CSV; the first row gives their names."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
