"""MVM error of a tile like a core of the HERMES chip, against the published 1.94 %.

    python benchmarks/hermes_mvm.py [--samples 1000]

256 x 256 unit cells of phase-change memory, 8-bit pulse-width inputs, one converter a column with
the range of its largest output. The error is the standard deviation of output minus exact product,
over the largest exact output (the measure of the chip's publication is not spelt out there; over
the outputs' standard deviation it is several times as large). Nothing is fitted.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from imssa_sim.circuits.array import program_tiles
from imssa_sim.config.schema import HardwareConfig
from imssa_sim.functional.configured import cell_array

SIZE = 256
LIMIT = 127
PUBLISHED = 1.94  # [%], Khaddam-Aljameh et al., JSSC 57, 1027 (2022)


def hardware(cell: str, **effects: bool) -> HardwareConfig:
    off = dict.fromkeys(("programming_error", "drift", "read_noise", "faults"), False)
    tile = {"rows": SIZE, "columns": 2 * SIZE, "cell": cell}
    return HardwareConfig.model_validate(
        {
            "chip": {"tile": {**tile, "weights": "one_sided", "weight_scale": "tile"}},
            "adc": {"card": "adc/survey_andrulis_2024"},
            "effects": {**off, "drift_compensation": True, **effects},
        }
    )


def error(
    cell: str, bits: int | None, time: float, samples: int, **effects: bool
) -> tuple[float, float]:
    """Return the error in per cent of the largest output, and of the outputs' spread."""
    rng = np.random.default_rng(0)
    weights = np.clip(np.rint(rng.normal(0, LIMIT / 3, (1, SIZE, SIZE))), -LIMIT, LIMIT)
    tiles = program_tiles(
        weights.astype(np.int64), np.array([SIZE]), np.array([SIZE]),
        cell_array(hardware(cell, **effects)),
        seed=0, chip=0, site=0, time_since_programming=time,
    )  # fmt: skip
    codes = rng.integers(-LIMIT, LIMIT + 1, (samples, SIZE)).astype(np.float64)
    exact = codes @ weights[0]
    sums = codes @ tiles.weights[0]
    if tiles.noisy:
        variance = np.square(codes) @ (tiles.variance[0] + tiles.flat_variance[0])
        sums = sums + np.sqrt(variance) * rng.standard_normal(sums.shape)
    if bits is not None:
        step = np.abs(exact).max() / (1 << (bits - 1))
        sums = np.clip(np.rint(sums / step), -(1 << (bits - 1)), (1 << (bits - 1)) - 1) * step
    deviation = (sums - exact).std()
    return 100 * deviation / np.abs(exact).max(), 100 * deviation / exact.std()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    samples = parser.parse_args().samples
    everything = {"programming_error": True, "drift": True, "read_noise": True}
    cases = [
        ("converter alone", 8, {}),
        ("programming alone", None, {"programming_error": True}),
        ("read noise alone", None, {"read_noise": True}),
        ("drift alone, compensated", None, {"drift": True}),
        ("all", 8, everything),
    ]
    print(f"published: {PUBLISHED} %\n")
    print(f"{'cell':22} {'time':>8}  {'effects':26} {'of largest [%]':>14} {'of spread [%]':>14}")
    for devices in (1, 2):
        cell = f"cells/pcm_hermes_{devices}"
        for time in (300.0, 3600.0, 86400.0):
            for name, bits, effects in cases:
                if name != "all" and time != 3600.0:
                    continue
                largest, spread = error(cell, bits, time, samples, **effects)
                print(f"{cell:22} {time:6.0f} s  {name:26} {largest:14.2f} {spread:14.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
