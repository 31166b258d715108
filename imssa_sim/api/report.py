"""Reports of runs and sweeps as one HTML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imssa_sim.api.result import Run, open_run
from imssa_sim.errors import InputError
from imssa_sim.report.page.document import MADE_BY
from imssa_sim.report.run_directory import writing

if TYPE_CHECKING:
    from collections.abc import Iterable

REPORT = "report.html"


def write_report(
    sources: str | Path | Run | Iterable[str | Path | Run], file: str | Path | None = None
) -> Path:
    """Write a report: of a run, of several side by side, or of a sweep.

    One file that opens in a browser without a network: figures, the source of every number, the
    configuration. All is read from what the runs stored.

    Parameters
    ----------
    sources : path, Run, or several of them
        Directories of runs, runs, or the folder of a sweep.
    file : str or Path, optional
        Where to write it; by default ``report.html`` in the directory of the run or the sweep. An
        earlier report is replaced, no other file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        A source is neither a run nor a sweep, several sources without ``file``, or the file
        cannot be written.
    """
    given = [sources] if isinstance(sources, str | Path | Run) else list(sources)
    if not given:
        raise InputError("a report needs the directory of a run or of a sweep")
    place = _place(given, file)
    _check_free(place)
    text = _page(given)
    partial = place.with_name(f".{place.name}.partial")
    with writing(place, "no report was kept"):
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, place)
    return place


def _page(given: list[str | Path | Run]) -> str:
    from imssa_sim.report.page.compare import compare_page
    from imssa_sim.report.page.run import run_page
    from imssa_sim.report.page.sweep import sweep_page
    from imssa_sim.sweeps.store import is_sweep, read_results

    paths = [Path(source).expanduser() for source in given if not isinstance(source, Run)]
    sweeps = [path for path in paths if is_sweep(path)]
    if sweeps:
        if len(given) > 1:
            raise InputError(f"'{sweeps[0]}' is a sweep: it has a report of its own")
        return sweep_page(*read_results(sweeps[0]))
    records = [(source if isinstance(source, Run) else open_run(source)).record for source in given]
    return run_page(records[0]) if len(records) == 1 else compare_page(records)


def _place(given: list[str | Path | Run], file: str | Path | None) -> Path:
    if file is not None:
        return Path(file).expanduser()
    if len(given) > 1:
        raise InputError("the report of several runs needs a file of its own: name it (-o FILE)")
    folder = given[0].path if isinstance(given[0], Run) else Path(given[0]).expanduser()
    if folder is None:
        raise InputError("the run is not stored: name a file, or save it first")
    return folder / REPORT


def _check_free(place: Path) -> None:
    if not place.parent.is_dir():
        raise InputError(f"'{place.parent}' does not exist: make it, or name another with -o")
    if place.is_dir():
        raise InputError(f"'{place}' is a folder; name a file")
    if place.exists() and MADE_BY not in place.read_text("utf-8", errors="replace")[:2000]:
        raise InputError(f"'{place}' exists already and is no report: name another file")
