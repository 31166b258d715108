"""The chip against Jetson Nano, GPU and CPU, on sequences that come at 1 Hz to 10 kHz.

    python benchmarks/edge.py [sdigits] [-o DIR] [--draws 2000] [--set KEY=VALUE …]

Two loads: *latency-bound*, each sequence answered at once within ``--tight`` (10 ms), and
*throughput-bound*, where the Nano waits for the batch of least energy within ``--loose`` (10 s).
All serve the same network and sequences at the same rate; energy per sequence counts the waiting.
The Nano idles, or suspends where that pays and the deadline bears the wake-up
(``standby/jetson_nano``, assumed). The chip answers at once in both loads; awake it leaks all the
time, and asleep (``power/header_switch``, assumed) it draws what its sleep takes. The Nano is a
whole module with its memory, the chip only the chip. Intervals hold 90 %: ranged and assumed
entries of the cards vary, but for the chip's sleep, which is at its card's values.

Prints a table; with ``-o`` saves ``edge.csv`` and ``edge.png``/``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imssa_sim.baselines.gpu import shape_of
from imssa_sim.baselines.load import Policy, serve, served_samples
from imssa_sim.cards import load_card
from imssa_sim.config import load_config
from imssa_sim.ledger.uncertainty import evaluate_uncertainty
from imssa_sim.report.colours import PALETTE
from imssa_sim.simulation.run import simulate

RATES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4)
DEVICES = {
    "gpu/jetson_nano_10w": "Jetson Nano, GPU",
    "gpu/jetson_nano_cpu": "Jetson Nano, CPU",
}
AWAKE, ASLEEP = "chip, awake", "chip, asleep between"
STANDBY = "standby/jetson_nano"
SLEEP = "hardware.power={policy: break_even, card: power/header_switch}"


class Row(NamedTuple):
    """One device at one rate; energies per sequence [J], latency [s]."""

    load: str
    device: str
    rate: float
    how: str
    latency: float
    energy: float
    low: float
    high: float


def middle(samples: np.ndarray) -> tuple[float, float]:
    """Return the ends of the central 90 %."""
    low, high = np.quantile(samples, (0.05, 0.95))
    return float(low), float(high)


def compare(
    workload: str, overrides: list[str], deadlines: dict[str, float], draws: int
) -> list[Row]:
    """Return all rows, the chip first."""
    few = ("evaluate.samples=20", "evaluate.chips=1", "evaluate.input={rate: 1 kHz}", SLEEP)
    result = simulate(load_config(workload, (*few, *overrides)))
    config, ledger, duty = result.loaded.config, result.ledger, result.duty
    assert duty is not None
    assert duty.sleep is not None
    sleep, busy = duty.sleep, result.timing.end_to_end
    drawn = evaluate_uncertainty(
        result.program, config.hardware, ledger, seed=config.seed, draws=draws
    ).samples
    accounts = ledger.by_account()
    actions = accounts["dynamic"] + accounts.get("off_chip", 0.0)
    shape = shape_of(config, result.program.sequence_length)
    standby = load_card(STANDBY)
    rows: list[Row] = []
    for load, deadline in deadlines.items():
        policy: Policy = "at_once" if load == "latency-bound" else "batch"
        for rate in (r for r in RATES if r <= result.timing.throughput):
            awake = actions + ledger.leakage_power / rate
            spread = middle(drawn["dynamic"] + drawn["off_chip"] + drawn["leakage_power"] / rate)
            rows.append(Row(load, AWAKE, rate, "at once", busy, awake, *spread))
            nap = 1 / rate - busy - sleep.wake_time - sleep.break_even
            saved = max(0.0, sleep.saved_power * nap - sleep.wake_energy)
            late = busy + sleep.wake_time * (saved > 0)
            rows.append(Row(load, ASLEEP, rate, "at once", late, *[awake - saved] * 3))
            for name, title in DEVICES.items():
                served = serve(load_card(name), shape, rate, deadline, policy, standby)
                if served is None:
                    continue
                spread = middle(served_samples(served, shape, standby, draws))
                how = f"{served.baseline.mode}, batch {served.baseline.batch}"
                how += ", suspended" if served.suspended else ""
                rows.append(Row(load, title, rate, how, served.latency, served.energy, *spread))
    return rows


def show(rows: list[Row], workload: str, deadlines: dict[str, float]) -> None:
    """Print energies, and how many times the chip's a baseline takes."""
    for load, deadline in deadlines.items():
        print(f"{workload}, {load}, deadline {deadline:g} s: energy per sequence, 90 % interval")
        own = [row for row in rows if row.load == load]
        for row in own:
            text = f"  {row.rate:>7g} Hz  {row.device:<22}{row.energy:9.3g} J"
            text += f" ({row.low:.2g} to {row.high:.2g})" if row.low < row.high else ""
            if row.device in DEVICES.values():
                chip = {r.device: r.energy for r in own if r.rate == row.rate}
                ratios = row.energy / chip[AWAKE], row.energy / chip[ASLEEP]
                text += f"  {ratios[0]:.3g}x, {ratios[1]:.3g}x asleep; {row.how}"
            print(text)
        for title in DEVICES.values():
            most = max((r.rate for r in own if r.device == title), default=0.0)
            if most < RATES[-1]:
                print(f"  {title}: beyond {most:g} Hz it does not keep up or is late")


def save(rows: list[Row], deadlines: dict[str, float], folder: Path) -> None:
    """Write CSV and figure."""
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "edge.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    for axes, (load, deadline) in zip(panels, deadlines.items(), strict=True):
        for number, device in enumerate((*DEVICES.values(), AWAKE, ASLEEP)):
            own = [row for row in rows if row.load == load and row.device == device]
            rates, style = [row.rate for row in own], "--" if device == ASLEEP else "-"
            colour: Any = PALETTE[number]
            axes.plot(
                rates, [r.energy for r in own], style, marker="o", ms=3, color=colour, label=device
            )
            axes.fill_between(
                rates, [r.low for r in own], [r.high for r in own], color=colour, alpha=0.15
            )
        axes.set(xscale="log", yscale="log", xlabel="sequences per second [Hz]")
        axes.set_title(f"{load}, deadline {deadline:g} s", fontsize=10)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("energy per sequence [J]")
    panels[0].legend(fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"edge.{suffix}", dpi=150)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("workload", nargs="?", default="sdigits")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--tight", type=float, default=0.01, help="deadline at once [s]")
    parser.add_argument("--loose", type=float, default=10.0, help="deadline for batches [s]")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("-o", "--output", type=Path, help="folder for CSV and figure")
    options = parser.parse_args(arguments)
    deadlines = {"latency-bound": options.tight, "throughput-bound": options.loose}
    rows = compare(options.workload, options.overrides, deadlines, options.draws)
    show(rows, options.workload, deadlines)
    if options.output is not None:
        save(rows, deadlines, options.output)
        print(f"saved {options.output}/edge.csv, edge.png, edge.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
