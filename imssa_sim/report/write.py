"""The files of a run directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imssa_sim.beside import beside
from imssa_sim.ledger.rows import write_rows
from imssa_sim.report.stored import SUMMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.report.record import LiveRecord
    from imssa_sim.report.run_directory import RunDirectory
    from imssa_sim.simulation.stats import Stat


def write_run(
    directory: RunDirectory, record: LiveRecord, figures: bool = True, more: str = ""
) -> None:
    """Write all files and, if wanted, figures of a run.

    ``config.resolved.yaml``, ``manifest.json``, ``stats.json``, ``stats.txt``, ``ledger.parquet``,
    ``citations.bib``, ``summary.txt``, one CSV file a table, and the figures as PNG and SVG.

    Parameters
    ----------
    directory : RunDirectory
    record : LiveRecord
    figures : bool
    more : str
        What the screen shows below its summary.
    """
    if not figures:
        _write_tables(directory, record, more)
        return
    from imssa_sim.report.figures.of_run import draw, figures_of
    from imssa_sim.report.figures.style import save

    files = figures_of(record)
    names = list(files)
    half = len(names) // 2

    def draw_all(names: Sequence[str]) -> None:
        for name in names:
            paths = [directory.file(f"{files[name]}.{kind}") for kind in ("png", "svg")]
            save(draw(record, name), paths)

    with beside(lambda: draw_all(names[half:])):
        _write_tables(directory, record, more)
        draw_all(names[:half])


def _write_tables(directory: RunDirectory, record: LiveRecord, more: str) -> None:
    """Write all that is not drawn."""
    directory.file("config.resolved.yaml").write_text(record.resolved, "utf-8")
    text = json.dumps(record.manifest, indent=2)
    directory.file("manifest.json").write_text(text + "\n", "utf-8")
    directory.file("stats.json").write_text(json.dumps(record.values, indent=2) + "\n", "utf-8")
    directory.file("stats.txt").write_text(stats_text(record.stats), "utf-8")
    for name in record.tables:
        with directory.file(f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            write_rows(file, record.table(name))
    record.result.ledger.write_parquet(directory.file("ledger.parquet"))
    directory.file("citations.bib").write_text(record.citations, "utf-8")
    directory.file(SUMMARY).write_text(f"{record.summary()}{more}\n", "utf-8")


def stats_text(stats: Sequence[Stat]) -> str:
    """Return ``name value unit # description`` lines, aligned."""
    rows = [(s.name, _shown(s.value), s.unit or "-", s.description) for s in stats]
    name = max(len(row[0]) for row in rows)
    value = max(len(row[1]) for row in rows)
    unit = max(len(row[2]) for row in rows)
    return "".join(f"{n:<{name}}  {v:>{value}}  {u:<{unit}}  # {d}\n" for n, v, u, d in rows)


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
