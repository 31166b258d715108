"""What calibrating each column's gain and offset on the programmed array gives: sdigits.

    python benchmarks/column_calibration.py [--chips 3] [--samples 100] [--reads 64]
        [--checkpoint checkpoints/sdigits.safetensors] [CASE …]

prints the accuracy without and with ``hardware.adc.calibrate`` for each case, mean and range over
chip instances. The checkpoint was not trained on chips.
"""

from __future__ import annotations

import argparse
import sys

from imssa_sim.config import load_config
from imssa_sim.simulation.clock import Clock
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.values import run_values

PCM = "hardware.chip.tile.cell=cells/pcm_hermes_2"
DAY = "evaluate.time_since_programming=1 d"
WIRES = "hardware.effects.ir_drop=true"


def alone(*effects: str) -> list[str]:
    every = ("programming_error", "relaxation", "read_noise", "drift", "faults")
    return [f"hardware.effects.{name}={'true' if name in effects else 'false'}" for name in every]


CASES = {
    "as shipped": [],
    "programming error 4 uS": [*alone("programming_error"),
                               "hardware.chip.tile.programming_sigma=4 uS"],
    "PCM, drift alone, 1 d": [PCM, DAY, *alone("drift")],
    "PCM, all, 1 h": [PCM],
    "PCM, all, 1 d": [PCM, DAY],
    "wires alone": [WIRES, *alone()],
    "wires alone, one-sided": [WIRES, *alone(), "hardware.chip.tile.weights=one_sided"],
    "wires and all": [WIRES],
}  # fmt: skip


def accuracy(sets: list[str]) -> str:
    config = load_config("sdigits_taox", sets).config
    found = run_values(config, prepare_inputs(config), Clock(Silent())).accuracy
    shares = [100 * correct / found.samples for correct in found.analog_correct]
    return f"{sum(shares) / len(shares):.0f} ({min(shares):.0f}–{max(shares):.0f})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", nargs="*", help=f"of: {'; '.join(CASES)}")
    parser.add_argument("--chips", type=int, default=3)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--reads", type=int, default=64)
    parser.add_argument("--checkpoint", default="checkpoints/sdigits.safetensors")
    a = parser.parse_args()
    unknown = [name for name in a.case if name not in CASES]
    if unknown:
        parser.error(f"no case '{unknown[0]}'; there are: {'; '.join(CASES)}")
    common = [
        f"evaluate.chips={a.chips}", f"evaluate.samples={a.samples}", "evaluate.float=false",
        "evaluate.digital=false", f"model.checkpoint={a.checkpoint}",
    ]  # fmt: skip
    on = ["hardware.adc.calibrate=true", f"hardware.adc.calibration_reads={a.reads}"]
    print(f"{'accuracy [%]':<26}{'as programmed':>18}{'calibrated':>18}")
    for name in a.case or CASES:
        sets = [*common, *CASES[name]]
        print(f"{name:<26}{accuracy(sets):>18}{accuracy([*sets, *on]):>18}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
