"""Pruning against precision: accuracy, and what the chip saves, by share pruned and bits.

    python benchmarks/qs4d/pruning.py sdigits --kernels 0 0.2 0.4 0.6 --modes 0 0.5 --bits 8 6

The share ``kernels`` of all kernels and the share ``modes`` of the others' modes go by saliency
(docs/qat.md); then the network is trained on at each width. "after" is the pruned network quantised
without training. Every network runs on the chip of workloads/WORKLOAD.yaml, its converters as wide
as its codes. Writes results/pruning.csv and docs/figures/qs4d_pruning.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from qat import lowered
from size import after_training
from study import (
    RESULTS,
    ROOT,
    WORK,
    Table,
    accuracy,
    calibration_data,
    float_network,
    homogeneous,
    load_data,
    progress,
)

from imssa_sim.config.load import load_config
from imssa_sim.data import Dataset
from imssa_sim.model.checkpoint import Checkpoint, save_checkpoint
from imssa_sim.program.metrics import metrics
from imssa_sim.program.shape import shape_of
from imssa_sim.reference.pruning import prune_shares
from imssa_sim.simulation.run import simulate

KEY = ("workload", "kernels", "modes", "bits", "seed")
COLUMNS = (
    *KEY, "kernels_left", "modes_left", "after", "trained", "samples", "chip", "chips", "tiles",
    "area", "energy", "memory", "effort", "config",
)  # fmt: skip


def on_chip(workload: str, checkpoint: Path, bits: int, chips: int) -> dict[str, float]:
    """Return accuracy, tiles, area [m²] and energy per inference [J] on the workload's chip."""
    file = ROOT / "workloads" / f"{workload}_taox.yaml"
    settings = [
        f"model.checkpoint={checkpoint}", f"bits={bits}", f"hardware.adc.bits={bits}",
        f"hardware.dac.bits={bits}", f"evaluate.chips={chips}", "evaluate.float=false",
        "evaluate.digital=false", "baselines=[]",
    ]  # fmt: skip
    result = simulate(load_config(file, settings))
    right = result.accuracy.analog_correct
    return {
        "chip": sum(right) / len(right) / result.accuracy.analog_samples,
        "tiles": result.program.tiles_needed,
        "area": result.ledger.area,
        "energy": result.ledger.energy,
    }


def study(given: argparse.Namespace, table: Table, data: Dataset) -> None:
    """Add all rows that are missing."""
    for seed in given.seeds:
        start = float_network(given.workload, seed, given.work)
        for kernels in given.kernels:
            for modes in given.modes:
                tag = f"{given.workload}_{seed}_k{kernels:g}_m{modes:g}"
                lean = prune_shares(start.network, calibration_data(data), kernels, modes)
                path = given.work / f"{tag}.safetensors"
                save_checkpoint(path, lean, {"name": tag})
                before = Checkpoint(lean, {}, path)
                for bits in sorted(given.bits, reverse=True):
                    before = lowered(
                        given.workload, f"{tag}_{bits}_{given.epochs}", before, bits, "mode", seed,
                        given.epochs, given.work,
                    )  # fmt: skip
                    place = dict(
                        zip(KEY, (given.workload, kernels, modes, bits, seed), strict=True)
                    )
                    if not table.has(**place):
                        row = measured(given, data, Checkpoint(lean), before, bits)
                        table.add(place | row)
                        progress(
                            f"{tag} {bits} bits: {row['trained']:.1%} in integers, "
                            f"{row['chip']:.1%} on chips, {row['tiles']} tiles"
                        )


def measured(
    given: argparse.Namespace, data: Dataset, lean: Checkpoint, trained: Checkpoint, bits: int
) -> dict[str, object]:
    """Return what is measured of one network."""
    assert trained.quantisers is not None
    shape = shape_of(trained.network)
    counts = [shape.present(i) for i in range(shape.layers)]
    counted = metrics(shape, homogeneous(bits), data.length)
    quantised = trained.quantisers.quantise(trained.network)
    after, _ = after_training(lean, data, bits)
    return {
        "kernels_left": sum(k for k, _ in counts), "modes_left": sum(m for _, m in counts),
        "after": after, "trained": accuracy(quantised, data.test),
        "samples": len(data.test.labels), "chips": given.chips,
        "memory": counted.total_memory, "effort": counted.total_effort,
        "config": f"{given.epochs} epochs per width",
    } | on_chip(given.workload, trained.path, bits, given.chips)  # fmt: skip


def draw(table: Table, workload: str, path: Path) -> None:
    """Plot accuracy against the share of the modes that is gone, and against energy."""
    from matplotlib import pyplot as plt

    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import save

    rows = [r for r in table.rows if r["workload"] == workload]
    whole = max(int(r["modes_left"]) for r in rows)
    figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
    for number, bits in enumerate(sorted({int(r["bits"]) for r in rows}, reverse=True)):
        own = [r for r in rows if int(r["bits"]) == bits]
        gone = [100 * (1 - int(r["modes_left"]) / whole) for r in own]
        colour = PALETTE[number]
        for name, marker, label in (("after", "s", "quantised after pruning"),
                                    ("trained", "o", "trained on")):  # fmt: skip
            panels[0].plot(
                gone, [100 * float(r[name]) for r in own], marker, color=colour, markersize=5,
                fillstyle="none" if name == "after" else "full", label=f"{bits} bits, {label}",
            )  # fmt: skip
        panels[1].plot(
            [1e6 * float(r["energy"]) for r in own], [100 * float(r["chip"]) for r in own], "o",
            color=colour, label=f"{bits} bits, {own[0]['chips']} chips",
        )  # fmt: skip
        for row, share in zip(own, gone, strict=True):
            text = f"K {float(row['kernels']):.0%}, M {float(row['modes']):.0%}"
            places = ((share, 100 * float(row["trained"])),
                      (1e6 * float(row["energy"]), 100 * float(row["chip"])))  # fmt: skip
            # Below the widest codes the left panel has the same shares once more.
            for axes, place in list(zip(panels, places, strict=True))[number > 0 :]:
                axes.annotate(text, place, fontsize=6, xytext=(4, 4), textcoords="offset points")
    panels[0].set(xlabel="modes that are gone [%]", ylabel="accuracy in integers [%]")
    panels[1].set(xlabel="energy per inference [µJ]", ylabel="accuracy on chips [%]")
    for axes in panels:
        axes.margins(x=0.15, y=0.1)
        axes.legend(fontsize=7, loc="lower left" if axes is panels[0] else "lower right")
        axes.grid(alpha=0.3)
    figure.suptitle(
        f"{workload}: share of the kernels (K) and of the others' modes (M) pruned", fontsize=10
    )
    save(figure, [path])


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--kernels", type=float, nargs="+", default=[0, 0.2, 0.4, 0.6])
    parser.add_argument("--modes", type=float, nargs="+", default=[0, 0.5])
    parser.add_argument("--bits", type=int, nargs="+", default=[8, 6, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=10, help="of each width")
    parser.add_argument("--chips", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="two shares, one width, two epochs")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    if given.quick:
        given.kernels, given.modes, given.bits = [0, 0.4], [0], [6]
        given.epochs, given.chips = 2, 1
    given.work.mkdir(parents=True, exist_ok=True)
    table = Table(given.output / "pruning.csv", COLUMNS, KEY)
    study(given, table, load_data(given.workload))
    table.sort(lambda r: (r["workload"], int(r["seed"]), float(r["kernels"]), float(r["modes"]),
                          -int(r["bits"])))  # fmt: skip
    given.figures.mkdir(parents=True, exist_ok=True)
    draw(table, given.workload, given.figures / "qs4d_pruning.png")


if __name__ == "__main__":
    main()
