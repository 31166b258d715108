"""TOPS/W of the chip against the GPUs, per workload, with intervals.

    python -m imssa_sim run scifar --uncertainty -o runs/scifar
    python -m imssa_sim run sdigits --uncertainty -o runs/sdigits
    python benchmarks/jetson.py runs/scifar runs/sdigits -o DIR

reads run directories that ``run --uncertainty`` wrote, prints the comparison with its
iso-conditions (same network, same sequence, same useful operations: two per multiply-accumulate
that the network needs; the chip at its bits, the GPU in half precision), and with ``-o`` saves
``jetson.csv`` and ``jetson.png``/``.svg``. The second block holds the sequence rate equal too: both
devices take what the slower one sustains and draw power while they wait. The screen says whether
the chip is as accurate as the float network that the GPU runs. Intervals are those of the runs:
every ranged or assumed number of the cards varies, the GPU's launch overhead, idle power and
efficiencies among them.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

EQUAL_ACCURACY = 0.01
"""Loss against the float network that still counts as equal; the thresholds of QS4D use it too."""


class Row(NamedTuple):
    """TOPS/W by useful operations of one device on one workload."""

    workload: str
    device: str
    low: float
    nominal: float
    high: float
    ratio_low: float
    ratio: float
    ratio_high: float
    rate: float
    equal_rate_low: float
    equal_rate: float
    equal_rate_high: float


def read(folder: Path) -> tuple[list[Row], dict[str, Any]]:
    """The rows of one run directory, the chip first, and its statistics."""
    try:
        found = json.loads((folder / "uncertainty.json").read_text(encoding="utf-8"))
        stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SystemExit(
            f"{folder} has no {Path(error.filename).name}: make the run with --uncertainty"
        ) from None
    name = str(manifest.get("workload", folder.name))
    chip = found["intervals"]["efficiency_useful"]
    if any("equal_rate" not in baseline for baseline in found["baselines"]):
        raise SystemExit(f"{folder} comes from an earlier version: make the run again")
    itself = {"low": 1.0, "nominal": 1.0, "high": 1.0}
    rate = float(stats["time.throughput"])
    rows = [_row(name, "chip", chip, itself, rate, itself)]
    rows += [
        _row(name, b["baseline"], b["efficiency"], b["ratio"], b["rate"], b["equal_rate"])
        for b in found["baselines"]
    ]
    return rows, stats


def _row(
    workload: str, device: str, efficiency: dict[str, float], ratio: dict[str, float],
    rate: float, equal_rate: dict[str, float],
) -> Row:  # fmt: skip
    keys = ("low", "nominal", "high")
    values = [efficiency[key] / 1e12 for key in keys] + [ratio[key] for key in keys]
    return Row(workload, device, *values, rate, *(equal_rate[key] for key in keys))


def show(rows: list[Row], stats: dict[str, Any]) -> None:
    print(f"{rows[0].workload}: TOPS/W by useful operations, 90 % interval")
    accuracy = [stats.get(f"accuracy.{kind}") for kind in ("analog.mean", "float")]
    shown = ["not evaluated" if value is None else f"{value:.1%}" for value in accuracy]
    text = f"  accuracy on the chip {shown[0]}, of the float network {shown[1]}"
    if None not in accuracy and accuracy[1] - accuracy[0] > EQUAL_ACCURACY:
        text += ": NOT at equal accuracy"
    print(text)
    for row in rows:
        text = f"  {row.device:<48}{row.nominal:10.4g}  ({row.low:.3g} to {row.high:.3g})"
        if row.device != "chip":
            text += f"   chip: {row.ratio:.3g}x ({row.ratio_low:.3g} to {row.ratio_high:.3g})"
        print(text)
    print("  energy per inference at one sequence rate, waiting counted: GPU over chip")
    for row in rows[1:]:
        print(
            f"  {row.device:<48}{row.equal_rate:10.4g}x "
            f"({row.equal_rate_low:.3g} to {row.equal_rate_high:.3g})   {row.rate:.4g}/s"
        )


def save(rows: list[Row], folder: Path) -> None:
    from matplotlib import pyplot as plt

    from imssa_sim.report.colours import PALETTE

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "jetson.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    workloads = list(dict.fromkeys(row.workload for row in rows))
    devices = list(dict.fromkeys(row.device for row in rows))
    height = 1.2 + 0.3 * len(devices) * len(workloads)
    figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
    labels = []
    for place, row in enumerate(sorted(rows, key=lambda r: workloads.index(r.workload))):
        # The value on the cards may lie outside of the central interval where ranges are skewed.
        error = [[max(0.0, row.nominal - row.low)], [max(0.0, row.high - row.nominal)]]
        colour = PALETTE[devices.index(row.device) % len(PALETTE)]
        axes.errorbar(row.nominal, place, xerr=error, fmt="o", color=colour, capsize=3)
        labels.append(f"{row.workload}: {row.device}")
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("TOPS/W, useful operations (2 per multiply-accumulate)")
    axes.grid(alpha=0.3)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"jetson.{suffix}", dpi=150)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("runs", nargs="+", type=Path, help="run directories")
    parser.add_argument("-o", "--output", type=Path, help="folder for CSV and figure")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    for folder in options.runs:
        own, stats = read(folder)
        show(own, stats)
        rows += own
    if options.output is not None:
        save(rows, options.output)
        print(f"saved {options.output}/jetson.csv, jetson.png, jetson.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
