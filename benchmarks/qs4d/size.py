"""Size against precision: what a larger network buys back of what few bits lose.

    python benchmarks/qs4d/size.py sdigits --widths 16 32 --states 4 8 16 --bits 8 6 5 4

For each channel count H and state size N a float network is trained as the workload's file under
workloads/train says, then quantised after training (best of two calibrations, by validation) and,
with --qat, in training. Writes results/size.csv, with memory and effort (docs/metrics.md), and
docs/figures/qs4d_size.png.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from qat import lowered
from study import (
    FLOAT,
    RESULTS,
    ROOT,
    WORK,
    Table,
    accuracy,
    calibration_data,
    homogeneous,
    load_data,
    options_of,
    progress,
    trained,
)

from imssa_sim.data import Dataset
from imssa_sim.model.checkpoint import Checkpoint
from imssa_sim.program.metrics import FLOAT_BITS, metrics
from imssa_sim.program.shape import shape_of
from imssa_sim.reference import forward
from imssa_sim.reference.quantise import quantise

KEY = ("workload", "width", "state", "method", "bits", "seed")
COLUMNS = (*KEY, "accuracy", "samples", "memory", "effort", "config")


def after_training(checkpoint: Checkpoint, data: Dataset, bits: int) -> tuple[float, str]:
    """Return test accuracy and name of the calibration that validates best."""
    found = []
    for method in ("mse", "max"):
        network = quantise(
            checkpoint.network, homogeneous(bits), calibration_data(data),
            options=options_of("mode", method),
        )  # fmt: skip
        found.append((accuracy(network, data.validation), accuracy(network, data.test), method))
    _, test, method = max(found)
    return test, f"activations={method}"


def study(given: argparse.Namespace, table: Table, data: Dataset) -> None:
    """Add all rows that are missing."""
    for seed, width, state in itertools.product(given.seeds, given.widths, given.states):
        size = [f"model.width={width}", f"model.state={state}"]
        tag = f"{given.workload}_{seed}_H{width}_N{state}"
        start = trained(given.workload, f"{tag}_float", [f"seed={seed}", *size], given.work)
        place = {"workload": given.workload, "width": width, "state": state, "seed": seed}

        def missing(method: str, bits: int, place: dict[str, Any] = place) -> bool:
            return not table.has(**place, method=method, bits=bits)

        if missing("float", FLOAT):
            right = forward.accuracy(start.network, data.test.inputs, data.test.labels)
            add(table, data, start, place, "float", FLOAT, right, "")
        for bits in given.bits:
            if missing("ptq", bits):
                add(table, data, start, place, "ptq", bits, *after_training(start, data, bits))
        before = start
        for bits in sorted(given.qat, reverse=True):
            before = lowered(
                given.workload, f"{tag}_qat{bits}_{given.epochs}", before, bits, "mode", seed,
                given.epochs, given.work, extra=tuple(size),
            )  # fmt: skip
            if missing("qat", bits):
                assert before.quantisers is not None
                right = accuracy(before.quantisers.quantise(before.network), data.test)
                add(table, data, before, place, "qat", bits, right, f"{given.epochs} epochs")


def add(
    table: Table, data: Dataset, checkpoint: Checkpoint, place: dict[str, Any], method: str,
    bits: int, right: float, config: str,
) -> None:  # fmt: skip
    """Append one row."""
    widths = FLOAT_BITS if method == "float" else homogeneous(bits)
    counted = metrics(shape_of(checkpoint.network), widths, data.length, adc_bits=1)
    table.add(
        place
        | {
            "method": method, "bits": bits, "accuracy": right, "samples": len(data.test.labels),
            "memory": counted.total_memory, "effort": counted.total_effort, "config": config,
        }
    )  # fmt: skip
    progress(f"{checkpoint.path.stem} {method} {bits} bits: {right:.1%}")


def draw(table: Table, workload: str, path: Path) -> None:
    """Plot error against memory, one line per width in bits."""
    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import canvas, save

    figure, axes = canvas(6.4, 3.8)
    rows = [r for r in table.rows if r["workload"] == workload]
    lines = sorted({(r["method"], int(r["bits"])) for r in rows}, key=lambda k: (k[0], -k[1]))
    for number, (method, bits) in enumerate(lines):
        own = [r for r in rows if (r["method"], int(r["bits"])) == (method, bits)]
        sizes = sorted({int(r["memory"]) for r in own})
        errors = [
            100 * (1 - np.mean([float(r["accuracy"]) for r in own if int(r["memory"]) == size]))
            for size in sizes
        ]
        label = "float" if method == "float" else f"{method.upper()}, {bits} bits"
        axes.plot(
            [size / 8192 for size in sizes], errors, marker="o", markersize=4,
            linestyle={"ptq": "--"}.get(method, "-"), color=PALETTE[number % len(PALETTE)],
            label=label,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="weights and states [KiB]")
    axes.set(ylabel="error on the test part [%]", title=f"{workload}: size against precision")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, [path])


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32], help="channels H")
    parser.add_argument("--states", type=int, nargs="+", default=[4, 8, 16], help="state sizes N")
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 6, 5, 4], help="after training")
    parser.add_argument("--qat", type=int, nargs="*", default=[5, 4], help="widths in training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=10, help="of each width in training")
    parser.add_argument("--quick", action="store_true", help="two sizes, after training only")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    if given.quick:
        given.widths, given.states, given.bits, given.qat = [16], [4, 8], [8, 5], []
    table = Table(given.output / "size.csv", COLUMNS, KEY)
    study(given, table, load_data(given.workload))
    table.sort(lambda r: (r["workload"], int(r["width"]), int(r["state"]), r["method"],
                          -int(r["bits"]), int(r["seed"])))  # fmt: skip
    given.figures.mkdir(parents=True, exist_ok=True)
    draw(table, given.workload, given.figures / "qs4d_size.png")


if __name__ == "__main__":
    main()
