"""Sensitivity: accuracy against the bits of one tensor kind in one layer, all else wide.

    python benchmarks/qs4d/sensitivity.py sdigits --bits 8 6 5 4 3 2

After training, ranges of least squared error, one scale per mode. Every tensor kind goes down in
each layer by itself and in all layers together ("all"); the rest keeps --rest bits. Shows which
parts need precision, and so which ones a hybrid chip should keep digital. Writes
results/sensitivity.csv and docs/figures/qs4d_sensitivity_WORKLOAD.png.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from study import (
    KINDS,
    RESULTS,
    ROOT,
    WORK,
    Table,
    calibration_data,
    float_network,
    homogeneous,
    load_data,
    options_of,
    progress,
)

from imssa_sim.functional.digital import run_digital
from imssa_sim.quantisation.widths import BitWidths, LayeredBits
from imssa_sim.reference.quantise import quantise
from imssa_sim.simulation.chips import spread

KEY = ("workload", "kind", "layer", "bits", "seed")
COLUMNS = (*KEY, "accuracy", "samples", "config")
SCALED = tuple(kind for kind in KINDS if kind != "dt")
"""dt has a scale per channel, which makes it exact at any width."""


def lowered_bits(kind: str, layer: str, bits: int, rest: int, layers: int) -> BitWidths:
    """Return ``rest`` bits everywhere but for one kind in one layer, or in all."""
    wide = homogeneous(rest)
    low = replace(wide, **{kind: bits})
    if layer == "all":
        return low
    inside = tuple(low if str(i) == layer else wide for i in range(layers))
    return LayeredBits(**wide.widths(), layers=inside)


def draw(table: Table, workload: str, path: Path) -> None:
    """Plot a map of accuracy: kinds and layers down, bits across."""
    from matplotlib import pyplot as plt

    from imssa_sim.report.figures.style import save

    rows = [r for r in table.rows if r["workload"] == workload]
    layers = sorted({r["layer"] for r in rows}, key=lambda n: (n == "all", n))
    bits = sorted({int(r["bits"]) for r in rows}, reverse=True)
    figure, panels = plt.subplots(
        1, len(layers), figsize=(1.2 + 0.42 * len(bits) * len(layers), 3.2), sharey=True,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    image = None
    for axes, layer in zip(panels[0], layers, strict=True):
        cells = np.full((len(SCALED), len(bits)), np.nan)
        for row in rows:
            if row["layer"] == layer and row["kind"] in SCALED and int(row["bits"]) in bits:
                cells[SCALED.index(row["kind"]), bits.index(int(row["bits"]))] = float(
                    row["accuracy"]
                )
        image = axes.imshow(100 * cells, vmin=0, vmax=100, cmap="viridis", aspect="auto")
        for i, j in np.ndindex(*cells.shape):
            if not np.isnan(cells[i, j]):
                axes.text(j, i, f"{100 * cells[i, j]:.0f}", ha="center", va="center", fontsize=6,
                          color="white" if cells[i, j] < 0.6 else "black")  # fmt: skip
        axes.set_xticks(range(len(bits)), bits)
        axes.set_yticks(range(len(SCALED)), SCALED, fontsize=7)
        axes.set_title("all layers" if layer == "all" else f"layer {layer}", fontsize=8)
        axes.grid(False)
    panels[0][0].set_xlabel("bits")
    assert image is not None
    figure.colorbar(image, ax=panels[0].tolist(), label="accuracy [%]")
    save(figure, [path])


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 6, 5, 4, 3, 2])
    parser.add_argument("--rest", type=int, default=12)
    parser.add_argument("--samples", default="all", help="test sequences, evenly spread; or all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--quick", action="store_true", help="6 and 4 bits, all layers together")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    data = load_data(given.workload)
    table = Table(given.output / "sensitivity.csv", COLUMNS, KEY)
    chosen = spread(len(data.test.labels), given.samples)
    inputs, labels = data.test.inputs[chosen], data.test.labels[chosen]
    for seed in given.seeds:
        network = float_network(given.workload, seed, given.work).network
        parts = ["all"] if given.quick else ["all", *map(str, range(len(network.layers)))]
        for layer in parts:
            for kind in SCALED:
                for bits in [6, 4] if given.quick else given.bits:
                    place = dict(zip(KEY, (given.workload, kind, layer, bits, seed), strict=True))
                    if table.has(**place):
                        continue
                    widths = lowered_bits(kind, layer, bits, given.rest, len(network.layers))
                    quantised = quantise(
                        network, widths, calibration_data(data), options=options_of("mode")
                    )
                    found = float(np.mean(run_digital(quantised, inputs).predictions == labels))
                    table.add(place | {"accuracy": found, "samples": len(labels),
                                       "config": f"rest {given.rest} bits"})  # fmt: skip
                    progress(f"layer {layer} {kind} {bits} bits: {found:.1%}", end=False)
    table.sort(lambda r: (r["workload"], int(r["seed"]), r["layer"] != "all", r["layer"],
                          KINDS.index(r["kind"]), -int(r["bits"])))  # fmt: skip
    given.figures.mkdir(parents=True, exist_ok=True)
    draw(table, given.workload, given.figures / f"qs4d_sensitivity_{given.workload}.png")


if __name__ == "__main__":
    main()
