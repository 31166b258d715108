"""Accuracy against read noise, of networks quantised after training, in training, and with noise.

    python benchmarks/qs4d/noise.py sdigits --seeds 0 --bits 6

Gaussian noise on states and kernel outputs, its standard deviation relative to the full range,
before they round. Four networks: the float one at 12 bits, whose rounding is negligible beside the
noise; the same at --bits after training (best of two calibrations, by validation); one trained at
these bits (workloads/train/WORKLOAD_6bit.yaml); one trained with noise too (…_6bit_noise.yaml).
Those of seed 0 ship under checkpoints/, others are trained. Means of --draws noise draws on the
test part; results/noise.csv and docs/figures/qs4d_noise.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
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
    options_of,
    progress,
    trained,
)

from imssa_sim.data import Dataset
from imssa_sim.model.checkpoint import Checkpoint, load_checkpoint
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.reference.calibration import calibrate
from imssa_sim.ssm.forms import LOOKAHEAD
from imssa_sim.training.noise import Noise
from imssa_sim.training.qat_network import QatModule

KEY = ("workload", "network", "bits", "sigma", "seed")
COLUMNS = (*KEY, "accuracy", "draws", "samples", "config")
FINE = 12
NAMES = {
    "float": f"float ({FINE} bits)",
    "ptq": "after training",
    "qat": "in training",
    "qat_noise": "in training, with noise",
}


def calibrated(checkpoint: Checkpoint, data: Dataset, bits: int) -> tuple[QatModule, str]:
    """Return a float network quantised with the calibration that validates best."""
    found = []
    for method in ("mse", "max"):
        options = options_of("mode", method)
        widths = homogeneous(bits)
        ranges = calibrate(checkpoint.network, calibration_data(data), widths, options)
        quantisers = TrainedQuantisers(widths, LOOKAHEAD, data.length, options, ranges)
        validated = accuracy(quantisers.quantise(checkpoint.network), data.validation)
        found.append((validated, method, quantisers))
    _, method, quantisers = max(found, key=lambda entry: entry[0])
    return QatModule(checkpoint.network, quantisers), f"activations={method}"


def network_of(
    name: str, given: argparse.Namespace, data: Dataset, seed: int
) -> tuple[QatModule, str]:
    """Return one of the four networks, ready to run, and what it is."""
    if name in ("float", "ptq"):
        start = float_network(given.workload, seed, given.work)
        return calibrated(start, data, FINE if name == "float" else given.bits)
    file = f"{given.workload}_{given.bits}bit" + ("_noise" if name == "qat_noise" else "")
    shipped = ROOT / "checkpoints" / f"{file}.safetensors"
    if seed == 0 and shipped.is_file():
        checkpoint = load_checkpoint(shipped)
    else:
        start = float_network(given.workload, seed, given.work)
        settings = [f"seed={seed}", f"model.checkpoint={start.path}"]
        checkpoint = trained(file, f"{file}_{seed}", settings, given.work)
    assert checkpoint.quantisers is not None
    return QatModule(checkpoint.network, checkpoint.quantisers), f"train/{file}.yaml"


@torch.no_grad()
def noisy(module: QatModule, sigma: float, draws: int, data: Dataset) -> float:
    """Return the mean accuracy over the draws at one noise."""
    module.noise, module.noisy_evaluation = Noise(state=sigma, output=sigma), True
    inputs, right = torch.from_numpy(data.test.inputs), []
    for draw in range(draws if sigma else 1):
        torch.manual_seed(draw)
        module.eval()
        right.append(float(np.mean(module(inputs).argmax(dim=1).numpy() == data.test.labels)))
    return float(np.mean(right))


def draw_figure(table: Table, workload: str, path: Path) -> None:
    """Plot accuracy against noise."""
    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import canvas, save

    figure, axes = canvas(5.2, 3.4)
    rows = [r for r in table.rows if r["workload"] == workload]
    for colour, (name, label) in zip(PALETTE, NAMES.items(), strict=False):
        own = [r for r in rows if r["network"] == name]
        sigmas = sorted({float(r["sigma"]) for r in own})
        mean = [
            100 * np.mean([float(r["accuracy"]) for r in own if float(r["sigma"]) == sigma])
            for sigma in sigmas
        ]
        axes.plot(
            [100 * s for s in sigmas], mean, marker="o", markersize=4, color=colour, label=label
        )
    axes.set(
        xlabel="noise on states and outputs [% of range]", ylabel="accuracy [%]", title=workload
    )
    axes.legend()
    save(figure, [path])


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--bits", type=int, default=6)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sigma", type=float, nargs="+",
                        default=[0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1])  # fmt: skip
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="seed 0, three noises, one draw")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.sigma, given.draws = [0], [0, 0.02, 0.05], 1
    data = load_data(given.workload)
    table = Table(given.output / "noise.csv", COLUMNS, KEY)
    for seed in given.seeds:
        for name in NAMES:
            bits = FINE if name == "float" else given.bits
            missing = [
                sigma
                for sigma in given.sigma
                if not table.has(workload=given.workload, network=name, bits=bits,
                                 sigma=f"{sigma:g}", seed=seed)
            ]  # fmt: skip
            if not missing:
                continue
            module, config = network_of(name, given, data, seed)
            for sigma in missing:
                found = noisy(module, sigma, given.draws, data)
                table.add(
                    {
                        "workload": given.workload, "network": name, "bits": bits,
                        "sigma": f"{sigma:g}", "seed": seed, "accuracy": found,
                        "draws": given.draws, "samples": len(data.test.labels), "config": config,
                    }
                )  # fmt: skip
                progress(f"seed {seed} {name} noise {sigma:g}: {found:.1%}")
    table.sort(lambda r: (r["workload"], list(NAMES).index(r["network"]), int(r["seed"]),
                          float(r["sigma"])))  # fmt: skip
    given.figures.mkdir(parents=True, exist_ok=True)
    draw_figure(table, given.workload, given.figures / "qs4d_noise.png")


if __name__ == "__main__":
    main()
