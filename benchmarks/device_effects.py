"""What each departure of the array costs in accuracy: sdigits, swept one effect at a time.

    python benchmarks/device_effects.py [--chips 5] [--samples 200] [-o DIR]

prints the accuracy on each chip instance; with ``-o`` it saves ``device_effects.csv`` and a figure
with the mean and the band over chips, ``device_effects.png``/``.svg``. All other effects are off.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import NamedTuple

from imssa_sim.config import load_config
from imssa_sim.config.schema import EffectsConfig
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.values import run_values

PCM = ("hardware.chip.tile.cell=cells/pcm_hermes_2",)
BENT = ("hardware.chip.tile.cell=cells/hfox_stanford", "hardware.dac.encoding=amplitude")
FAULTY = ("hardware.effects.faults=true",)
NO_SPARES = "hardware.chip.tile.spare_columns=0"
CONVERTERS = ("hardware.effects.converter_errors=true",)


class Sweep(NamedTuple):
    """One axis: the value goes into ``path``, ``fixed`` holds throughout."""

    name: str
    path: str
    values: tuple[str, ...]
    fixed: tuple[str, ...]


SWEEPS = (
    Sweep(
        "programming error σ",
        "hardware.chip.tile.programming_sigma",
        ("0 uS", "0.5 uS", "1 uS", "2 uS", "4 uS", "8 uS"),
        ("hardware.effects.programming_error=true",),
    ),
    Sweep(
        "drift time, PCM",
        "evaluate.time_since_programming",
        ("20 s", "5 min", "1 h", "1 d", "30 d"),
        ("hardware.effects.drift=true", *PCM),
    ),
    Sweep(
        "drift time, compensated",
        "evaluate.time_since_programming",
        ("20 s", "5 min", "1 h", "1 d", "30 d"),
        ("hardware.effects.drift=true", "hardware.effects.drift_compensation=true", *PCM),
    ),
    Sweep(
        "read noise after, PCM",
        "evaluate.time_since_programming",
        ("1 s", "1 h", "30 d"),
        ("hardware.effects.read_noise=true", *PCM),
    ),
    Sweep(
        "stuck-on rate",
        "hardware.faults.stuck_on",
        ("0", "1e-5", "1e-4", "3e-4", "1e-3", "1e-2"),
        (*FAULTY, "hardware.faults.stuck_off=0", NO_SPARES),
    ),
    Sweep(
        "stuck-on rate, 24 spare pairs",
        "hardware.faults.stuck_on",
        ("0", "1e-5", "1e-4", "3e-4", "1e-3", "1e-2"),
        (*FAULTY, "hardware.faults.stuck_off=0", "hardware.chip.tile.spare_columns=24"),
    ),
    Sweep(
        "stuck-off rate",
        "hardware.faults.stuck_off",
        ("0", "1e-3", "1e-2", "5e-2"),
        (*FAULTY, "hardware.faults.stuck_on=0", NO_SPARES),
    ),
    Sweep(
        "wire segment",
        "hardware.chip.tile.wires.word_resistance",
        ("0.01 ohm", "0.03 ohm", "0.1 ohm", "0.3 ohm", "1 ohm"),
        (
            "hardware.effects.ir_drop=true",
            "hardware.chip.tile.wires.bit_resistance=0 ohm",
            "hardware.chip.tile.weights=one_sided",
        ),
    ),
    Sweep(
        "temperature",
        "hardware.chip.temperature",
        ("280 K", "300 K", "350 K"),
        ("hardware.effects.thermal_noise=true",),
    ),
    Sweep(
        "read voltage, sinh cell",
        "hardware.chip.tile.read_voltage",
        ("0.05 V", "0.1 V", "0.2 V", "0.3 V", "0.5 V"),
        ("hardware.effects.nonlinearity=true", *BENT),
    ),
    Sweep("ADC noise [LSB]", "hardware.adc.noise", ("0", "0.5", "1", "2", "4"), CONVERTERS),
    Sweep("ADC gain spread", "hardware.adc.gain_spread", ("0", "0.01", "0.03", "0.1"), CONVERTERS),
    Sweep("SAR unit mismatch", "hardware.adc.mismatch", ("0", "0.01", "0.03", "0.1"), CONVERTERS),
    Sweep("DAC DNL [steps]", "hardware.dac.dnl", ("0", "0.1", "0.3", "1"), CONVERTERS),
    Sweep(
        "dead converters",
        "hardware.faults.dead_converters",
        ("0", "1e-3", "1e-2", "3e-2"),
        (*FAULTY, "hardware.faults.stuck_on=0", "hardware.faults.stuck_off=0"),
    ),
)  # fmt: skip


PARTS = (
    (
        "programming error σ 4 µS",
        (
            "hardware.effects.programming_error=true",
            "hardware.chip.tile.programming_sigma=4 uS",
        ),
    ),
    ("stuck cells, 0.1 % on and off, no spares", (*FAULTY, NO_SPARES)),
    ("drift, PCM, 1 h", ("hardware.effects.drift=true", *PCM)),
    (
        "drift, PCM, 1 h, compensated",
        ("hardware.effects.drift=true", "hardware.effects.drift_compensation=true", *PCM),
    ),
)
"""Effects that are tried on the kernels alone and on the linear layers alone."""


def parts(chips: int, samples: int) -> None:
    """Print the accuracy with only the kernels, or only the linear layers, on tiles."""
    print("\nwhat stands on tiles, the rest digital; accuracy on each chip [%]")
    print(f"{'':42}{'kernels':>30}{'linear layers':>30}")
    for name, sets in PARTS:
        shown = ""
        for other in ("linear", "kernel"):
            found = accuracies((*sets, f"hardware.mapping.{other}=digital"), chips, samples)
            shown += f"{' '.join(f'{a:.1f}' for a in found):>30}"
        print(f"{name:42}{shown}", flush=True)


def accuracies(settings: tuple[str, ...], chips: int, samples: int) -> list[float]:
    """Accuracy in per cent on each chip instance."""
    off = [f"hardware.effects.{name}=false" for name in EffectsConfig.model_fields]
    sets = [*off, *settings]
    sets += [f"evaluate.chips={chips}", f"evaluate.samples={samples}", "evaluate.float=false"]
    config = load_config("sdigits_taox", sets).config
    found = run_values(config, prepare_inputs(config), Clock(Silent())).accuracy
    return [100 * correct / found.samples for correct in found.analog_correct]


def save(folder: Path, table: dict[str, dict[str, list[float]]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "device_effects.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sweep", "value", "chip", "accuracy_percent"])
        for name, points in table.items():
            for value, found in points.items():
                writer.writerows([name, value, chip, f"{a:.2f}"] for chip, a in enumerate(found))
    rows = -(-len(table) // 5)
    figure, axes = plt.subplots(rows, 5, figsize=(16, 3 * rows), layout="constrained", sharey=True)
    for axis in axes.flat[len(table) :]:
        axis.set_axis_off()
    for axis, (name, points) in zip(axes.flat, table.items(), strict=False):
        middle = [sum(found) / len(found) for found in points.values()]
        place = range(len(points))
        axis.plot(place, middle, "o-")
        low, high = ([f(found) for found in points.values()] for f in (min, max))
        axis.fill_between(place, low, high, alpha=0.25)
        axis.set_xticks(list(place), list(points), rotation=45)
        axis.set_title(name)
        axis.set_ylim(0, 103)
        axis.grid(alpha=0.3)
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy [%]")
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"device_effects.{suffix}", dpi=150)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    table: dict[str, dict[str, list[float]]] = {}
    for sweep in SWEEPS:
        print(f"\n{sweep.name}  ({sweep.path})")
        table[sweep.name] = {}
        for value in sweep.values:
            settings = (*sweep.fixed, f"{sweep.path}={value}")
            found = accuracies(settings, arguments.chips, arguments.samples)
            table[sweep.name][value] = found
            mean = sum(found) / len(found)
            print(f"{value:>10} {mean:6.1f} %   {' '.join(f'{a:5.1f}' for a in found)}", flush=True)
    parts(arguments.chips, arguments.samples)
    if arguments.output:
        save(arguments.output, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
