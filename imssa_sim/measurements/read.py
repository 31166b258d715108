"""Measured conductances from a CSV file: columns with units, and what is wrong with them."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import ConfigError, InputError, Problem, nearest
from imssa_sim.units import UnitError, dimension_of, parse_unit, si_unit, to_si

if TYPE_CHECKING:
    from pathlib import Path

FloatArray = NDArray[np.float64]

DIMENSIONS = {
    "target": "conductance",
    "achieved": "conductance",
    "time": "time",
    "temperature": "temperature",
    "cell": "",
}
"""Columns and their dimensions; further reads of a row are ``read1``, ``read2``, ….
A cell's name is text."""
NEEDED = ("target", "achieved")
FEWEST = 50
"""Rows from which a spread is known to 10 %: its relative standard error is 1/√(2n)."""
MOST_PROBLEMS = 10


@dataclass(frozen=True)
class Measurements:
    """Conductances of cells that were written to targets, one row a reading.

    Attributes
    ----------
    target, achieved : (rows,)
        What was meant, and what was read first [S].
    time : (rows,)
        Since programming [s]; zeros where the file has none.
    cell : (rows,)
        Number of the cell.
    reads : (rows, reads)
        Further reads of the same state [S]; no columns where there are none.
    temperature : (rows,) or None
        [K]
    """

    target: FloatArray
    achieved: FloatArray
    time: FloatArray
    cell: NDArray[np.int64]
    reads: FloatArray
    temperature: FloatArray | None

    @property
    def rows(self) -> int:
        """How many readings there are."""
        return len(self.target)

    def part(self, chosen: NDArray[np.bool_]) -> Measurements:
        """Return some of the rows."""
        return Measurements(
            self.target[chosen],
            self.achieved[chosen],
            self.time[chosen],
            self.cell[chosen],
            self.reads[chosen],
            None if self.temperature is None else self.temperature[chosen],
        )


def read_measurements(path: Path) -> Measurements:
    """Read measured conductances.

    The first line names the columns with their units: ``target [uS], achieved [uS], time [s]``.
    ``target`` and ``achieved`` are needed; ``time``, ``temperature``, ``cell`` (any name; it ties
    readings of one cell at several times together; without it their order does, if the targets
    follow each other alike at every time) and ``read1``, ``read2``, … may be there.

    Raises
    ------
    ConfigError
        With every problem of the file, each with its line.
    InputError
        If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {why}") from None
    if not lines:
        raise InputError(f"{path}: the file is empty")
    columns = _columns(path, lines[0])
    return _values(path, lines, columns)


def _columns(path: Path, header: list[str]) -> dict[str, tuple[int, str]]:
    """Return place and unit of each column."""
    problems: list[Problem] = []
    found: dict[str, tuple[int, str]] = {}

    def fail(what: str, close: str = "", remedy: str = "") -> None:
        problems.append(Problem(what, str(path), 1, None, "", close, remedy))

    for place, text in enumerate(header):
        match = re.fullmatch(r"\s*(.*?)\s*(?:[\[(]\s*(.*?)\s*[\])])?\s*", text)
        assert match is not None  # everything matches
        name, unit = match[1].lower(), match[2] or ""
        known = "conductance" if re.fullmatch(r"read\d+", name) else DIMENSIONS.get(name)
        if known is None:
            close = nearest(name, DIMENSIONS)
            fail(
                f"unknown column '{match[1]}'", close, f"columns: {', '.join(DIMENSIONS)}, read1, …"
            )
        elif name in found:
            fail(f"column '{name}' is there twice")
        else:
            found[name] = place, unit
            if known:
                _check_unit(name, unit, known, fail)
    named = {problem.suggestion for problem in problems}
    for name in NEEDED:
        if name not in found and name not in named:
            fail(f"column '{name}' is missing", "", f"the columns are {', '.join(header)}")
    if problems:
        raise ConfigError(problems)
    return found


def _check_unit(name: str, unit: str, known: str, fail: object) -> None:
    assert callable(fail)
    example = {"conductance": "uS", "time": "s", "temperature": "K"}[known]
    if not unit:
        fail(f"column '{name}' has no unit", "", f"write '{name} [{example}]'")
        return
    try:
        parsed = parse_unit(unit)
    except UnitError as error:
        fail(f"column '{name}': {error}", "", f"for example '{name} [{example}]'")
        return
    if parsed.vector != parse_unit(si_unit(known)).vector:
        fail(
            f"column '{name}': '{unit}' is of dimension {dimension_of(parsed)}, not {known}",
            "",
            f"for example '{name} [{example}]'",
        )


def _values(
    path: Path, lines: list[list[str]], columns: dict[str, tuple[int, str]]
) -> Measurements:
    problems: list[Problem] = []
    values: dict[str, list[float]] = {name: [] for name in columns if name != "cell"}
    cells: dict[str, int] = {}
    owners: list[int] = []
    for line, row in enumerate(lines[1:], 2):
        if not any(text.strip() for text in row):
            continue
        if len(row) != len(lines[0]):
            what = f"{len(row)} values for {len(lines[0])} columns"
            problems.append(Problem(what, str(path), line))
            continue
        if "cell" in columns:
            owners.append(cells.setdefault(row[columns["cell"][0]].strip(), len(cells)))
        for name, (place, unit) in columns.items():
            if name != "cell":
                number = _number(row[place])
                why = _fault(name, number, row[place])
                if why:
                    problems.append(Problem(why, str(path), line, None, name))
                elif number is not None:
                    values[name].append(to_si(number, unit))
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS]
        if more > 0:
            shown.append(Problem(f"and {more} more lines like these", str(path)))
        raise ConfigError(shown)
    rows = len(values["target"])
    if rows < FEWEST:
        raise InputError(
            f"{path}: {rows} rows are too few for a spread; give at least {FEWEST}, better some "
            "hundred at each target"
        )
    arrays = {name: np.array(column) for name, column in values.items()}
    reads = [arrays[name] for name in sorted(arrays) if name.startswith("read")]
    found = Measurements(
        arrays["target"],
        arrays["achieved"],
        arrays.get("time", np.zeros(rows)),
        np.array(owners) if owners else _in_order(path, arrays),
        np.stack(reads, axis=1) if reads else np.empty((rows, 0)),
        arrays.get("temperature"),
    )
    _check_cells(path, found)
    return found


def _in_order(path: Path, arrays: dict[str, FloatArray]) -> NDArray[np.int64]:
    """Return the cells of a file that does not name them, from the order of its rows.

    Readings at several times belong to the same cells if the targets follow each other in the same
    order at every time.
    """
    target = arrays["target"]
    times = arrays.get("time", np.zeros(len(target)))
    cells = np.empty(len(target), np.int64)
    sequences = []
    for time in np.unique(times):
        here = times == time
        cells[here] = np.arange(here.sum())
        sequences.append(target[here])
    if any(not np.array_equal(sequences[0], other) for other in sequences[1:]):
        raise InputError(
            f"{path}: column 'cell' is missing: the file has {len(sequences)} times, and the "
            "targets do not follow each other alike at all of them, so that it is unknown which "
            "readings belong to one cell"
        )
    return cells


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _fault(name: str, number: float | None, text: str) -> str:
    """Return what is wrong with a number, or nothing."""
    if number is None:
        return f"'{text.strip()}' is not a number" if text.strip() else "there is no number"
    if not math.isfinite(number):
        return f"'{text.strip()}' is not a finite number; leave the row out"
    if number < 0 and name in ("target", "time"):
        return f"{text.strip()} is negative"
    return ""


def _check_cells(path: Path, found: Measurements) -> None:
    """Refuse a cell that was written to two targets: its readings would not belong together."""
    first: dict[int, float] = {}
    for cell, target in zip(found.cell.tolist(), found.target.tolist(), strict=True):
        if first.setdefault(cell, target) != target:
            raise InputError(
                f"{path}: a cell has the targets {first[cell] * 1e6:g} and {target * 1e6:g} uS; "
                "give each writing a name of its own in the column 'cell'"
            )
