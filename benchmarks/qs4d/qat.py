"""Accuracy in training, by bits, width after width.

    python benchmarks/qs4d/qat.py sdigits --seeds 0 1 2 --widths 8 7 6 5 4 --epochs 10

For each seed the float network is trained as workloads/train/WORKLOAD.yaml says; then all tensors
go down from width to width together, each network warm-started from the one before. The networks
stay in a folder (--work), so an interrupted study goes on and wider ones are not trained again.
Accuracies are of the integer model on the test part, which no training sees; rows go to
results/qat.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from study import (
    GRANULARITIES,
    RESULTS,
    WORK,
    Row,
    accuracy,
    accuracy_table,
    as_dict,
    float_network,
    load_data,
    progress,
    trained,
)

from imssa_sim.model.checkpoint import Checkpoint


def quantised_setting(bits: int, granularity: str, noise: float = 0.0) -> str:
    """Return the ``quantise`` section of a width, as one override."""
    parts = [f"bits: {bits}"]
    if granularity != "mode":
        kinds = GRANULARITIES[granularity]
        grain = ", ".join(f"{name}: {value}" for name, value in vars(kinds).items())
        parts.append(f"calibration: {{granularity: {{{grain}}}}}")
    if noise:
        parts.append(f"noise: {{state: {noise}, output: {noise}}}")
    return f"quantise={{{', '.join(parts)}}}"


def lowered(
    workload: str, name: str, start: Checkpoint, bits: int, granularity: str, seed: int,
    epochs: int, work: Path, noise: float = 0.0, extra: tuple[str, ...] = (),
) -> Checkpoint:  # fmt: skip
    """Return the network of one width, trained from ``start``."""
    settings = [
        f"seed={seed}", f"model.checkpoint={start.path}",
        quantised_setting(bits, granularity, noise), f"train.epochs={epochs}",
        f"train.patience={epochs}", "train.lr=0.002", "train.ssm_lr=0.0005", "train.dropout=0",
        *extra,
    ]  # fmt: skip
    return trained(workload, name, settings, work)


def main() -> None:
    """Run the study from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", help="a file of workloads/train, e.g. sdigits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 7, 6, 5, 4])
    parser.add_argument("--granularity", choices=("tensor", "channel", "mode"), default="mode")
    parser.add_argument("--epochs", type=int, default=10, help="of each width")
    parser.add_argument("--quick", action="store_true", help="seed 0, widths 8 and 5, two epochs")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.widths, given.epochs = [0], [8, 5], 2
    data = load_data(given.workload)
    table = accuracy_table(given.output / "qat.csv")
    for seed in given.seeds:
        before = float_network(given.workload, seed, given.work)
        for bits in sorted(given.widths, reverse=True):
            tag = f"{given.workload}_{seed}_{given.granularity}_qat{bits}_{given.epochs}"
            before = lowered(
                given.workload, tag, before, bits, given.granularity, seed, given.epochs,
                given.work,
            )  # fmt: skip
            row = Row(
                given.workload, given.granularity, "qat", bits, seed, 0.0, len(data.test.labels),
                f"widths {'-'.join(map(str, sorted(given.widths, reverse=True)))} "
                f"{given.epochs} epochs each",
            )  # fmt: skip
            place = as_dict(row)
            if table.has(**{name: place[name] for name in table.key}):
                continue
            assert before.quantisers is not None
            network = before.quantisers.quantise(before.network)
            found = accuracy(network, data.test)
            table.add(place | {"accuracy": found})
            progress(f"{given.workload} seed {seed} {bits} bits: {found:.1%}")


if __name__ == "__main__":
    main()
