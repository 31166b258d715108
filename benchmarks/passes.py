"""A network in two passes over the tiles of its larger half, over the batch: time, energy, wear.

    python benchmarks/passes.py [sdigits_taox] [--set KEY=VALUE …]

Three chips: the workload's own, written cell after cell on all tiles side by side; the same, row
after row; and bits of SRAM (chips/jia_2020), row after row. Without values: costs alone. Energies
per inference; life at back-to-back use.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from imssa_sim.config import load_config
from imssa_sim.simulation.run import simulate
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

BATCHES = (1, 16, 64, 256, 1024)
ROWS = "hardware.programming.parallel=rows"
CHIPS = {
    "own cells": (),
    "own, by rows": (ROWS,),
    "SRAM, by rows": ("hardware.base=chips/jia_2020", ROWS),
}


def line(name: str, batch: str, found: RunResult) -> str:
    """Return a line of the table."""
    accounts = found.ledger.by_account()
    cells = [
        format_si(found.timing.end_to_end, "s"),
        f"{found.timing.throughput:,.0f}",
        format_si(found.ledger.energy, "J"),
        format_si(accounts["leakage"], "J"),
        format_si(accounts.get("reprogramming", 0.0), "J"),
        f"{found.program.tiles_needed} tiles, {found.ledger.area * 1e6:.3g} mm2",
    ]
    if found.passes is not None:
        cells.append(format_si(found.passes.wear.life, "s"))
    return (
        f"{name:23}{batch:>5}"
        + "".join(f"{cell:>12}" for cell in cells[:5])
        + "  "
        + ", ".join(cells[5:])
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("workload", nargs="?", default="sdigits_taox")
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args(arguments)
    few = ("evaluate.chips=1", "baselines=[]", *options.overrides)
    print(options.workload)
    heads = ("takes", "sequences/s", "energy", "leakage", "writing")
    print(f"{'':23}batch" + "".join(f"{head:>12}" for head in heads) + "  chip, life")
    for name, keys in CHIPS.items():
        whole = simulate(load_config(options.workload, (*few, *keys)), accuracy=False)
        print(line(f"{name}, at once", "", whole))
        for batch in BATCHES:
            given = (*few, *keys, f"hardware.partition={{passes: 2, batch: {batch}}}")
            found = simulate(load_config(options.workload, given), accuracy=False)
            print(line(name, str(batch), found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
