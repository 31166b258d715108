"""End to end: networks of the study on the IMSSA chip, beside the Jetson Nano.

    python benchmarks/qs4d/chip.py -o runs/qs4d_chip

runs each network of `NETWORKS` with `imssa_sim run … --uncertainty` into a folder of its own, the
converters as wide as the codes, and collects accuracy, energy, TOPS/W by useful operations with its
90 % interval, and the ratio to each GPU, into results/chip.csv. Folders that are there already are
read, not run again. `benchmarks/jetson.py FOLDER…` draws the comparison.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study import RESULTS, ROOT, Table, progress

KEY = ("network", "device")
COLUMNS = (
    *KEY, "workload", "bits", "float", "integers", "chip", "chip_spread", "chips", "samples",
    "tiles", "area", "energy", "latency", "tops_per_watt", "low", "high", "energy_ratio",
    "ratio_low", "ratio_high", "config",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One network on one chip: a workload file, and settings on top of it."""

    workload: str
    bits: int
    settings: tuple[str, ...] = ()


def with_bits(workload: str, bits: int, *settings: str) -> Entry:
    """Return an entry whose converters are as wide as its codes."""
    converters = (f"hardware.adc.bits={bits}", f"hardware.dac.bits={bits}")
    return Entry(workload, bits, (f"bits={bits}", *converters, *settings))


def checkpoint(name: str) -> str:
    """Return the setting that names a shipped network."""
    return f"model.checkpoint={ROOT / 'checkpoints' / name}.safetensors"


NETWORKS: dict[str, Entry] = {
    "sdigits, trained on chips, 8 bits": with_bits("sdigits_taox", 8),
    "sdigits, QAT, 6 bits": with_bits("sdigits_taox", 6, checkpoint("sdigits_6bit")),
    "sdigits, QAT, 6 bits, N = 8 of 16": with_bits(
        "sdigits_taox", 6, checkpoint("sdigits_pruned"), "model.state=8"
    ),
    "sdigits, QAT, 6 bits, kernels and modes pruned": with_bits(
        "sdigits_taox", 6, checkpoint("sdigits_lean")
    ),
    "digits32, digital recurrence, 8 bits": with_bits(
        "digits32_taox", 8, "evaluate.chip_samples=100"
    ),
}


def run(name: str, entry: Entry, folder: Path, given: argparse.Namespace) -> None:
    """Run one network, unless its folder is there."""
    if (folder / "uncertainty.json").is_file():
        return
    settings = [
        *entry.settings,
        f"evaluate.chips={given.chips}",
        f"evaluate.samples={given.samples}",
    ]
    progress(f"running {name}")
    command = [sys.executable, "-m", "imssa_sim", "run", entry.workload, "--uncertainty", "-q"]
    command += [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        [*command, "-o", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip()}")


def rows_of(name: str, entry: Entry, folder: Path) -> list[dict[str, Any]]:
    """Return the chip's row and one per GPU."""
    found = json.loads((folder / "uncertainty.json").read_text(encoding="utf-8"))
    stats = json.loads((folder / "stats.json").read_text(encoding="utf-8"))
    shared = dict.fromkeys(COLUMNS, "") | {
        "network": name, "workload": entry.workload, "bits": entry.bits,
        "float": stats["accuracy.float"], "integers": stats["accuracy.digital"],
        "chip": stats["accuracy.analog.mean"], "samples": stats["accuracy.samples"],
        "chip_spread": stats["accuracy.analog.deviation"] or 0.0,
        "chips": sum(key.startswith("accuracy.analog.chip") for key in stats),
    }  # fmt: skip
    interval = found["intervals"]["efficiency_useful"]
    chip = shared | {
        "device": "IMSSA chip", "tiles": stats["tiles.needed"], "area": stats["area"],
        "energy": stats["energy.inference"], "latency": stats["time.end_to_end"],
        "tops_per_watt": interval["nominal"] / 1e12, "low": interval["low"] / 1e12,
        "high": interval["high"] / 1e12, "config": " ".join(shown(entry)),
    }  # fmt: skip
    rows = [chip]
    for baseline in found["baselines"]:
        efficiency, ratio = baseline["efficiency"], baseline["ratio"]
        rows.append(
            shared
            | {
                "device": baseline["baseline"], "tops_per_watt": efficiency["nominal"] / 1e12,
                "low": efficiency["low"] / 1e12, "high": efficiency["high"] / 1e12,
                "energy_ratio": ratio["nominal"], "ratio_low": ratio["low"],
                "ratio_high": ratio["high"],
            }
        )  # fmt: skip
    return rows


def shown(entry: Entry) -> list[str]:
    """Return the settings without folders."""
    root = f"{ROOT}/"
    return [setting.replace(root, "") for setting in entry.settings]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=[*NETWORKS])
    parser.add_argument("--chips", type=int, default=5)
    parser.add_argument("--samples", default="all", help="test sequences, evenly spread; or all")
    parser.add_argument(
        "--quick", action="store_true", help="one chip, 40 sequences, first network"
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "qs4d_chip")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.quick:
        given.only, given.chips, given.samples = [next(iter(NETWORKS))], 1, "40"
    given.runs.mkdir(parents=True, exist_ok=True)
    table = Table(given.output / "chip.csv", COLUMNS, KEY)
    for name in given.only:
        entry = NETWORKS[name]
        folder = given.runs / "".join(c if c.isalnum() else "_" for c in name)
        run(name, entry, folder, given)
        table.rows = [row for row in table.rows if row["network"] != name]
        for row in rows_of(name, entry, folder):
            table.add(row)
        progress(f"{name}: {float(table.rows[-1]['chip'] or 0):.1%} on the chip")
    table.sort(lambda r: (list(NETWORKS).index(r["network"]), r["device"] != "IMSSA chip"))


if __name__ == "__main__":
    main()
