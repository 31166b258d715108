"""Several sequences in turn: throughput, latency, energy and area over their number.

    python benchmarks/interleave.py [-o DIR] [--set KEY=VALUE …]

Two chips: that of ``sdigits``, where the read of an array takes more than half of the loop, and
that of ``sdigits_interleaved``, whose slow converters work in three ways. Times are those of the
event engine, energies those of a run of 20 sequences on one chip; fails unless all predictions
are those of one sequence alone.

Prints a table; with ``-o`` saves ``interleave.csv`` and ``interleave.png``/``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imssa_sim.config import load_config
from imssa_sim.report.colours import PALETTE
from imssa_sim.simulation.interleave_stats import energies_back_to_back
from imssa_sim.simulation.run import simulate

WORKLOADS = ("sdigits", "sdigits_interleaved")
NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16)
FEW = ("evaluate.samples=20", "evaluate.chips=1", "evaluate.float=false", "baselines=[]")


class Row(NamedTuple):
    """So many sequences in turn on one chip; SI, energy and area per sequence."""

    workload: str
    sequences: int
    interval: float
    throughput: float
    speedup: float
    latency: float
    energy: float
    area: float
    registers: float


def measure(workload: str, overrides: list[str]) -> list[Row]:
    """Return the rows of one chip."""
    rows: list[Row] = []
    alone = None
    for number in NUMBERS:
        given = (*FEW, *overrides, f"hardware.interleave={number}")
        result = simulate(load_config(workload, given))
        alone = result if alone is None else alone
        for name, found in result.predictions.items():
            if not np.array_equal(found, alone.predictions[name]):
                raise SystemExit(f"{workload}, {number} in turn: other predictions ({name})")
        timing, turned = result.timing, result.interleaved
        rows.append(
            Row(
                workload,
                number,
                timing.interval if turned is None else turned.interval,
                timing.throughput if turned is None else turned.throughput,
                1.0 if turned is None else turned.throughput / timing.throughput,
                timing.end_to_end if turned is None else turned.latency,
                energies_back_to_back(result)[1],
                result.ledger.area / number,
                result.ledger.area_by_kind()["register"],
            )
        )
    return rows


def show(rows: list[Row]) -> None:
    """Print the table."""
    for workload in WORKLOADS:
        print(
            f"{workload}\n  K  step every    sequences/s           last after  energy each    area"
        )
        for r in (row for row in rows if row.workload == workload):
            print(
                f"{r.sequences:3}{r.interval * 1e9:9.2f} ns{r.throughput:15,.0f} "
                f"({r.speedup:.2f}x){r.latency * 1e6:11.2f} us{r.energy * 1e9:10.1f} nJ"
                f"{r.area * 1e6:10.3f} mm2"
            )


def save(rows: list[Row], folder: Path) -> None:
    """Write CSV and figure."""
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "interleave.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    figure, panels = plt.subplots(1, 3, figsize=(10, 3.4), layout="constrained")
    for colour, workload in zip(PALETTE, WORKLOADS, strict=False):
        own = [row for row in rows if row.workload == workload]
        numbers = [row.sequences for row in own]
        for axes, values in zip(
            panels,
            (
                [row.speedup for row in own],
                [row.latency * 1e6 for row in own],
                [row.energy * 1e9 for row in own],
            ),
            strict=True,
        ):
            axes.plot(numbers, values, marker="o", ms=3, color=colour, label=workload)
    panels[0].plot(NUMBERS[:4], NUMBERS[:4], ":", color="grey", label="K-fold")
    labels = ("throughput, of one sequence alone", "last result after [µs]", "energy each [nJ]")
    for axes, label in zip(panels, labels, strict=True):
        axes.set(xlabel="sequences in turn, K", ylabel=label, ylim=(0, None))
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"interleave.{suffix}", dpi=150)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Run all numbers on both chips."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("-o", "--output", type=Path, help="folder for CSV and figure")
    options = parser.parse_args(arguments)
    rows = [row for workload in WORKLOADS for row in measure(workload, options.overrides)]
    show(rows)
    if options.output is not None:
        save(rows, options.output)
        print(f"saved {options.output}/interleave.csv, interleave.png, interleave.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
