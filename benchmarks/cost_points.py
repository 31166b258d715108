"""Points of a design space for their costs alone, in one process: python benchmarks/cost_points.py

Every point is another chip: bits of the converters, bit lines that share one, clock and shape of
the tiles vary, in an order drawn at random. ``--check`` runs some of the points in full, too: times
and areas must be the same to the last bit. Compare processor times where other work shares the
machine.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from typing import Any

import imssa_sim

SIDES = {"sdigits": (34, 68, 102, 136, 204), "scifar": (65, 97, 130, 195, 260)}
"""Word lines of a tile; as many pairs of bit lines. The smallest hold one or two kernels."""
BITS = (4, 5, 6, 7, 8)
SHARED = (1, 2, 3, 4)
CLOCKS = tuple(f"{hundreds / 10:g} GHz" for hundreds in range(5, 15))
FEW = {"evaluate.samples": 4, "evaluate.chips": 1, "evaluate.chip_samples": "all"}
"""Of a full run: enough, as times and areas hang on no value."""


def points(workload: str) -> list[dict[str, Any]]:
    """Return the thousand chips, in their order."""
    found = [
        {
            "hardware.chip.tile.rows": side,
            "hardware.chip.tile.columns": 2 * side,
            "hardware.adc.bits": bits,
            "hardware.adc.per_tile": shared,
            "hardware.chip.clock": clock,
        }
        for side, bits, shared, clock in itertools.product(SIDES[workload], BITS, SHARED, CLOCKS)
    ]
    random.Random(0).shuffle(found)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", nargs="?", choices=sorted(SIDES), default="sdigits")
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--check", type=int, default=0, help="so many of them run in full, too")
    parser.add_argument("--same", action="store_true", help="the workload's own chip each time")
    given = parser.parse_args()
    chosen = points(given.workload)[: given.points]
    if given.same:
        chosen = [{}] * given.points
    latencies, kept = set(), []
    elapsed, used = time.perf_counter(), time.process_time()
    for number, point in enumerate(chosen):
        run = imssa_sim.run(given.workload, set=point, accuracy=False, progress=_Silent())
        latencies.add(run["time.end_to_end"])
        if number < given.check:
            kept.append((point, run))
    elapsed, used = time.perf_counter() - elapsed, time.process_time() - used
    print(
        f"{given.workload}: {len(chosen)} points, {len(latencies)} different latencies, "
        f"{used:.1f} s of processor ({1e3 * used / len(chosen):.1f} ms a point), "
        f"{elapsed:.1f} s elapsed"
    )
    wrong = 0
    for point, alone in kept:
        whole = imssa_sim.run(given.workload, set=point | FEW, progress=_Silent())
        names = [n for n in whole.record.values if n.startswith(("time.", "area", "utilisation."))]
        differing = [name for name in names if whole[name] != alone[name]]
        wrong += bool(differing)
        print(f"{'differs in ' + ', '.join(differing) if differing else 'same'}: {point}")
    return 1 if wrong else 0


class _Silent:
    def phase(self, name: str, total: int) -> None: ...

    def advance(self, done: int) -> None: ...

    def note(self, text: str) -> None: ...


if __name__ == "__main__":
    sys.exit(main())
