"""Write the numbers and tables of the pages from stored results of their commands.

    python docs/make_tables.py                    # pages from docs/results/
    python docs/make_tables.py --measure [NAME…]  # run the commands anew first, all or some

What stands between ``<!-- made: BLOCK -->`` and ``<!-- end -->`` in a page is replaced, in a line
or over several; a test fails while a page differs. A result is stored with the command that gave
it, its statistics (times of the host apart) and its screen.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imssa_sim.units import format_si

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
QS4D = ROOT / "benchmarks" / "qs4d"
PAGES = ("README.md", "docs/qat.md", "docs/costs.md", "docs/qs4d.md", "docs/taox.md")
SDIGITS = ("run", "workloads/sdigits.yaml")
TAOX = ("run", "workloads/sdigits_taox.yaml")
FIVE = (*TAOX, "--set", "evaluate.chips=5")
NO_SPARE = ("--set", "hardware.chip.tile.spare_columns=0")

RUNS: dict[str, tuple[str, ...]] = {
    "scifar": ("run", "workloads/scifar.yaml"),
    "sdigits": (*SDIGITS, "--uncertainty"),
    "keywords": ("run", "workloads/keywords.yaml"),
    "digits32": ("run", "workloads/digits32.yaml"),
    "sdigits_five": FIVE,
    "sdigits_no_spare": (*FIVE, *NO_SPARE),
    "sdigits_digital_kernels": (*FIVE, *NO_SPARE, "--set", "hardware.mapping.kernel=digital"),
    "digits32_6bit": (
        "run", "workloads/digits32_taox.yaml",
        "--set", "model.checkpoint=checkpoints/digits32_6bit.safetensors", "--set", "bits=6",
        "--set", "hardware.mapping.kernel=fused_lookahead",
        "--set", "evaluate.samples=all", "--set", "evaluate.chips=1",
        "--set", "evaluate.chip_samples=20",
    ),
}  # fmt: skip
"""Commands by the name of their stored result, without ``python -m imssa_sim``."""

_BLOCK = re.compile(r"(<!-- made: (?P<name>[\w ]+) -->)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Stored:
    """A stored result: the arguments of its command, its statistics, its screen."""

    arguments: tuple[str, ...]
    stats: dict[str, Any]
    screen: str

    def share(self, name: str, digits: int = 1) -> str:
        """Return a statistic from 0 to 1 in percent, without the sign."""
        return f"{100 * self.stats[name]:.{digits}f}"

    def si(self, name: str, unit: str, digits: int = 3) -> str:
        """Return a statistic with a prefix of its unit."""
        return format_si(self.stats[name], unit, digits)


def stored(name: str, folder: Path = RESULTS) -> Stored:
    """Return a stored result."""
    tree = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Stored(tuple(tree["arguments"]), tree["stats"], tree["screen"])


def measure(name: str) -> None:
    """Run a command and store what it gives."""
    arguments = RUNS[name]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = [
            sys.executable,
            "-m",
            "imssa_sim",
            *arguments,
            "-q",
            "--no-figures",
            "-o",
            str(run),
        ]
        subprocess.run(words, cwd=ROOT, check=True)
        stats = json.loads((run / "stats.json").read_text(encoding="utf-8"))
        lines = (run / "summary.txt").read_text(encoding="utf-8").splitlines()
    tree = {
        "arguments": arguments,
        "stats": {key: value for key, value in stats.items() if not key.startswith("host.")},
        "screen": "\n".join(_without_host(lines)),
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(tree, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def _without_host(lines: list[str]) -> list[str]:
    """Leave out what differs from run to run: the host's time, and the folder."""
    first = next(place for place, line in enumerate(lines) if line.startswith("host"))
    end = next(place for place, line in enumerate(lines) if line.startswith("run "))
    return lines[:first] + lines[end + 1 :]


def screen(name: str) -> str:
    """Return a command's screen as a block of the page."""
    return f"\n```text\n{stored(name).screen.strip()}\n```\n"


def accuracy(name: str) -> str:
    """Return accuracy on the chip and its deviation over the chips."""
    found = stored(name)
    mean, spread = (found.share(f"accuracy.analog.{part}") for part in ("mean", "deviation"))
    return f"{mean} ± {spread} %"


def integers(name: str) -> str:
    """Return the command of a result, and the accuracy of its quantised network."""
    found = stored(name)
    return (
        f"`python -m imssa_sim {' '.join(found.arguments)}`\ngives "
        f"{found.share('accuracy.digital')} % in integers"
    )


def advantage(name: str) -> str:
    """Return how a chip compares with the Jetson Nano token by token."""
    s = stored(name).stats
    b = "baseline.jetson_nano_10w.recurrent.batch1"
    whole = s[f"{b}.energy"] / s["energy.inference"]
    equal = s[f"{b}.equal_rate.energy"] / s[f"{b}.equal_rate.chip_energy"]
    return (
        f"{float(f'{whole:.2g}'):,.0f} times less energy per inference than\nthe Jetson Nano token "
        f"by token, but {float(f'{equal:.3g}'):,.0f} times less when both serve the "
        f"{s[f'{b}.equal_rate']:.0f} sequences per\nsecond"
    )


def interval(name: str) -> str:
    """Return the energy of a run with its intervals."""
    found, key = stored(name), "uncertainty.energy"
    nominal = found.si("energy.inference", "J")
    ends = [found.si(f"{key}{part}.{end}", "J") for part in ("", ".parameters", ".adc_model")
            for end in ("low", "high")]  # fmt: skip
    return (
        f"{nominal} per inference, {ends[0]} to {ends[1]}: the numbers by "
        f"themselves\n{ends[2]} to {ends[3]}, the choice of the ADC model {ends[4]} to {ends[5]}"
    )


def row(name: str) -> str:
    """Return accuracy (deviation), area and energy as the cells of a table."""
    found = stored(name)
    return (
        f" {found.share('accuracy.analog.mean')} % ({found.share('accuracy.analog.deviation')}) "
        f"| {found.stats['area'] * 1e6:.2f} | {found.si('energy.inference', 'J')} "
    )


def _of_study() -> Any:
    """Return the module that makes the study's tables; it imports from its own folder."""
    sys.path.insert(0, str(QS4D))
    try:
        return importlib.import_module("tables")
    finally:
        sys.path.remove(str(QS4D))
        for name in ("tables", "bits", "study"):
            sys.modules.pop(name, None)


def widths(workload: str) -> str:
    """Return accuracies against bits of a workload of the QS4D study."""
    return f"\n{_of_study().widths(workload)}\n"


def study(name: str) -> str:
    """Return another table of the QS4D study."""
    return f"\n{_of_study().TABLES[name]()}\n"


UNFORMED = {
    "none": "written to zero", "pairs": "pairs unformed", "cells": "pairs and idle cells unformed",
}  # fmt: skip
MAPPINGS = {
    "fused_lookahead": "`fused_lookahead`",
    "fused_delta": "`fused_delta`, accumulators of 14 bits",
}


def wires(name: str) -> str:
    """Return accuracies of a sweep by mapping and cells left unformed, without and with wires."""
    found: dict[tuple[str, str, str], str] = {}
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        for point in csv.DictReader(file):
            of = [float(point[f"accuracy.analog.chip{n}"]) for n in range(3)]
            mean = float(point["accuracy.analog.mean"])
            key = (
                point["hardware.mapping.kernel"],
                point["hardware.chip.tile.unformed"],
                point["hardware.effects.ir_drop"],
            )
            found[key] = f"{100 * mean:.1f} ({100 * min(of):.1f})"
    lines = [
        "| mapping | positions without a weight | ideal wires | wires |",
        "|---|---|---|---|",
    ]
    for mapping, words in MAPPINGS.items():
        for kept, what in UNFORMED.items():
            label = f" {words} " if kept == "none" else " "
            cells = " | ".join(found[mapping, kept, drop] for drop in ("false", "true"))
            lines.append(f"|{label}| {what} | {cells} |")
    return "\n" + "\n".join(lines) + "\n"


KINDS: dict[str, Callable[[str], str]] = {
    "screen": screen, "accuracy": accuracy, "advantage": advantage, "integers": integers,
    "interval": interval, "row": row, "widths": widths, "study": study, "wires": wires,
}  # fmt: skip
"""What a block may be: ``KIND RESULT``."""
OF_ROWS = ("widths", "study", "wires")
"""Kinds that are made of rows, of benchmarks/qs4d/results or of a sweep in docs/results."""


def block(name: str) -> str:
    """Return the text of a block, named ``KIND RESULT``."""
    kind, result = name.split()
    return KINDS[kind](result)


def blocks(text: str) -> list[str]:
    """Return the names of the blocks in a page."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def page(path: str, root: Path = ROOT) -> str:
    """Return a page with all its blocks brought up to date."""
    text = (root / path).read_text(encoding="utf-8")
    return _BLOCK.sub(lambda found: f"{found[1]}{block(found['name'])}{found[4]}", text)


def main() -> int:
    """Measure what is asked for, and write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--measure", nargs="*", metavar="NAME", help="run these commands, or all")
    wanted = parser.parse_args().measure
    for name in RUNS if wanted == [] else wanted or ():
        print(name, flush=True)
        measure(name)
    for path in PAGES:
        (ROOT / path).write_text(page(path), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
