"""Stuck devices and write noise on one small array: the two observations of the IMSSA chip.

    python benchmarks/imssa_two_class.py [--chips 50] [-o DIR]
    python benchmarks/imssa_two_class.py --train DIR [--seeds 5]

The first form evaluates the networks in ``checkpoints/imssa_two_class`` (or ``--networks DIR``) on
chips of workloads/imssa_two_class.yaml and prints three tables: what stuck devices cost and what
brings it back, accuracy against the rate of stuck-on cells, accuracy against write noise with
weights of 2 and of 5 bits. With ``-o`` it saves ``imssa_two_class.csv`` and a figure. The second
form trains the networks (PyTorch): from one float network per seed, at both widths, with and
without write noise in training, all else equal.

Published, IMSSA (arXiv 2412.20215): spoken zero against one, 95.06 % in software, 81.69 % on the
chip, 95.61 % estimated without stuck devices; tolerable write noise above 15 uS at 2 bits, 5 uS at
5 bits.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imssa_sim.config import load_config
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.values import run_values

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "checkpoints" / "imssa_two_class"
WORKLOAD = ROOT / "workloads" / "imssa_two_class.yaml"
PUBLISHED = {"software": 95.06, "chip": 81.69, "without stuck devices": 95.61}
WIDTHS = (2, 5)
NOISELESS = ("hardware.effects.faults=false", "hardware.effects.read_noise=false")
SIGMAS = (0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0)  # [uS]
RATES = (0.0, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2)
LOSSES = (5.0, 10.0, 20.0)
"""Points of accuracy whose loss ends what counts as tolerable; IMSSA's own measure is not known."""


class Found(NamedTuple):
    """Accuracies [%] of networks (n,) in integers and on chips (n, chips)."""

    digital: np.ndarray
    chips: np.ndarray

    def row(self) -> str:
        a = self.chips
        low, high = np.percentile(a, [10, 90])
        return f"{a.mean():6.1f} {np.median(a):8.1f} {low:8.1f} {high:8.1f}"


def kernel_bits(section: str, bits: int) -> list[str]:
    return [f"{section}.{kind}={bits}" for kind in "ABCD"]


def evaluate(networks: Iterable[Path], bits: int, chips: int, *settings: str) -> Found:
    digital, analog = [], []
    for path in networks:
        sets = [f"model.checkpoint={path}", *kernel_bits("bits", bits), *settings]
        sets += [f"evaluate.chips={chips}", "evaluate.float=false"]
        config = load_config(WORKLOAD, sets).config
        found = run_values(config, prepare_inputs(config), Clock(Silent())).accuracy
        digital.append(100 * found.digital_correct / found.samples)
        analog.append([100 * correct / found.samples for correct in found.analog_correct])
    return Found(np.array(digital), np.array(analog))


def named(folder: Path, name: str) -> list[Path]:
    """Return the networks NAME_0, NAME_1, … of a folder."""
    found = sorted(folder.glob(f"{name}_[0-9]*.safetensors"))
    if not found:
        sys.exit(f"{folder} holds no {name}_*.safetensors; --train {folder} makes them")
    return found


def float_accuracy(networks: Iterable[Path]) -> np.ndarray:
    from imssa_sim.model.checkpoint import load_checkpoint

    return np.array([100 * load_checkpoint(p).metadata["accuracy"]["test"] for p in networks])


def tolerable(accuracy: np.ndarray, points: float) -> np.ndarray:
    """Return the write noise [uS] (n,) at which networks (n, sigmas) have lost so many points."""
    result = []
    for curve in accuracy:
        lost = curve[0] - curve
        last = int(np.argmax(lost >= points))
        if lost[last] < points:
            result.append(np.inf)
            continue
        share = (points - lost[last - 1]) / (lost[last] - lost[last - 1])
        result.append(SIGMAS[last - 1] + share * (SIGMAS[last] - SIGMAS[last - 1]))
    return np.array(result)


def stuck_devices(folder: Path, chips: int) -> list[tuple[str, str, Found]]:
    networks = named(folder, "2bit")
    cases = [
        ("chip", ()),
        ("no stuck-on", ("hardware.faults.stuck_on=0",)),
        ("no stuck devices", ("hardware.effects.faults=false",)),
        ("4 spare pairs", ("hardware.chip.tile.spare_columns=4",)),
    ]
    rows = [("stuck", name, evaluate(networks, 2, chips, *sets)) for name, sets in cases]
    software = float_accuracy(named(folder, "float"))
    chip, cured = PUBLISHED["chip"], PUBLISHED["without stuck devices"]
    print(f"{len(networks)} networks of 2-bit weights, {chips} chips each; accuracy [%]")
    print(f"{'':22}   mean   median    10 %      90 %    IMSSA")
    print(f"{'software, float':22} {software.mean():6.1f} {'':26} {PUBLISHED['software']:8.2f}")
    print(f"{'software, 2 bits':22} {rows[0][2].digital.mean():6.1f}")
    beside = {"chip": f"{chip:8.2f}", "no stuck devices": f"{cured:8.2f} (estimated)"}
    for _, name, found in rows:
        print(f"{name:22} {found.row()} {beside.get(name, '')}".rstrip())
    share = (rows[0][2].chips <= chip).mean()
    print(f"{share:.0%} of the chips are at {chip} % or below")
    return rows


def stuck_rates(folder: Path, chips: int) -> list[tuple[str, str, Found]]:
    networks = named(folder, "2bit")
    print(
        "\nrate of stuck-on cells, no stuck-off ones; accuracy [%]\n"
        f"{'rate':>8}   mean   median    10 %      90 %"
    )
    rows = []
    for rate in RATES:
        sets = (f"hardware.faults.stuck_on={rate}", "hardware.faults.stuck_off=0")
        found = evaluate(networks, 2, chips, *sets)
        rows.append(("stuck-on rate", str(rate), found))
        print(f"{rate:8.2%} {found.row()}", flush=True)
    return rows


def write_noise(folder: Path, chips: int) -> list[tuple[str, str, Found]]:
    print("\nwrite noise alone: mean accuracy [%] over σ [uS]")
    print(f"{'bits':>4} {'trained':10}" + "".join(f"{s:7.1f}" for s in SIGMAS))
    rows, bounds = [], []
    for suffix, trained in (("", "with noise"), ("_quiet", "without")):
        curves = {}
        for bits in WIDTHS:
            networks = named(folder, f"{bits}bit{suffix}")
            at = []
            for sigma in SIGMAS:
                sets = (*NOISELESS, f"hardware.chip.tile.programming_sigma={sigma} uS")
                at.append(evaluate(networks, bits, chips, *sets))
                rows.append((f"{bits} bits, trained {trained}", str(sigma), at[-1]))
            curves[bits] = np.array([found.chips.mean(axis=1) for found in at]).T
            listed = "".join(f"{a:7.1f}" for a in curves[bits].mean(axis=0))
            print(f"{bits:4} {trained:10}{listed}", flush=True)
        bounds += [_bounds(trained, points, curves) for points in LOSSES]
    print("\nσ [uS] at which a network has lost so many points; mean ± deviation over networks")
    print(f"{'trained':10} {'points':>6} {'2 bits':>14} {'5 bits':>14}   2 bits tolerate more")
    print("\n".join(bounds))
    return rows


def _bounds(trained: str, points: float, curves: dict[int, np.ndarray]) -> str:
    found = {bits: tolerable(curve, points) for bits, curve in curves.items()}
    texts = [_bound(a) for a in found.values()]
    wins = int(np.sum(found[2] > found[5]))
    shown = " ".join(f"{text:>14}" for text in texts)
    return f"{trained:10} {points:6g} {shown}   in {wins} of {len(found[2])} networks"


def _bound(tolerated: np.ndarray) -> str:
    """Return mean and deviation over networks; those that lost too little by the last σ apart."""
    reached = tolerated[np.isfinite(tolerated)]
    if len(reached) < len(tolerated):
        return f"{len(tolerated) - len(reached)} of {len(tolerated)} > {SIGMAS[-1]:g}"
    return f"{reached.mean():8.1f} ± {reached.std(ddof=1):.1f}"


def save(folder: Path, rows: list[tuple[str, str, Found]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "imssa_two_class.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["study", "value", "network", "chip", "accuracy_percent"])
        for study, value, found in rows:
            for (network, chip), accuracy in np.ndenumerate(found.chips):
                writer.writerow([study, value, network, chip, f"{accuracy:.2f}"])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    points = [(float(v), f.chips) for study, v, f in rows if study == "stuck-on rate"]
    place = np.arange(len(points))
    left.plot(place, [a.mean() for _, a in points], "o-", label="mean")
    band = np.array([np.percentile(a, [10, 90]) for _, a in points]).T
    left.fill_between(place, *band, alpha=0.25, label="10 to 90 % of chips")
    for name, style in (("chip", "--"), ("without stuck devices", ":")):
        left.axhline(
            PUBLISHED[name], color="black", linestyle=style, linewidth=1, label=f"IMSSA, {name}"
        )
    left.set_xticks(place, [f"{100 * rate:g} %" for rate, _ in points])
    left.set(xlabel="stuck-on cells", ylabel="accuracy [%]", title="2-bit weights, all effects")
    studies = dict.fromkeys(study for study, _, _ in rows if study.startswith(("2", "5")))
    for study in studies:
        color = "C0" if study.startswith("2") else "C1"
        style = "-" if study.endswith("with noise") else "--"
        means = np.array([f.chips.mean(axis=1) for s, _, f in rows if s == study])
        right.plot(SIGMAS, means.mean(axis=1), style, marker="o", color=color, label=study)
        if style == "-":
            right.fill_between(SIGMAS, means.min(axis=1), means.max(axis=1), color=color, alpha=0.2)
    for bits, sigma in ((2, 15), (5, 5)):
        right.axvline(sigma, color="C0" if bits == 2 else "C1", linestyle=":", linewidth=1)
        right.text(sigma, 42, f" IMSSA, {bits} bits", fontsize=8)
    right.set(
        xlabel="write noise σ [µS]", title="write noise alone; bands over networks", ylim=(40, 101)
    )
    for axis in (left, right):
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"imssa_two_class.{suffix}", dpi=120)
    plt.close(figure)


def train_networks(folder: Path, seeds: int) -> None:
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    folder.mkdir(parents=True, exist_ok=True)
    settings = ROOT / "workloads" / "train"

    def trained(name: str, file: str, sets: list[str]) -> Path:
        output = folder / f"{name}.safetensors"
        if not output.exists():
            command = f"benchmarks/imssa_two_class.py --train, {file} " + " ".join(sets[:-1])
            train(
                load_train_config(settings / file, sets), output, command=command.strip(),
                report=lambda line: None,
            )  # fmt: skip
            output.with_suffix(".curve.csv").unlink()
            output.with_suffix(".curve.png").unlink()
        print(output, flush=True)
        return output

    for seed in range(seeds):
        start = trained(
            f"float_{seed}", "imssa_two_class.yaml", [f"seed={seed}", "train.threads=1"]
        )
        for bits in WIDTHS:
            sets = [f"seed={seed}", *kernel_bits("quantise.bits", bits)]
            last = f"model.checkpoint={start}"
            file = "imssa_two_class_chip.yaml"
            trained(f"{bits}bit_{seed}", file, [*sets, last])
            trained(f"{bits}bit_quiet_{seed}", file, [*sets, "quantise.chip=null", last])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=50, help="chip instances of each network")
    parser.add_argument("--networks", type=Path, default=NETWORKS, help="folder of checkpoints")
    parser.add_argument("-o", "--output", type=Path, help="folder for table and figure")
    parser.add_argument("--train", type=Path, metavar="DIR", help="train networks into this folder")
    parser.add_argument("--seeds", type=int, default=5, help="networks of each kind to train")
    arguments = parser.parse_args()
    if arguments.train:
        train_networks(arguments.train.resolve(), arguments.seeds)
        return 0
    networks = arguments.networks.resolve()
    rows = stuck_devices(networks, arguments.chips)
    rows += stuck_rates(networks, arguments.chips)
    rows += write_noise(networks, arguments.chips)
    if arguments.output:
        save(arguments.output, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
