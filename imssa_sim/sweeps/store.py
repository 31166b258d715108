"""The folder of a sweep: one process at a time writes it, and each point is there once."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from imssa_sim.errors import InputError
from imssa_sim.file_lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from imssa_sim.sweeps.basis import Basis
    from imssa_sim.sweeps.plan import SweepPlan

RESULTS = "results.jsonl"
MARKER = "sweep.json"


@dataclass(frozen=True)
class PointResult:
    """One finished point.

    Attributes
    ----------
    point : mapping
        Its overrides.
    stats : mapping
        Its statistics by name; empty if it failed.
    error : str
        Why it has no result, or empty.
    message : str
        Which data and weights it used.
    basis : mapping
        What the result depends on (`imssa_sim.sweeps.basis`).
    """

    point: Mapping[str, Any]
    stats: Mapping[str, float | int | str | None]
    error: str = ""
    message: str = ""
    basis: Basis = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the line that stands for this result in the results file."""
        return json.dumps(asdict(self))


def identity(point: Mapping[str, Any]) -> str:
    """Return what tells points of a sweep apart."""
    text = json.dumps(dict(point), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """Context manager: the results folder of a plan, locked against other processes.

    Raises
    ------
    InputError
        If the folder belongs to something else, another sweep is at work in it, or it cannot be
        written.
    """

    def __init__(self, plan: SweepPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._lock = FileLock(folder / MARKER)
        self._results = folder / RESULTS

    def __enter__(self) -> Self:
        self._check_free()
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            if not self._lock.acquire():
                raise InputError(
                    f"another sweep is at work in '{self._folder}'; wait for it, or choose "
                    "another folder with -o"
                )
            self._mark()
            for partial in self._folder.glob(".*.partial"):
                partial.unlink()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def read(self) -> list[PointResult]:
        """Return the stored results; a line that a kill cut off is none."""
        if not self._results.exists():
            return []
        return parsed(self._results.read_text(encoding="utf-8", errors="replace"))

    def keep(self, results: Iterable[PointResult]) -> None:
        """Leave these results in the file, and nothing else."""
        with self._writing():
            partial = self._folder / f".{RESULTS}.partial"
            partial.write_text("".join(f"{r.to_json()}\n" for r in results), encoding="utf-8")
            os.replace(partial, self._results)

    def append(self, result: PointResult) -> None:
        """Add a result; it is in the file when this returns."""
        with self._writing(), self._results.open("a", encoding="utf-8") as file:
            file.write(result.to_json() + "\n")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"'{self._folder}' cannot be written: {error.strerror or error}; what is finished "
                "stays in it, and the same command continues"
            ) from error

    def _check_free(self) -> None:
        if not self._folder.exists():
            return
        inside = [] if not self._folder.is_dir() else list(self._folder.iterdir())
        if not self._folder.is_dir() or (inside and not (self._folder / MARKER).exists()):
            raise InputError(
                f"'{self._folder}' exists and is not a sweep's folder: nothing is overwritten; "
                "choose another with -o"
            )

    def _mark(self) -> None:
        """Write whose folder it is, or check it."""
        marker = self._folder / MARKER
        try:
            found = json.loads(marker.read_text(encoding="utf-8")).get("fingerprint")
        except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
            found = None
            if not self._results.exists():  # killed before it was written
                found = self._plan.fingerprint
                tree = {"sweep": self._plan.name, "fingerprint": found}
                marker.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
        if found != self._plan.fingerprint:
            self._lock.release()
            raise InputError(
                f"'{self._folder}' holds the results of another sweep: nothing is overwritten; "
                "choose another folder with -o"
            )


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder holds the results of a sweep."""
    return (folder / MARKER).is_file()


def read_results(folder: Path) -> tuple[str, list[PointResult]]:
    """Return the name of a stored sweep, and its results as far as it has come.

    Raises
    ------
    InputError
        A file of the sweep is missing or damaged, or there is no result yet.
    """
    try:
        name = str(json.loads((folder / MARKER).read_text("utf-8"))["sweep"])
        lines = (folder / RESULTS).read_text("utf-8", errors="replace")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"'{folder}' is no whole folder of a sweep: {error}") from error
    results = parsed(lines)
    if not results:
        raise InputError(f"'{folder}': the sweep has no result yet")
    return name, results


def parsed(text: str) -> list[PointResult]:
    """Return the results that the lines of a results file hold; a line cut off is none."""
    found = {}
    for line in text.splitlines():
        try:
            result = PointResult(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        found[identity(result.point)] = result
    return list(found.values())
