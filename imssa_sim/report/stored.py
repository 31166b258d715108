"""Finished runs, read back from their directories."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from imssa_sim.errors import InputError
from imssa_sim.ledger.rows import read_rows
from imssa_sim.report.record import EVALUATED, TABLES, Rows
from imssa_sim.report.screen import WIDTH
from imssa_sim.report.tables import flat
from imssa_sim.simulation.stats import Stat, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

SUMMARY = "summary.txt"


@dataclass(frozen=True, eq=False)
class StoredRun:
    """The record of a run in its directory; its tables are read when they are asked for.

    Attributes
    ----------
    path : Path
    values : dict
        Statistics by name, in SI.
    config : dict
        Resolved configuration, by dotted path.
    """

    path: Path
    values: dict[str, Value]
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.resolve().name

    @cached_property
    def stats(self) -> tuple[Stat, ...]:
        """Statistics with units and meaning."""
        found = []
        for line in self._text("stats.txt").splitlines():
            left, _, meaning = line.partition("  # ")
            name, *_, unit = re.split(" {2,}", left.strip())
            found.append(Stat(name, self.values[name], "" if unit == "-" else unit, meaning))
        return tuple(found)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Version, libraries, command, data, seed and wall times."""
        with self._reading("manifest.json"):
            found: dict[str, Any] = json.loads(self._text("manifest.json"))
        return found

    @cached_property
    def citations(self) -> str:
        """BibTeX of what the run rests on."""
        return self._text("citations.bib")

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of its tables."""
        named = ("settings", "stream", "input", "power_states")
        more = (name for name in named if (self.path / f"{name}.csv").exists())
        none = () if any(name in self.values for name in EVALUATED) else ("predictions",)
        return (*(name for name in TABLES if name not in none), *more)

    @cached_property
    def uncertainty(self) -> dict[str, Any] | None:
        """Intervals of totals and what drives them; None where they were not asked for."""
        if not (self.path / "uncertainty.json").exists():
            return None
        with self._reading("uncertainty.json"):
            found: dict[str, Any] = json.loads(self._text("uncertainty.json"))
        return found

    def table(self, name: str) -> Rows:
        """Return a table, one mapping a row; the columns are those of the file ``NAME.csv``."""
        if name not in self._read:
            with self._reading(f"{name}.csv"):
                self._read[name] = read_rows(self._text(f"{name}.csv"))
        return self._read[name]

    def summary(self, width: int = WIDTH) -> str:
        """Return the screen that ended the run, as it was stored."""
        return self._text(SUMMARY).removesuffix("\n")

    @cached_property
    def _read(self) -> dict[str, Rows]:
        return {}

    def _text(self, name: str) -> str:
        with self._reading(name):
            return (self.path / name).read_text("utf-8")

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"'{self.path}' has no {name}: {error.strerror}") from error
        except ValueError as error:
            raise InputError(f"'{self.path}': {name} is damaged: {error}") from error


def read_run(path: Path) -> StoredRun:
    """Read a run directory.

    Raises
    ------
    InputError
        If it is missing, not a run's, or a file in it is damaged.
    """
    if not path.is_dir():
        raise InputError(f"run directory '{path}' does not exist")
    try:
        stats = json.loads((path / "stats.json").read_text("utf-8"))
        config = YAML(typ="safe").load((path / "config.resolved.yaml").read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"'{path}' is not the directory of a run: it has no {Path(error.filename).name}"
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, YAMLError) as error:
        raise InputError(f"'{path}': a file of the run is damaged: {error}") from error
    if not isinstance(stats, dict) or not isinstance(config, dict):
        raise InputError(f"'{path}': a file of the run is damaged: expected a mapping")
    return StoredRun(path, stats, flat(config))
