"""Bits where they matter: a search over widths by tensor kind and layer, under a budget.

    python benchmarks/qs4d/allocate.py sdigits --budget effort --trials 300

Optuna's NSGA-II looks for the front between the error on the validation part (after training) and
the budget: computational effort, memory footprint (docs/metrics.md) or the energy per inference on
the chip of workloads/WORKLOAD.yaml, whose converters are as wide as the widest code they carry.
Choices: the width of each kind in each layer, and of what is outside of the layers. The search
starts from the homogeneous networks of --widths and from such with fewer bits for all but A and the
state, which sensitivity.py shows to decide. Trials are kept
(--work), so a search that was interrupted goes on to --trials. The networks on the front, and those
of one width, are judged on the test part; with --train the cheapest ones within one point of float
are trained at their bits too. Writes results/allocation.csv and docs/figures/qs4d_allocation.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study import (
    KINDS,
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

from imssa_sim.config.load import load_config
from imssa_sim.data import Dataset
from imssa_sim.model.checkpoint import Checkpoint
from imssa_sim.program.metrics import metrics
from imssa_sim.program.shape import shape_of
from imssa_sim.quantisation.widths import BitWidths, LayeredBits
from imssa_sim.reference.quantise import quantise
from imssa_sim.simulation.run import simulate

INSIDE = ("A", "B", "C", "D", "state", "kernel_input", "kernel_output", "activations", "linear")
KEY = ("workload", "budget", "seed", "bits")
COLUMNS = (*KEY, "cost", "validation", "test", "trained", "front", "samples", "config")
UNITS = {"effort": "bit operations", "memory": "bits", "energy": "J"}


@dataclass(frozen=True)
class Search:
    """What the candidates of one search are made of and judged by."""

    checkpoint: Checkpoint
    data: Dataset
    cost: Callable[[BitWidths], float]

    def error(self, bits: BitWidths) -> float:
        """Return the error on the validation part, quantised after training."""
        return 1 - accuracy(self.network(bits), self.data.validation)

    def network(self, bits: BitWidths) -> Any:
        """Return the quantised network of some bits."""
        return quantise(
            self.checkpoint.network, bits, calibration_data(self.data), options=options_of("mode")
        )


def bits_of(chosen: dict[str, int], layers: int) -> BitWidths:
    """Return the bits that the parameters of a trial stand for; dt is exact at any width."""
    outside = dict.fromkeys(KINDS, chosen["outside"])
    own = [
        BitWidths(**outside | {kind: chosen[f"layer{i}.{kind}"] for kind in INSIDE})
        for i in range(layers)
    ]
    return LayeredBits(**outside, layers=tuple(own))


def names(layers: int) -> list[str]:
    """Return the names of all choices."""
    inside = [f"layer{i}.{kind}" for i in range(layers) for kind in INSIDE]
    return [*inside, "outside"]


def text_of(bits: BitWidths, layers: int) -> str:
    """Return the bits as a workload's ``bits`` section."""
    if not isinstance(bits, LayeredBits):
        return str(bits.A)
    parts = [
        f"{kind}: [{', '.join(str(bits.of_layer(i).widths()[kind]) for i in range(layers))}]"
        for kind in INSIDE
    ]
    return f"{{default: {bits.activations}, {', '.join(parts)}}}"


def counted(name: str, checkpoint: Checkpoint, length: int) -> Callable[[BitWidths], float]:
    """Return effort or memory as a function of the bits."""
    shape = shape_of(checkpoint.network)
    return lambda bits: float(getattr(metrics(shape, bits, length), f"total_{name}"))


def priced(workload: str, checkpoint: Checkpoint, layers: int) -> Callable[[BitWidths], float]:
    """Return the energy per inference [J] on the workload's chip as a function of the bits."""
    file = ROOT / "workloads" / f"{workload}_taox.yaml"

    def energy(bits: BitWidths) -> float:
        own = [bits.of_layer(i) for i in range(layers)]
        converted = max(max(w.state, w.kernel_output, w.activations) for w in own)
        driven = max(max(w.state, w.kernel_input, w.activations) for w in own)
        settings = [
            f"model.checkpoint={checkpoint.path}", f"bits={text_of(bits, layers)}",
            f"hardware.adc.bits={converted}", f"hardware.dac.bits={driven}", "evaluate.chips=1",
            "evaluate.samples=2", "evaluate.float=false", "evaluate.digital=false", "baselines=[]",
        ]  # fmt: skip
        return float(simulate(load_config(file, settings)).ledger.energy)

    return energy


def starts(given: argparse.Namespace, layers: int) -> list[dict[str, int]]:
    """Return the first candidates: one width for all, and less for what is less sensitive.

    A and the state decide (sensitivity.py); the other kernel tensors and the linear map get one,
    two or three bits less, activations none or one.
    """
    found = []
    for width in given.widths:
        for less in range(4):
            chosen = dict.fromkeys(names(layers), max(width - less, given.low))
            for name in chosen:
                if name.endswith((".A", ".state")):
                    chosen[name] = width
                elif name.endswith(("activations", "outside")):
                    chosen[name] = max(width - min(less, 1), given.low)
            if given.low <= width <= given.high and chosen not in found:
                found.append(chosen)
    return found


def search(given: argparse.Namespace, about: Search, layers: int) -> list[tuple[BitWidths, Any]]:
    """Return all candidates that were tried, with their trials; goes on with a stored search."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    given.work.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        directions=["minimize", "minimize"],
        sampler=optuna.samplers.NSGAIISampler(population_size=given.population, seed=given.seed),
        study_name=f"{given.workload}_{given.seed}_{given.budget}_{given.low}_{given.high}",
        storage=f"sqlite:///{given.work / 'allocation.db'}",
        load_if_exists=True,
    )
    if not study.trials:
        for start in starts(given, layers):
            study.enqueue_trial(start)

    def objective(trial: Any) -> tuple[float, float]:
        chosen = {name: trial.suggest_int(name, given.low, given.high) for name in names(layers)}
        bits = bits_of(chosen, layers)
        return about.error(bits), about.cost(bits)

    def told(study: Any, trial: Any) -> None:
        error, cost = trial.values
        text = f"error {error:.1%}, {given.budget} {cost:.4g} {UNITS[given.budget]}"
        progress(f"trial {trial.number + 1}/{given.trials}: {text}", end=False)

    left = given.trials - sum(t.state.is_finished() for t in study.trials)
    if left > 0:
        study.optimize(objective, n_trials=left, callbacks=[told])
    finished = [t for t in study.trials if t.values is not None]
    return [(bits_of(t.params, layers), t) for t in finished]


def front(tried: list[tuple[BitWidths, Any]]) -> list[tuple[BitWidths, Any]]:
    """Return the candidates that no other beats in both error and cost, the cheapest first."""
    kept: list[tuple[BitWidths, Any]] = []
    for bits, trial in sorted(tried, key=lambda entry: (entry[1].values[1], entry[1].values[0])):
        if not kept or trial.values[0] < kept[-1][1].values[0]:
            kept.append((bits, trial))
    return kept


def judge(given: argparse.Namespace, table: Table, about: Search, layers: int) -> None:
    """Add rows for the front and for the homogeneous networks."""
    best = front(search(given, about, layers))
    entries = [(bits, trial.values[0], trial.values[1], 1) for bits, trial in best]
    entries += [
        (homogeneous(w), about.error(homogeneous(w)), about.cost(homogeneous(w)), 0)
        for w in given.widths
    ]
    test = about.data.test
    plain = 1 - min(error for _, error, _, _ in entries)
    good = [entry for entry in entries if entry[3] and 1 - entry[1] >= plain - 0.01]
    chosen = {text_of(entry[0], layers) for entry in good[: given.train]}
    for bits, error, cost, on_front in entries:
        text = text_of(bits, layers)
        place = {"workload": given.workload, "budget": given.budget, "seed": given.seed}
        if table.has(**place, bits=text):
            continue
        found = accuracy(about.network(bits), test)
        learnt = at_bits(given, about, text, test) if text in chosen else ""
        table.add(
            place
            | {
                "bits": text, "cost": cost, "validation": 1 - error, "test": found,
                "trained": learnt, "front": on_front, "samples": len(test.labels),
                "config": f"{given.trials} trials",
            }
        )  # fmt: skip
        progress(f"{given.budget} {cost:.4g}: {found:.1%} after training, bits {text}")


def at_bits(given: argparse.Namespace, about: Search, text: str, test: Any) -> float:
    """Return the test accuracy after training at the bits of a workload's section."""
    epochs = given.epochs
    name = f"{given.workload}_{given.seed}_{given.budget}_{abs(hash_of(text)):08x}_{epochs}"
    settings = [
        f"seed={given.seed}", f"model.checkpoint={about.checkpoint.path}",
        f"quantise={{bits: {text}}}", f"train.epochs={epochs}", f"train.patience={epochs}",
        "train.lr=0.002", "train.ssm_lr=0.0005", "train.dropout=0",
    ]  # fmt: skip
    checkpoint = trained(given.workload, name, settings, given.work)
    assert checkpoint.quantisers is not None
    return accuracy(checkpoint.quantisers.quantise(checkpoint.network), test)


def hash_of(text: str) -> int:
    """Return a number that names a text, the same in every process."""
    import zlib

    return zlib.crc32(text.encode())


def draw(table: Table, workload: str, path: Path) -> None:
    """Plot error against cost: the front, and the homogeneous networks."""
    from matplotlib import pyplot as plt

    from imssa_sim.report.colours import PALETTE
    from imssa_sim.report.figures.style import save

    rows = [r for r in table.rows if r["workload"] == workload]
    budgets = sorted({r["budget"] for r in rows})
    figure, panels = plt.subplots(
        1, len(budgets), figsize=(4.2 * len(budgets), 3.4), layout="constrained", squeeze=False
    )
    for axes, budget in zip(panels[0], budgets, strict=True):
        for number, (on_front, label) in enumerate(
            (("0", "one width"), ("1", "by kind and layer"))
        ):
            own = [r for r in rows if (r["budget"], r["front"]) == (budget, on_front)]
            own.sort(key=lambda r: float(r["cost"]))
            axes.plot([float(r["cost"]) for r in own], [100 * (1 - float(r["test"])) for r in own],
                      "o-", markersize=4, color=PALETTE[number], label=label)  # fmt: skip
            if on_front == "0":
                for row in own:
                    where = (float(row["cost"]), 100 * (1 - float(row["test"])))
                    axes.annotate(row["bits"], where, fontsize=7, xytext=(3, 3),
                                  textcoords="offset points")  # fmt: skip
        taught = [r for r in rows if r["budget"] == budget and r["trained"]]
        axes.plot([float(r["cost"]) for r in taught],
                  [100 * (1 - float(r["trained"])) for r in taught], "*", markersize=9,
                  color=PALETTE[2], label="trained at these bits")  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel=f"{budget} [{UNITS[budget]}]")
        axes.set_ylabel("error on the test part [%]")
        axes.set_yticks((1, 2, 5, 10, 20, 50), ("1", "2", "5", "10", "20", "50"))
        axes.tick_params(axis="y", which="minor", left=False, labelleft=False)
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    figure.suptitle(f"{workload}: bits by kind and layer, after training", fontsize=10)
    save(figure, [path])


def main() -> None:
    """Run the search from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--budget", choices=UNITS, default="effort")
    parser.add_argument("--trials", type=int, default=300, help="in all, stored ones included")
    parser.add_argument("--population", type=int, default=24)
    parser.add_argument("--low", type=int, default=3, help="least width of a tensor")
    parser.add_argument("--high", type=int, default=8, help="largest width of a tensor")
    parser.add_argument("--widths", type=int, nargs="+", default=[8, 7, 6, 5, 4])
    parser.add_argument("--train", type=int, default=1, help="networks to train at their bits")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="40 trials, no training")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of networks and trials")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    if given.quick:
        given.trials, given.train, given.population = 40, 0, 8
    data = load_data(given.workload)
    checkpoint = float_network(given.workload, given.seed, given.work)
    layers = len(checkpoint.network.layers)
    if given.budget == "energy":
        cost = priced(given.workload, checkpoint, layers)
    else:
        cost = counted(given.budget, checkpoint, data.length)
    table = Table(given.output / "allocation.csv", COLUMNS, KEY)
    judge(given, table, Search(checkpoint, data, cost), layers)
    table.sort(lambda r: (r["workload"], r["budget"], int(r["seed"]), r["front"], float(r["cost"])))
    given.figures.mkdir(parents=True, exist_ok=True)
    draw(table, given.workload, given.figures / "qs4d_allocation.png")


if __name__ == "__main__":
    main()
