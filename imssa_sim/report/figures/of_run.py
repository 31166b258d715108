"""The figures of a run by name, drawn from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.figures.energy import energy_bars, energy_sunburst
from imssa_sim.report.figures.latency import latency_bars, timeline
from imssa_sim.report.figures.real_time import latency_and_fill
from imssa_sim.report.figures.stream import accuracy_over_time
from imssa_sim.report.tables import energy_of_record
from imssa_sim.timing.result import Occupancy
from imssa_sim.units import parse_quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imssa_sim.report.record import Record

FIGURES = {
    "energy": "energy_bars",
    "energy_sunburst": "energy_sunburst",
    "latency": "latency",
    "timeline": "timeline",
    "stream": "stream",
    "input": "input",
}
"""Figure -> its file in a run directory."""


def figures_of(record: Record) -> dict[str, str]:
    """Return the figures that a run has, and the names of their files."""
    without = {"stream", "input"} - set(record.tables)
    return {name: file for name, file in FIGURES.items() if name not in without}


def draw(record: Record, name: str) -> Figure:
    """Draw one of `figures_of`; the figure belongs to no window and to no pyplot state."""
    match name:
        case "energy":
            return energy_bars(energy_of_record(record))
        case "energy_sunburst":
            return energy_sunburst(energy_of_record(record))
        case "latency":
            rows = record.table("latency")
            return latency_bars([(r["stage"], r["kind"], r["service_s"]) for r in rows])
        case "timeline":
            return timeline(
                [
                    Occupancy(r["path"], r["action"], r["token"], r["start_s"], r["end_s"])
                    for r in record.table("timeline")
                ]
            )
        case "stream":
            return _stream(record)
        case "input":
            return _input(record)
        case _:
            raise KeyError(name)


def _stream(record: Record) -> Figure:
    points: dict[float, list[float]] = {}
    for row in record.table("stream"):
        points.setdefault(row["clock_s"], []).append(row["accuracy"])
    every = record.config["evaluate.stream.reprogram_every"]
    seconds = 0.0 if every is None else parse_quantity(every, "time")
    reference = record.values["accuracy.digital"]
    return accuracy_over_time(
        list(points.items()),
        [n * seconds for n in range(1, int(record.values["stream.reprogrammed"] or 0) + 1)],
        None if reference is None else float(reference),
        logarithmic=record.config["evaluate.stream.spacing"] == "logarithmic",
    )


def _input(record: Record) -> Figure:
    series: dict[str, list[tuple[float, int]]] = {}
    for row in record.table("input"):
        series.setdefault(row["series"], []).append((row["x"], row["y"]))
    deadline = record.values.get("input.deadline")
    return latency_and_fill(
        series["latency"],
        series["fill"],
        None if deadline is None else float(deadline),
        float(record.values["input.latency.median"] or 0.0),
    )
