"""Finished runs, read back from their directories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from imssa_sim.errors import InputError

SUMMARY = "summary.txt"


@dataclass(frozen=True)
class StoredRun:
    """A run directory: its statistics by name, and its resolved configuration, flat."""

    path: Path
    stats: dict[str, float | int | str | None]
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.resolve().name


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
    return StoredRun(path, stats, dict(_flat(config)))


def read_summary(path: Path) -> str:
    """Return the screen that ended a run.

    Raises
    ------
    InputError
        If the directory is not a run's.
    """
    read_run(path)
    try:
        return (path / SUMMARY).read_text("utf-8")
    except OSError as error:
        raise InputError(f"'{path}' has no {SUMMARY}: {error.strerror}") from error


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        path = f"{prefix}{key}"
        found += _flat(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return found
