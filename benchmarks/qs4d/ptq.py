"""Accuracy after training, by bits, granularity of the scales and way to calibrate.

    python benchmarks/qs4d/ptq.py digits32 --seeds 0 --widths 12 11 10 9 8 7 6 5 4

One width for all tensors. Ranges of activations and states are those of the largest value, of the
99.9th percentile and of the least squared error, weights' of the largest and of the least squared
error: six ways, of which the one that is best on the validation part counts (results/ptq.csv); all
are in results/ptq_calibrations.csv. Needs no training where the float network is at hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from study import (
    FLOAT,
    GRANULARITIES,
    RESULTS,
    WORK,
    Row,
    Table,
    accuracy,
    accuracy_table,
    as_dict,
    calibration_data,
    float_network,
    form_of,
    load_data,
    options_of,
    progress,
    widths_of,
)

from imssa_sim.data import Dataset
from imssa_sim.model.network import Network
from imssa_sim.reference import forward
from imssa_sim.reference.quantise import quantise

WAYS = [f"{a}/{w}" for a in ("mse", "percentile", "max") for w in ("max", "mse")]
"""Ranges of activations and states, and of weights."""
KEY = ("workload", "granularity", "activations", "weights", "bits", "seed")


def ways_table(folder: Path) -> Table:
    """Return the table of all calibrations."""
    return Table(
        folder / "ptq_calibrations.csv", (*KEY, "validation", "test", "samples", "checkpoint"), KEY
    )


def sweep(
    table: Table,
    workload: str,
    data: Dataset,
    network: Network,
    name: str,
    seed: int,
    granularities: list[str],
    widths: list[int],
    ways: list[str],
) -> None:
    """Add the rows of one network that the table lacks."""
    sequences = calibration_data(data)
    for granularity in granularities:
        for bits in widths:
            for way in ways:
                activations, weights = way.split("/")
                place = dict(
                    zip(KEY, (workload, granularity, activations, weights, bits, seed), strict=True)
                )
                if table.has(**place):
                    continue
                quantised = quantise(
                    network, widths_of(granularity, bits), sequences, form_of(granularity),
                    options=options_of(granularity, activations, weights),
                )  # fmt: skip
                found = {
                    "validation": accuracy(quantised, data.validation),
                    "test": accuracy(quantised, data.test),
                }
                table.add(place | found | {"samples": len(data.test.labels), "checkpoint": name})
                progress(
                    f"{workload} seed {seed} {granularity} {bits} bits {activations}/{weights}: "
                    f"{found['test']:.1%}",
                    end=False,
                )


def best(folder: Path) -> None:
    """Write ptq.csv: of each width the calibration that validates best."""
    ways = ways_table(folder)  # as it is now: another process may have added to it
    chosen: dict[tuple[str, ...], dict[str, str]] = {}
    for row in ways.rows:
        place = tuple(row[name] for name in ("workload", "granularity", "bits", "seed"))
        if place not in chosen or float(row["validation"]) > float(chosen[place]["validation"]):
            chosen[place] = row
    table = accuracy_table(folder / "ptq.csv")
    kept = [row for row in table.rows if row["method"] == "float"]
    table.rows = kept
    for (workload, granularity, bits, seed), row in chosen.items():
        table.rows.append(
            {
                "workload": workload, "granularity": granularity, "method": "ptq", "bits": bits,
                "seed": seed, "accuracy": row["test"], "samples": row["samples"],
                "config": f"activations={row['activations']} weights={row['weights']}",
            }
        )  # fmt: skip
    table.sort(
        lambda r: (r["workload"], r["method"], r["granularity"], int(r["seed"]), -int(r["bits"]))
    )


def main() -> None:
    """Run the sweep from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", help="a file of workloads/train, e.g. sdigits")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--widths", type=int, nargs="+", default=[12, 11, 10, 9, 8, 7, 6, 5, 4])
    parser.add_argument("--granularity", nargs="+", choices=GRANULARITIES, default=[*GRANULARITIES])
    parser.add_argument(
        "--quick", action="store_true", help="seed 0, three widths, one granularity"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="to calibrate")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the networks")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.widths, given.granularity = [0], [8, 6, 4], ["mode"]
    data = load_data(given.workload)
    ways = ways_table(given.output)
    for seed in given.seeds:
        checkpoint = float_network(given.workload, seed, given.work)
        plain = accuracy_table(given.output / "ptq.csv")
        row = Row(given.workload, "float", "float", FLOAT, seed, 0.0, len(data.test.labels), "")
        place = as_dict(row)
        if not plain.has(**{name: place[name] for name in plain.key}):
            test = data.test
            value = forward.accuracy(checkpoint.network, test.inputs, test.labels)
            plain.add(place | {"accuracy": value, "config": f"train/{given.workload}.yaml"})
        sweep(
            ways, given.workload, data, checkpoint.network, checkpoint.path.name, seed,
            given.granularity, given.widths, given.ways,
        )  # fmt: skip
        best(given.output)
    progress(f"{given.output / 'ptq.csv'}")


if __name__ == "__main__":
    main()
