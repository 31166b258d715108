"""QS4D as its authors ran it: their network, quantiser, noise, metrics and recipe.

    python benchmarks/qs4d/paper.py                 # CIFAR-10 where it is at hand, else digits32
    python benchmarks/qs4d/paper.py --data sdigits --layers 2 --width 32 --state 32 --epochs 40
    python benchmarks/qs4d/paper.py --metrics       # their metrics beside ours, no training

A float network is trained by the authors' recipe (100 epochs of AdamW), quantised after training at
each width, and trained on from there at each width (half as many epochs); noise on A is tried on
the test part. One q = 2^bits for all tensors, ranges of the tensor at hand (`paper_network`). Rows
go to results/paper.csv, the figure with the paper's digitised curves (results/published.json, the
authors' on sequential CIFAR-10) to docs/figures/qs4d_paper.png. Needs no more than PyTorch; the
authors' sizes (4 layers, H 128, N 128) on 1,024 steps want a GPU or days.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path

import torch
from paper_network import PaperNetwork, accuracy, fit
from study import FLOAT, RESULTS, ROOT, WORK, Table, progress

from imssa_sim.config.schema import DataConfig
from imssa_sim.data import Dataset, resolve_dataset
from imssa_sim.foreign.qs4d_metrics import SCIFAR, PaperWidths, paper_metrics
from imssa_sim.program.metrics import FLOAT_BITS, gain, metrics
from imssa_sim.program.shape import NetworkShape
from imssa_sim.quantisation.widths import BitWidths

PUBLISHED = RESULTS / "published.json"
KEY = ("data", "size", "method", "bits", "sigma", "seed")
COLUMNS = (*KEY, "accuracy", "samples", "epochs")


def show_metrics() -> None:
    """Print the authors' metrics of their sCIFAR network beside this project's."""
    widths = {
        "float, 32 bits": PaperWidths.all(32),
        "10 bits": PaperWidths.all(10),
        "6 bits": PaperWidths.all(6),
        "mixed, after training": PaperWidths(9, 4, 10, 9, 7, 6),
        "mixed, in training": PaperWidths(5, 2, 5, 5, 4, 4),
    }
    first = before = paper_metrics(SCIFAR, PaperWidths.all(32))
    print("QS4D's metrics, sCIFAR network (4 layers, H 128, N 128), reductions [%]")
    for name, bits in widths.items():
        found = paper_metrics(SCIFAR, bits)
        reference = before if name == "mixed, in training" else first
        less = ", ".join(f"{value:.2f}" for value in found.reductions(reference))
        print(
            f"{name:22} effort {found.effort:.4e}  size {found.kilobytes:8.3f} kB  "
            f"ADC {found.adc:.4e}  less by {less}"
        )
        before = found
    shape = NetworkShape.uniform(layers=4, width=128, state=128, inputs=1, classes=10)
    ours = {b: metrics(shape, BitWidths(*[b] * 10), 1024) for b in (10, 6)}
    whole = metrics(shape, FLOAT_BITS, 1024)
    for b, m in ours.items():
        less = gain(whole, m)
        print(
            f"ours, {b:2} bits: effort {m.total_effort:.4e} per sequence (x{less.effort:.1f} less "
            f"than float), memory {m.total_memory / 8000:.1f} kB (x{less.memory:.2f})"
        )
    exponential = gain(ours[10], ours[6]).adc
    linear = (
        paper_metrics(SCIFAR, PaperWidths.all(10)).adc
        / paper_metrics(SCIFAR, PaperWidths.all(6)).adc
    )
    print(f"ADC complexity, 10 to 6 bits: x{linear:.2f} by theirs, x{exponential:.1f} by ours")


def size_of(given: argparse.Namespace) -> str:
    """Return the network's size in a word."""
    return f"{given.layers}x{given.width}x{given.state}"


def study(given: argparse.Namespace, data: Dataset, table: Table, seed: int) -> None:
    """Train and evaluate one seed; rows that are there are not computed again."""
    test = (data.test.inputs[:], data.test.labels)
    train = (data.train.inputs[:], data.train.labels)
    validation = (data.validation.inputs[:], data.validation.labels)
    torch.manual_seed(seed)
    network = PaperNetwork(
        given.layers, given.width, given.state, data.features, len(data.classes), given.dropout
    )
    start = given.work / f"paper_{data.name}_{size_of(given)}_{given.epochs}_{seed}.pt"
    if start.is_file():
        network.load_state_dict(torch.load(start, weights_only=True))
    else:
        found = fit(network, *train, validation, given.epochs, seed)
        progress(f"seed {seed} float: {found:.1%} validation")
        start.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), start)

    def note(method: str, bits: int, sigma: float, found: float, epochs: int) -> None:
        table.add(
            {
                "data": data.name, "size": size_of(given), "method": method, "bits": bits,
                "sigma": f"{sigma:g}", "seed": seed, "accuracy": found,
                "samples": len(test[1]), "epochs": epochs,
            }
        )  # fmt: skip
        progress(f"seed {seed} {method} {bits} bits, noise {sigma:g}: {found:.1%}")

    def missing(method: str, bits: int, sigma: float) -> bool:
        return not table.has(data=data.name, size=size_of(given), method=method, bits=bits,
                             sigma=f"{sigma:g}", seed=seed)  # fmt: skip

    for bits in (FLOAT, *given.bits):
        network.levels = None if bits == FLOAT else 2**bits
        for sigma in (0.0, *given.sigma):
            if missing("ptq", bits, sigma):
                network.noise = sigma
                torch.manual_seed(seed)
                note("ptq", bits, sigma, accuracy(network, *test), given.epochs)
    for bits in given.bits:
        if not missing("qat", bits, 0.0):
            continue
        own = copy.deepcopy(network)
        own.levels, own.noise = 2**bits, 0.0
        epochs = max(1, given.epochs // 2)
        fit(own, *train, validation, epochs, seed)
        note("qat", bits, 0.0, accuracy(own, *test), epochs)


def draw_figure(table: Table, data: str, size: str, path: Path) -> None:
    """Plot accuracy against bits, the paper's digitised curves beside ours."""
    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import canvas, save

    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    figure, axes = canvas(5.6, 3.6)
    names = {"ptq": "after training", "qat": "in training"}
    for colour, (method, label) in zip(PALETTE, names.items(), strict=False):
        theirs = {int(b): a for b, a in published["scifar_bits"]["all"][method.upper()].items()}
        shown = sorted(b for b in theirs if 3 <= b <= 12)
        axes.plot(shown, [theirs[b] for b in shown], "--", color=colour, label=f"paper, {label}")
        rows = [
            r for r in table.rows
            if r["data"] == data and r["size"] == size and r["method"] == method
            and float(r["sigma"]) == 0 and int(r["bits"]) != FLOAT
        ]  # fmt: skip
        bits = sorted({int(r["bits"]) for r in rows})
        means = []
        for b in bits:
            own = [float(r["accuracy"]) for r in rows if int(r["bits"]) == b]
            means.append(100 * sum(own) / len(own))
        axes.plot(bits, means, "o-", color=colour, markersize=4, label=f"here, {label}")
    axes.set(
        xlabel="bits of all tensors", ylabel="accuracy [%]",
        title=f"paper: sCIFAR; here: {data}, {size.replace('x', ' × ')}",
    )  # fmt: skip
    axes.legend()
    save(figure, [path])


def main() -> None:
    """Run the protocol from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--metrics", action="store_true", help="print metrics and stop")
    parser.add_argument("--data", default="cifar10", help="digits32 stands in for absent CIFAR-10")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--state", type=int, default=128, help="N, real values of a channel")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--bits", type=int, nargs="+", default=[10, 9, 8, 7, 6, 5])
    parser.add_argument("--sigma", type=float, nargs="+", default=[0.004, 0.01, 0.05])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--quick", action="store_true", help="one epoch of a small network")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    if given.metrics:
        show_metrics()
        return
    if given.quick:
        given.layers, given.width, given.state, given.epochs = 1, 8, 8, 1
        given.bits, given.sigma = [6], [0.01]
    resolved = resolve_dataset(
        DataConfig(name=given.data, fallback="digits32" if given.data == "cifar10" else None)
    )
    progress(resolved.note or f"data: {resolved.dataset.called}")
    data = resolved.dataset
    table = Table(given.output / "paper.csv", COLUMNS, KEY)
    for seed in given.seeds:
        study(given, data, table, seed)
    table.sort(lambda r: (r["data"], r["size"], r["method"], -int(r["bits"]), float(r["sigma"]),
                          int(r["seed"])))  # fmt: skip
    given.figures.mkdir(parents=True, exist_ok=True)
    draw_figure(table, data.name, size_of(given), given.figures / "qs4d_paper.png")


if __name__ == "__main__":
    main()
