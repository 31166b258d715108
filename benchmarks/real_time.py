"""How long it takes to simulate a chip in real time: processor time for seconds of a signal.

    python benchmarks/real_time.py [--duration '10 s'] [--repeat 5] [--set KEY=VALUE …]

Each row is a shipped workload's chip on periodic arrivals, awake and asleep between time steps:
every latency, buffer fill, nap and energy account of the whole stretch. Values, which do not
depend on arrivals, are not computed. Best of the repeats, of this process alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import NamedTuple

from imssa_sim.config import load_config
from imssa_sim.costs.model import CostModel
from imssa_sim.simulation.real_time import run_input
from imssa_sim.simulation.run import simulate

CASES = (("sdigits", "16 kHz"), ("audio_rate_stream", "16 kHz"), ("ecg_rate_stream", "360 Hz"))
SLEEP = "hardware.power={policy: break_even, card: power/header_switch}"
AWAKE = "hardware.power={policy: never}"


class Row(NamedTuple):
    """One stretch of signal; ``seconds`` of processor time."""

    workload: str
    rate: str
    sleeps: bool
    tokens: int
    events: int
    seconds: float


def measure(workload: str, rate: str, sleep: str, options: argparse.Namespace) -> Row:
    """Time one case."""
    arrivals = f"evaluate.input={{rate: {rate}, duration: {options.duration}}}"
    few = ("evaluate.chips=1", "evaluate.float=false", "evaluate.digital=false")
    loaded = load_config(workload, (*few, arrivals, sleep, *options.overrides))
    result = simulate(loaded, accuracy=False)
    config, program = loaded.config, result.program
    costs = CostModel(program, config.hardware)
    best = float("inf")
    for _ in range(options.repeat):
        begin = time.process_time()
        found, _ = run_input(config, program, costs, result.ledger, result.timing)
        best = min(best, time.process_time() - begin)
    return Row(workload, rate, sleep == SLEEP, found.tokens, found.events, best)


def main(arguments: list[str] | None = None) -> int:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--duration", default="10 s", help="of the signal")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    options = parser.parse_args(arguments)
    print(f"{options.duration} of signal         rate  sleeps  time steps  events  processor time")
    for workload, rate in CASES:
        for sleep in (AWAKE, SLEEP):
            row = measure(workload, rate, sleep, options)
            print(
                f"{row.workload:20}{row.rate:>8}  {'yes' if row.sleeps else 'no':>6}"
                f"{row.tokens:12,}{row.events:8,}  {row.seconds * 1e3:11.1f} ms"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
