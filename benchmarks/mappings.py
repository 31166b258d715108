"""What each mapping of a kernel bears and costs, on the chip of the shipped workloads.

    python benchmarks/mappings.py error     accuracy over the programming error
    python benchmarks/mappings.py length    accuracy over the sequence length
    python benchmarks/mappings.py energy    energy per inference over accuracy, by bits

Each computes the rows that its table lacks, docs/results/mappings_NAME.csv, and draws
docs/figures/mappings_NAME.png. Linear layers are on tiles throughout, the rest digital with 8 bits;
accumulators and states of a digital recurrence have 14. ADCs take the range that serves a mapping:
that of the largest sum (max), or where states are converted that of their codes (aligned).

*error*: digits32, Gaussian errors of every written cell and nothing else, ideal wires, 8-bit
converters. *length*: all default effects and wires. Digits are resampled to 8k x 8k pixels and read
in blocks, so that each pixel of the network's own images becomes a block of pixels in a row of its
own; with time steps as much shorter the trained networks hold without training. *energy*: digits32,
all default effects and wires, converters of 4 to 8 bits.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from imssa_sim.cards import load_card
from imssa_sim.config import load_config
from imssa_sim.config.schema import EffectsConfig, RunConfig
from imssa_sim.data.digits import load_digits
from imssa_sim.model.network import Network
from imssa_sim.report.colours import PALETTE
from imssa_sim.report.figures.style import save
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import Inputs, prepare_inputs
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.values import run_values

ROOT = Path(__file__).parents[1]
STATES = {
    "fused_delta": 14, "fused_lookahead": 8, "fused_delayed": 8, "two_pass": 8, "digital": 14,
}  # fmt: skip
"""Mappings, and the bits of their states or accumulators."""
STORED = ("fused_lookahead", "fused_delayed", "two_pass")
"""Mappings whose cells hold the state matrix itself. Their converters round to the codes of the
states (``aligned``): with a range of its own a state is rounded twice a step and loses far more."""
ERRORS = (0.1, 0.2, 0.5, 1, 2, 4)
"""Standard deviations in % of the cell's range."""
SIDES = {"sdigits": (8, 16, 32, 64, 128), "digits32": (32, 64, 128)}
"""Pixels along an edge, by the workload whose network reads them."""
LONGEST = 20
"""Sequences of more than 4,096 steps that each chip runs; each takes as long as 256 short ones."""
BITS = (4, 5, 6, 7, 8)


@dataclass(frozen=True)
class Point:
    """One row: ``x`` is an error [%], a length or bits of the converters."""

    workload: str
    mapping: str
    x: float
    bits: int

    @property
    def settings(self) -> list[str]:
        """The overrides that make the mapping."""
        return [
            f"hardware.mapping.kernel={self.mapping}",
            f"bits={{default: 8, state: {STATES[self.mapping]}}}",
            f"hardware.adc.bits={self.bits}",
            f"hardware.dac.bits={self.bits}",
            f"hardware.adc.range={'aligned' if self.mapping in STORED else 'max'}",
        ]


def error_points() -> Iterator[Point]:
    """Yield programming errors for all mappings."""
    for mapping in STATES:
        yield from (Point("digits32", mapping, x, 8) for x in ERRORS)


def length_points() -> Iterator[Point]:
    """Yield lengths: increments at 6 bits, what the others need at 8."""
    for workload, sides in SIDES.items():
        for side in sides:
            for mapping in STATES:
                for bits in (6, 8) if mapping == "fused_lookahead" else (6,):
                    wide = mapping in ("fused_delayed", "two_pass")
                    yield Point(workload, mapping, side**2, 8 if wide else bits)


def energy_points() -> Iterator[Point]:
    """Yield bits of the converters for all mappings."""
    for mapping in STATES:
        yield from (Point("digits32", mapping, bits, bits) for bits in BITS)


def measured(config: RunConfig, inputs: Inputs) -> dict[str, Any]:
    """Return accuracies as shares; of the chips mean, least and greatest."""
    found = run_values(config, inputs, Clock(Silent())).accuracy
    chips = [right / found.analog_samples for right in found.analog_correct]
    return {
        "float": (found.float_correct or 0) / found.samples,
        "mean": float(np.mean(chips)), "low": min(chips), "high": max(chips),
        "samples": found.analog_samples, "chips": len(chips), "energy": "",
    }  # fmt: skip


def limits(given: argparse.Namespace, samples: int) -> list[str]:
    """Return the settings of how much is run."""
    return [f"evaluate.chips={given.chips}", f"evaluate.samples={samples}", "baselines=[]",
            "evaluate.digital=false"]  # fmt: skip


def error(point: Point, given: argparse.Namespace) -> dict[str, Any]:
    """Measure accuracy with nothing but programming errors."""
    plain = load_config(point.workload).config.hardware.chip.tile
    cell = load_card(plain.cell)
    reach = cell.quantity("g_max", "conductance") - cell.quantity("g_min", "conductance")
    off = [
        f"hardware.effects.{name}=false"
        for name in EffectsConfig.model_fields
        if name != "programming_error"
    ]
    sigma = f"hardware.chip.tile.programming_sigma={point.x / 100 * reach:.6g} S"
    settings = [*off, sigma, *point.settings, *limits(given, given.samples)]
    config = load_config(point.workload, settings).config
    return measured(config, prepare_inputs(config))


def length(point: Point, given: argparse.Namespace) -> dict[str, Any]:
    """Measure accuracy on digits resampled to ``point.x`` pixels."""
    samples = given.samples if point.x <= 4096 else min(given.samples, LONGEST)
    config = load_config(point.workload, [*point.settings, *limits(given, samples)]).config
    inputs = prepare_inputs(config)
    side, own = round(point.x**0.5), SIDES[point.workload][0]
    data, block = load_digits(point.workload, side, normalise=True), side // own
    chosen = np.random.Generator(np.random.PCG64(config.seed + 1)).permutation(len(data.train))
    calibration = data.train.inputs[np.sort(chosen[: min(128, 2**18 // side**2)])]
    resampled = replace(
        inputs,
        network=slower(inputs.network, block**2),
        calibration=in_blocks(calibration, block),
        inputs=in_blocks(data.test.inputs[inputs.sample_ids], block),
    )
    return measured(config, resampled)


def in_blocks(images: np.ndarray[Any, Any], block: int) -> np.ndarray[Any, Any]:
    """Return images (n, s², 1), read row by row, read in blocks of ``block`` x ``block`` pixels."""
    count, side = len(images), round(images.shape[1] ** 0.5)
    parts = images.reshape(count, side // block, block, side // block, block)
    return np.ascontiguousarray(parts.transpose(0, 1, 3, 2, 4).reshape(count, side**2, 1))


def slower(network: Network, factor: float) -> Network:
    """Return a network with time steps shorter by a factor."""
    layers = [
        replace(layer, kernel=replace(layer.kernel, log_dt=layer.kernel.log_dt - np.log(factor)))
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


def energy(point: Point, given: argparse.Namespace) -> dict[str, Any]:
    """Measure accuracy and energy of a run."""
    found = simulate(load_config(point.workload, [*point.settings, *limits(given, given.samples)]))
    a = found.accuracy
    chips = [right / a.analog_samples for right in a.analog_correct]
    return {
        "float": (a.float_correct or 0) / a.samples,
        "mean": float(np.mean(chips)), "low": min(chips), "high": max(chips),
        "samples": a.analog_samples, "chips": len(chips), "energy": found.ledger.energy,
    }  # fmt: skip


Rows = list[dict[str, str]]


def label(row: dict[str, str]) -> str:
    """Return what a line of a figure is called."""
    return f"{row['mapping']}, {row['bits']} bits"


def lines(axes: Any, rows: Rows) -> None:
    """Draw accuracy over x for every mapping and width, with the band of the chips."""
    mappings = list(STATES)
    rows = sorted(rows, key=lambda row: mappings.index(row["mapping"]))
    for name in dict.fromkeys(map(label, rows)):
        own = sorted((row for row in rows if label(row) == name), key=lambda r: float(r["x"]))
        x = [float(row["x"]) for row in own]
        mean, low, high = ([100 * float(r[k]) for r in own] for k in ("mean", "low", "high"))
        colour = PALETTE[mappings.index(own[0]["mapping"])]
        dashed = own[0]["mapping"] == "fused_lookahead" and own[0]["bits"] == "6"
        axes.plot(x, mean, "--" if dashed else "-", marker="o", color=colour, label=name)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set(ylim=(0, 102), xscale="log")
    axes.grid(alpha=0.3)


def draw_error(rows: Rows) -> Any:
    """Draw accuracy over the programming error."""
    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    lines(axes, rows)
    axes.axhline(100 * float(rows[0]["float"]), color="0.4", linewidth=1, label="float")
    axes.set_xticks(ERRORS, [f"{x:g}" for x in ERRORS])
    axes.minorticks_off()
    axes.set(xlabel="programming error σ [% of the cell's range]", ylabel="accuracy [%]",
             title="digits32, 1,024 steps, 8-bit converters")  # fmt: skip
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


def draw_length(rows: Rows) -> Any:
    """Draw accuracy over the sequence length, a panel for each network."""
    names = list(dict.fromkeys(row["workload"] for row in rows))
    figure, panels = plt.subplots(
        1, len(names), figsize=(4 * len(names) + 1.6, 3.6), layout="constrained", sharey=True,
        squeeze=False,
    )  # fmt: skip
    for axes, name in zip(panels[0], names, strict=True):
        own = [row for row in rows if row["workload"] == name]
        lines(axes, own)
        plain = sorted({(float(r["x"]), 100 * float(r["float"])) for r in own})
        axes.plot(*zip(*plain, strict=True), ":", color="0.3", label="float")
        lengths = [x for x, _ in plain]
        axes.set_xticks(lengths, [f"{x:,.0f}" for x in lengths])
        axes.minorticks_off()
        axes.set(xlabel="steps", title=f"network of {name}")
    panels[0][0].set_ylabel("accuracy [%]")
    handles = dict(zip(*reversed(panels[0][0].get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", fontsize=7)
    return figure


def draw_energy(rows: Rows) -> Any:
    """Draw energy over accuracy, a line for each mapping and a number for the bits."""
    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for mapping, colour in zip(STATES, PALETTE, strict=False):
        own = sorted((r for r in rows if r["mapping"] == mapping), key=lambda r: int(r["bits"]))
        x, y = [100 * float(r["mean"]) for r in own], [1e6 * float(r["energy"]) for r in own]
        axes.plot(x, y, "o-", color=colour, label=mapping)
        for at, row in zip(zip(x, y, strict=True), own, strict=True):
            axes.annotate(row["bits"], at, xytext=(4, 3), textcoords="offset points", fontsize=7)
    axes.axvline(100 * float(rows[0]["float"]), color="0.4", linewidth=1, label="float")
    axes.set(xlabel="accuracy [%]", ylabel="energy per inference [µJ]", yscale="log",
             title="digits32; numbers: bits of the converters")  # fmt: skip
    marks = (15, 20, 30, 40, 60, 100)
    axes.set_yticks(marks, [str(mark) for mark in marks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


Study = tuple[
    Callable[[], Iterator[Point]],
    Callable[[Point, argparse.Namespace], dict[str, Any]],
    Callable[[Rows], Any],
]
STUDIES: dict[str, Study] = {
    "error": (error_points, error, draw_error),
    "length": (length_points, length, draw_length),
    "energy": (energy_points, energy, draw_energy),
}
COLUMNS = (
    "workload", "mapping", "x", "bits", "float", "mean", "low", "high", "samples", "chips",
    "energy",
)  # fmt: skip


def stored(path: Path) -> Rows:
    """Return the rows of a table, none where it is not there."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: dict[str, Any]) -> None:
    """Write a row at once, so that an interrupted study goes on where it stopped."""
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})


def main() -> None:
    """Measure what is missing, then draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("--chips", type=int, default=2)
    parser.add_argument("--samples", type=int, default=50, help="test sequences a chip")
    parser.add_argument("--steps", type=int, help="of length: only sequences of so many steps")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "results")
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    given = parser.parse_args()
    points, measure, draw = STUDIES[given.study]
    for folder in (given.results, given.figures):
        folder.mkdir(parents=True, exist_ok=True)
    path = given.results / f"mappings_{given.study}.csv"
    for point in points():
        if given.study == "length" and given.steps not in (None, round(point.x)):
            continue
        place = {"workload": point.workload, "mapping": point.mapping, "x": f"{point.x:g}",
                 "bits": str(point.bits)}  # fmt: skip
        found = next((r for r in stored(path) if place.items() <= r.items()), None)
        if found is None:
            found = place | measure(point, given)
            append(path, found)
        print(
            f"{point.workload:9} {point.mapping:16} {point.x:>7g} {point.bits} bits "
            f"{float(found['mean']):7.1%} ({float(found['low']):.1%} to {float(found['high']):.1%})"
            f"   float {float(found['float']):.1%}",
            flush=True,
        )
    figure = draw(stored(path))
    save(figure, [given.figures / f"mappings_{given.study}.png"])


if __name__ == "__main__":
    main()
