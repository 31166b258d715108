"""Accuracy against noise, of networks trained without it and with it.

    python benchmarks/noise_study.py float.safetensors qat.safetensors … --bits 6 -o results

Every checkpoint runs in integers of the given width, with Gaussian noise on states and kernel
outputs (standard deviation relative to the full range) before they round; the first of the list
has no trained quantisers and is quantised after training. Means of three draws on the test part of
`sdigits`. Writes noise_study.csv.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from imssa_sim.data.registry import load_dataset
from imssa_sim.model.calibration import CalibrationOptions, calibrate
from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.model.quantised import BitWidths
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.training.noise import Noise
from imssa_sim.training.qat_network import QatModule

DRAWS = 3


def module_of(path: Path, width: int, inputs: np.ndarray) -> QatModule:
    """Return a checkpoint ready to run with noise; quantised after training where it must be."""
    stored = load_checkpoint(path)
    bits = BitWidths(**dict.fromkeys(BitWidths.__dataclass_fields__, width))
    options = CalibrationOptions()
    length = inputs.shape[1]
    quantisers = stored.quantisers
    if quantisers is None or quantisers.difference(bits, "lookahead", length, options):
        ranges = calibrate(stored.network, inputs, bits, options)
        quantisers = TrainedQuantisers(bits, "lookahead", length, options, ranges)
    return QatModule(stored.network, quantisers)


@torch.no_grad()
def accuracy(module: QatModule, sigma: float, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean accuracy over the draws at one noise."""
    module.noise, module.noisy_evaluation = Noise(state=sigma, output=sigma), True
    found = []
    for draw in range(DRAWS):
        torch.manual_seed(draw)
        module.eval()
        predictions = module(torch.from_numpy(inputs)).argmax(dim=1).numpy()
        found.append(float(np.mean(predictions == labels)))
    return float(np.mean(found))


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--bits", type=int, default=6)
    parser.add_argument("--sigma", type=float, nargs="+",
                        default=[0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1])  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, default=Path())
    given = parser.parse_args()
    data = load_dataset("sdigits")
    rows = []
    print("sigma   " + "  ".join(path.stem for path in given.checkpoints))
    modules = [module_of(path, given.bits, data.train.inputs[:128]) for path in given.checkpoints]
    for sigma in given.sigma:
        found = [accuracy(m, sigma, data.test.inputs, data.test.labels) for m in modules]
        print(f"{sigma:6.3f}  " + "  ".join(f"{value:7.2%}" for value in found), flush=True)
        rows += [(p.stem, sigma, v) for p, v in zip(given.checkpoints, found, strict=True)]
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "noise_study.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("network", "sigma", "accuracy"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
