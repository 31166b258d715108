"""Accuracy against bits, thresholds at 1 % over float, and what the bits between them save.

    python benchmarks/qs4d/bits.py

reads all rows of results/ (ptq.py, qat.py and whatever has the same columns), prints them as tables
and writes results/thresholds.csv and docs/figures/qs4d_bits.png. The threshold is the least width
down to which the mean accuracy over the seeds stays within one point of the float networks of
these seeds. Effort, memory and ADC complexity are those of docs/metrics.md: PTQ at its threshold
over QAT at its own, and the float network over QAT.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
from study import (
    GRANULARITIES,
    RESULTS,
    ROOT,
    Row,
    load_data,
    read_rows,
    training_file,
    widths_of,
)

from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.program.metrics import FLOAT_BITS, gain, metrics
from imssa_sim.program.shape import NetworkShape, shape_of

LOSS = 0.01
COLUMNS = (
    "workload", "granularity", "seeds", "float", "ptq_threshold", "qat_threshold",
    "effort_ptq_over_qat", "memory_ptq_over_qat", "adc_ptq_over_qat",
    "effort_float_over_qat", "memory_float_over_qat",
)  # fmt: skip


def seeds_of(rows: list[Row], **wanted: Any) -> dict[int, float]:
    """Return the accuracy of each seed among the rows with these values.

    Where several say one thing, the last counts (files in the order of their names).
    """
    found: dict[int, float] = {}
    for row in rows:
        if all(getattr(row, name) == value for name, value in wanted.items()):
            found[row.seed] = row.accuracy
    return found


def series(rows: list[Row], workload: str, granularity: str, method: str) -> dict[int, list[float]]:
    """Return the accuracies of the seeds by width, the widest first."""
    widths = sorted(
        {r.bits for r in rows if (r.workload, r.granularity, r.method)
         == (workload, granularity, method)}, reverse=True,
    )  # fmt: skip
    return {
        bits: list(
            seeds_of(
                rows, workload=workload, granularity=granularity, method=method, bits=bits
            ).values()
        )
        for bits in widths
    }


def threshold(rows: list[Row], workload: str, granularity: str, method: str) -> int | None:
    """Return the least width down to which the mean loss stays within `LOSS`."""
    plain = seeds_of(rows, workload=workload, method="float")
    least = None
    for bits in series(rows, workload, granularity, method):
        found = seeds_of(rows, workload=workload, granularity=granularity, method=method, bits=bits)
        loss = np.mean([plain[seed] - value for seed, value in found.items() if seed in plain])
        if not loss <= LOSS + 1e-9:
            break
        least = bits
    return least


def shape_and_length(workload: str) -> tuple[NetworkShape, int]:
    """Return the sizes of a workload's network and its sequence length.

    Of the network that ships, where there is one: its data need not be at hand.
    """
    from imssa_sim.training.load import load_train_config

    shipped = ROOT / "checkpoints" / f"{workload}.safetensors"
    if shipped.is_file():
        stored = load_checkpoint(shipped)
        return shape_of(stored.network), int(stored.metadata["data"]["length"])
    model = load_train_config(training_file(workload)).model
    shape = NetworkShape.uniform(
        layers=model.layers, width=model.width, state=model.state, inputs=model.inputs,
        classes=model.classes, bidirectional=model.bidirectional,
    )  # fmt: skip
    return shape, load_data(workload).length


def summary(rows: list[Row], workload: str, granularity: str) -> dict[str, Any]:
    """Return the row of thresholds.csv of one workload and granularity."""
    plain = seeds_of(rows, workload=workload, method="float")
    found = {m: threshold(rows, workload, granularity, m) for m in ("ptq", "qat")}
    entry: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    most = {m: [*series(rows, workload, granularity, m).values()] for m in found}
    entry |= {
        "workload": workload, "granularity": granularity,
        "float": f"{np.mean([*plain.values()]):.4f}",
        "seeds": " ".join(
            f"{m}:{max(map(len, values), default=0)}" for m, values in most.items()
        ),
        "ptq_threshold": found["ptq"] or "", "qat_threshold": found["qat"] or "",
    }  # fmt: skip
    if found["qat"] is None:
        return entry
    shape, length = shape_and_length(workload)
    counted = {m: metrics(shape, widths_of(granularity, w), length) for m, w in found.items() if w}
    over_float = gain(metrics(shape, FLOAT_BITS, length, adc_bits=1), counted["qat"])
    entry["effort_float_over_qat"] = f"{over_float.effort:.1f}"
    entry["memory_float_over_qat"] = f"{over_float.memory:.2f}"
    if "ptq" in counted:
        factors = gain(counted["ptq"], counted["qat"])
        for name in ("effort", "memory", "adc"):
            entry[f"{name}_ptq_over_qat"] = f"{getattr(factors, name):.2f}"
    return entry


def table(rows: list[Row], workload: str) -> str:
    """Return mean accuracies in percent by width, seeds and thresholds as a Markdown table."""
    methods = sorted({row.method for row in rows if row.workload == workload} - {"float"})
    columns = [
        (granularity, method, series(rows, workload, granularity, method))
        for granularity in GRANULARITIES
        for method in methods
    ]
    columns = [column for column in columns if column[2]]
    plain = seeds_of(rows, workload=workload, method="float")
    found = f"`{workload}`, float {100 * np.mean([*plain.values()]):.1f} % (seeds: {len(plain)}):"
    lines = [
        [
            f"{m[:3].upper()}{m[3:].replace('-', ' ')}, {granularity}"
            for granularity, m, _ in columns
        ]
    ]
    names = ["bits"]
    for bits in sorted({width for *_, values in columns for width in values}, reverse=True):
        values = [column[2].get(bits) for column in columns]
        lines.append([f"{100 * np.mean(v):.1f}" if v else "" for v in values])
        names.append(str(bits))
    lines.append([str(max(map(len, values.values()))) for *_, values in columns])
    lines.append([str(threshold(rows, workload, g, m) or "none") for g, m, _ in columns])
    names += ["seeds", "**threshold**"]
    text = [f"| {' | '.join([name, *line])} |" for name, line in zip(names, lines, strict=True)]
    return "\n".join([found, "", text[0], "|---" * (len(columns) + 1) + "|", *text[1:], ""])


def draw(rows: list[Row], workloads: list[str], path: Path) -> None:
    """Plot error against bits: one panel per workload, one colour per granularity."""
    from matplotlib import pyplot as plt

    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import save

    figure, panels = plt.subplots(
        1, len(workloads), figsize=(3.6 * len(workloads) + 0.6, 3.4), layout="constrained",
        squeeze=False, sharey=True,
    )  # fmt: skip
    names = {name: f"scale per {name}" for name in GRANULARITIES} | {"increments": "increments"}
    for axes, workload in zip(panels[0], workloads, strict=True):
        for colour, granularity in zip(PALETTE, GRANULARITIES, strict=False):
            for method, style, marker in (("ptq", "--", "s"), ("qat", "-", "o")):
                found = series(rows, workload, granularity, method)
                if not found:
                    continue
                errors = [100 * (1 - np.mean(v)) for v in found.values()]
                axes.plot([*found], errors, style, marker=marker, color=colour, markersize=4,
                          label=f"{method.upper()}, {names[granularity]}")  # fmt: skip
                each = [(bits, 100 * (1 - a)) for bits, v in found.items() for a in v]
                axes.plot(*zip(*each, strict=True), ".", color=colour, alpha=0.35, markersize=3)
        plain = np.mean([*seeds_of(rows, workload=workload, method="float").values()])
        axes.axhline(100 * (1 - plain), color="0.3", linewidth=1, label="float")
        axes.axhline(100 * (1 - plain + LOSS), color="0.6", linewidth=1, linestyle=":",
                     label="float + 1 point")  # fmt: skip
        axes.set(xlabel="bits of all tensors", yscale="log", title=workload)
        axes.set_yticks(
            (0.5, 1, 2, 5, 10, 20, 50, 100), ("0.5", "1", "2", "5", "10", "20", "50", "100")
        )
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("error on the test part [%]")
    handles = {
        label: handle
        for axes in panels[0]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=7)
    save(figure, [path])


def main() -> None:
    """Summarise from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the rows")
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    rows = read_rows(given.results)
    if not rows:
        raise SystemExit(f"{given.results} holds no rows: run ptq.py or qat.py first")
    workloads = sorted(
        {r.workload for r in rows if r.method == "float"}, key=lambda n: (n != "sdigits", n)
    )
    entries = []
    for workload in workloads:
        for granularity in GRANULARITIES:
            if any((r.workload, r.granularity) == (workload, granularity) for r in rows):
                entries.append(summary(rows, workload, granularity))
        if any(r.workload == workload and r.method != "float" for r in rows):
            print(table(rows, workload))
    with (given.results / "thresholds.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(entries)
    given.figures.mkdir(parents=True, exist_ok=True)
    draw(rows, workloads, given.figures / "qs4d_bits.png")


if __name__ == "__main__":
    main()
