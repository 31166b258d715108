"""Samplers of a search at equal numbers of trials, over seeds: python benchmarks/search.py

Every point is evaluated as the workload says, once for all samplers (no heats), so that a trial
costs all of them the same. Hypervolumes are in one box for all: between the best and the worst
value of each objective over all feasible points that any of them met.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from imssa_sim.searches.front import hypervolume, nondominated, vector
from imssa_sim.searches.plan import search_of
from imssa_sim.searches.run import search
from imssa_sim.searches.trial import evaluate
from imssa_sim.simulation.progress import Silent

SPACE = {
    "search": "samplers",
    "workload": "sdigits",
    "set": {"evaluate.chips": 1, "evaluate.chip_samples": 120, "evaluate.float": False,
            "evaluate.digital": False},
    "knobs": {
        "hardware.adc.bits": {"from": 4, "to": 8},
        "hardware.adc.per_tile": [1, 2, 4, 8],
        "hardware.adc.card": ["adc/survey_andrulis_2024", "adc/isaac_saberi"],
        "hardware.dac.bits": [4, 6, 8],
        "bits.state": {"from": 8, "to": 14, "step": 2},
        "bits.default": [6, 8],
    },
    "objectives": ["accuracy", "energy", "latency"],
    "constraints": ["area <= 2 mm2"],
    "race": [],
}  # fmt: skip
COARSE = {
    "hardware.adc.bits": [4, 6, 8], "hardware.adc.per_tile": [1, 4],
    "hardware.adc.card": ["adc/survey_andrulis_2024", "adc/isaac_saberi"],
    "hardware.dac.bits": [4, 8], "bits.state": [8, 14], "bits.default": [6, 8],
}  # fmt: skip
"""A grid of 96 points, the ends of each knob kept: what can be done with as many trials."""


SAMPLERS = ("grid", "random", "nsga2", "tpe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=96)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    known = {}
    met = 0

    def remembered(plan, settings, others, memory):
        nonlocal met
        key = json.dumps(dict(settings), sort_keys=True)
        if key not in known:
            known[key] = evaluate(plan, settings, others, memory)
            met += 1
        return replace(known[key], settings=dict(settings))

    begin, found = time.monotonic(), {}
    for sampler in SAMPLERS:
        for seed in range(1 if sampler == "grid" else args.seeds):
            document = {**SPACE, "sampler": sampler, "seed": seed, "trials": args.trials}
            if sampler == "grid":
                document["knobs"] = COARSE
            plan = search_of(document, Path("samplers"))
            with tempfile.TemporaryDirectory() as folder:
                done = search(plan, Path(folder) / "s", 1, Silent(), remembered)
            found[sampler, seed] = [
                vector(plan, r) if r.feasible else None for _, r in sorted(done.records.items())
            ]
            print(
                f"{sampler} {seed}: {met} points, {time.monotonic() - begin:.0f} s", file=sys.stderr
            )
    places = {p for run in found.values() for p in run if p is not None}
    low, high = (tuple(map(end, zip(*places, strict=True))) for end in (min, max))

    def volume(run):
        scaled = [
            tuple((x - a) / (b - a) for x, a, b in zip(p, low, high, strict=True))
            for p in run
            if p is not None
        ]
        return hypervolume(nondominated(scaled), (1.0,) * len(low))

    best = volume(list(places))
    print(f"{len(places)} feasible of {met} points met; hypervolume of all of them {best:.3f}")
    steps = sorted({args.trials // 4, args.trials // 2, args.trials})
    print("| sampler | " + " | ".join(f"{n} trials" for n in steps) + " |")
    print("|---|" + "---|" * len(steps))
    for sampler in SAMPLERS:
        cells = []
        for n in steps:
            shares = [volume(run[:n]) / best for (name, _), run in found.items() if name == sampler]
            spread = f" ± {statistics.stdev(shares):.1%}" if len(shares) > 1 else ""
            cells.append(f"{statistics.fmean(shares):.1%}{spread}")
        print(f"| {sampler} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
