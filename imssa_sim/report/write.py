"""The files of a run directory."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from imssa_sim import __version__
from imssa_sim.cards import METHODS, cite_cards
from imssa_sim.config import dump_resolved
from imssa_sim.config.cards import cards_used
from imssa_sim.ledger.rows import write_rows
from imssa_sim.report.stream import stream_table
from imssa_sim.report.tables import energy_table, layers_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from imssa_sim.report.run_directory import RunDirectory
    from imssa_sim.simulation.result import RunResult, Stream
    from imssa_sim.simulation.stats import Stat

_LIBRARIES = ("numpy", "numba", "scipy", "simpy", "pandas", "pydantic", "scikit-learn")


def write_run(
    directory: RunDirectory,
    result: RunResult,
    stats: Sequence[Stat],
    command: Sequence[str],
    figures: bool = True,
) -> None:
    """Write all files and, if wanted, figures of a run.

    ``config.resolved.yaml``, ``manifest.json``, ``stats.json``, ``stats.txt``, ``ledger.csv``,
    ``ledger.parquet``, ``area.csv``, ``layers.csv``, ``predictions.csv``, ``citations.bib``, and
    the figures as PNG and SVG; ``stream.csv`` and a figure of it where there was a stream.
    """
    directory.file("config.resolved.yaml").write_text(dump_resolved(result.loaded), "utf-8")
    manifest = json.dumps(_manifest(result, command), indent=2)
    directory.file("manifest.json").write_text(manifest + "\n", "utf-8")
    values = json.dumps({stat.name: stat.value for stat in stats}, indent=2)
    directory.file("stats.json").write_text(values + "\n", "utf-8")
    directory.file("stats.txt").write_text(stats_text(stats), "utf-8")
    result.ledger.write_csv(directory.file("ledger.csv"))
    result.ledger.write_parquet(directory.file("ledger.parquet"))
    result.ledger.write_area_csv(directory.file("area.csv"))
    tables: dict[str, Sequence[Mapping[str, Any]]] = {
        "layers": layers_table(result),
        "predictions": _predictions(result),
    }
    if result.stream is not None:
        tables["stream"] = stream_table(result.stream)
    for name, rows in tables.items():
        with directory.file(f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            write_rows(file, rows)
    cards = cards_used(result.loaded.config).values()
    bibliography = cite_cards(cards, (*METHODS, *result.citations))
    directory.file("citations.bib").write_text(bibliography, "utf-8")
    if figures:
        _figures(directory, result)


def stats_text(stats: Sequence[Stat]) -> str:
    """Return ``name value unit # description`` lines, aligned."""
    rows = [(s.name, _shown(s.value), s.unit or "-", s.description) for s in stats]
    name = max(len(row[0]) for row in rows)
    value = max(len(row[1]) for row in rows)
    unit = max(len(row[2]) for row in rows)
    return "".join(f"{n:<{name}}  {v:>{value}}  {u:<{unit}}  # {d}\n" for n, v, u, d in rows)


def _figures(directory: RunDirectory, result: RunResult) -> None:
    from imssa_sim.report.figures.energy import energy_bars, energy_sunburst
    from imssa_sim.report.figures.latency import latency_bars, timeline
    from imssa_sim.report.figures.style import save

    table = energy_table(result)
    rows = [(row.stage, row.kind, row.service) for row in result.timing.latency]
    figures = {
        "energy_bars": energy_bars(table),
        "energy_sunburst": energy_sunburst(table),
        "latency": latency_bars(rows),
        "timeline": timeline(result.timing.timeline),
    }
    if result.stream is not None:
        figures["stream"] = _stream(result, result.stream)
    for name, figure in figures.items():
        save(figure, [directory.file(f"{name}.png"), directory.file(f"{name}.svg")])


def _stream(result: RunResult, stream: Stream) -> Figure:
    from imssa_sim.report.figures.stream import accuracy_over_time

    config, digital = result.loaded.config.evaluate.stream, result.accuracy.digital_correct
    every = config.reprogram_every or 0.0
    return accuracy_over_time(
        [(p.moment.clock, [c / p.samples for c in p.correct]) for p in stream.points],
        [n * every for n in range(1, stream.rewritings + 1)],
        None if digital is None else digital / result.accuracy.samples,
        logarithmic=config.spacing == "logarithmic",
    )


def _manifest(result: RunResult, command: Sequence[str]) -> dict[str, object]:
    return {
        "imssa_sim": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "command": list(command),
        "workload": result.loaded.config.workload,
        "overrides": list(result.loaded.overrides),
        "seed": result.loaded.config.seed,
        "data": asdict(result.data),
        "timing_engine": result.timing.engine,
        "wall_time_s": dict(result.host_seconds),
    }


def _predictions(result: RunResult) -> list[dict[str, int]]:
    """Return one row a test sequence."""
    columns = {name: values.tolist() for name, values in result.predictions.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _shown(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
