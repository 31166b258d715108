"""Accuracy against bits, quantised after training and in training, mean of several seeds.

    python benchmarks/qat_study.py --seeds 0 1 2 --widths 8 6 5 4 3 -o benchmarks/results

For each seed a float network is trained as workloads/train/sdigits.yaml says. *After training*
takes, at every width, the best of three calibration methods on the validation part, one scale per
mode as everywhere else. *In training* goes down from width to width, each warm-started from the one
before. All tensors have the same width. Accuracies are of the integer model on the test part.
Writes qat_study.csv and qat_study.png.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imssa_sim.data import Dataset
from imssa_sim.data.registry import resolve_dataset
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.calibration import CalibrationOptions
from imssa_sim.model.checkpoint import Checkpoint
from imssa_sim.model.forward import accuracy
from imssa_sim.model.metrics import FLOAT_BITS, NetworkShape, gain, metrics
from imssa_sim.model.ptq import quantise
from imssa_sim.model.quantised import BitWidths, QuantisedNetwork
from imssa_sim.training.load import load_train_config
from imssa_sim.training.trainer import train

ROOT = Path(__file__).resolve().parents[1]
KINDS = tuple(BitWidths.__dataclass_fields__)


@dataclass(frozen=True)
class Row:
    """One network: how it was made, its width (32: float) and its accuracy on the test part."""

    seed: int
    method: str
    bits: int
    accuracy: float


def correct(network: QuantisedNetwork, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of right predictions."""
    return float(np.mean(run_digital(network, inputs).predictions == labels))


def after_training(checkpoint: Checkpoint, data: Dataset, width: int) -> float:
    """Return the test accuracy with the calibration method that validates best."""
    bits = BitWidths(**dict.fromkeys(KINDS, width))
    found = []
    for method in ("max", "percentile", "mse"):
        options = CalibrationOptions(activations=method)
        network = quantise(checkpoint.network, bits, data.train.inputs[:128], options=options)
        validated = correct(network, data.validation.inputs, data.validation.labels)
        found.append((validated, correct(network, data.test.inputs, data.test.labels)))
    return max(found)[1]


def course(name: str, seed: int, widths: list[int], epochs: int, folder: Path) -> list[Row]:
    """Train one seed, float and down through the widths."""
    source = ROOT / "workloads" / "train" / f"{name}.yaml"
    config = load_train_config(source, [f"seed={seed}"])
    data = resolve_dataset(config.data).dataset
    start = train(config, folder / f"{name}_{seed}_float.safetensors", report=_say).checkpoint
    test = data.test
    rows = [Row(seed, "float", 32, accuracy(start.network, test.inputs, test.labels))]
    rows += [Row(seed, "after", width, after_training(start, data, width)) for width in widths]
    before = start
    for width in widths:
        settings = [
            f"seed={seed}", f"model.checkpoint={before.path}", f"quantise={{bits: {width}}}",
            f"train.epochs={epochs}", f"train.patience={epochs}", "train.lr=0.002",
            "train.ssm_lr=0.0005", "train.dropout=0",
        ]  # fmt: skip
        target = folder / f"{name}_{seed}_{width}.safetensors"
        before = train(load_train_config(source, settings), target, report=_say).checkpoint
        assert before.quantisers is not None
        network = before.quantisers.quantise(before.network)
        rows.append(Row(seed, "in", width, correct(network, test.inputs, test.labels)))
    return rows


def threshold(rows: list[Row], method: str, widths: list[int], wanted: float) -> int | None:
    """Return the least width down to which the mean accuracy keeps at ``wanted`` or above."""
    least = None
    for width in sorted(widths, reverse=True):
        if mean(rows, method, width) < wanted:
            break
        least = width
    return least


def mean(rows: list[Row], method: str, width: int) -> float:
    """Return the mean accuracy over the seeds."""
    return float(np.mean([r.accuracy for r in rows if (r.method, r.bits) == (method, width)]))


def report(rows: list[Row], shape: NetworkShape, length: int, widths: list[int]) -> None:
    """Print means, thresholds at 1 % over float, and the factors between them."""
    baseline = mean(rows, "float", 32)
    print(f"float {baseline:.2%}, mean of {len({r.seed for r in rows})} seeds")
    for width in widths:
        print(f"{width:2d} bits  after {mean(rows, 'after', width):7.2%}"
              f"  in {mean(rows, 'in', width):7.2%}")  # fmt: skip
    found = {m: threshold(rows, m, widths, baseline - 0.01) for m in ("after", "in")}
    print(f"least width within 1 % of float: after {found['after']}, in {found['in']}")
    if found["after"] is None or found["in"] is None:
        return
    counted = {
        m: metrics(shape, BitWidths(**dict.fromkeys(KINDS, w)), length)
        for m, w in found.items()
        if w is not None
    }
    over_float = gain(metrics(shape, FLOAT_BITS, length, adc_bits=1), counted["in"])
    factors = gain(counted["after"], counted["in"])
    print(f"factors at these widths: effort {factors.effort:.2f}, memory {factors.memory:.2f}, "
          f"ADC {factors.adc:.2f}; against float: effort {over_float.effort:.1f}, "
          f"memory {over_float.memory:.1f}")  # fmt: skip


def draw(rows: list[Row], widths: list[int], path: Path, name: str) -> None:
    """Plot error against bits, each seed and the mean."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for method, label, colour in (
        ("after", "after training", "C1"), ("in", "in training", "C0")
    ):  # fmt: skip
        axes.plot(widths, [100 * (1 - mean(rows, method, w)) for w in widths], color=colour,
                  marker="o", label=label)  # fmt: skip
        seeds = [r for r in rows if r.method == method]
        axes.plot([r.bits for r in seeds], [100 * (1 - r.accuracy) for r in seeds], ".",
                  color=colour, alpha=0.4)  # fmt: skip
    axes.axhline(100 * (1 - mean(rows, "float", 32)), color="0.5", label="float")
    axes.set(xlabel="bits of all tensors", ylabel="error [%]", yscale="log", title=name)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def _say(line: str) -> None:
    if ".safetensors" in line:
        print(line, flush=True)


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", default="sdigits", help="a file of workloads/train")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--widths", type=int, nargs="+", default=[10, 8, 7, 6, 5, 4, 3])
    parser.add_argument("--epochs", type=int, default=15, help="of each width")
    parser.add_argument("-o", "--output", type=Path, default=Path())
    given = parser.parse_args()
    widths = sorted(given.widths, reverse=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            rows += course(given.network, seed, widths, given.epochs, Path(folder))
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "qat_study.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    draw(rows, widths, given.output / "qat_study.png", given.network)
    config = load_train_config(ROOT / "workloads" / "train" / f"{given.network}.yaml")
    model = config.model
    shape = NetworkShape(model.layers, model.width, model.modes, model.inputs, model.classes)
    report(rows, shape, resolve_dataset(config.data).dataset.length, widths)


if __name__ == "__main__":
    main()
