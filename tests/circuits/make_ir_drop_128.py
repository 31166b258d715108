"""Make data/ir_drop_128.npz: column currents of a 128×128 array by ngspice (minutes).

Run from the root of the checkout: ``python -m tests.circuits.make_ir_drop_128``.
"""

from pathlib import Path

import numpy as np

from imssa_sim.circuits.spice import column_currents, deck, run
from imssa_sim.circuits.wires import Wires

TARGET = Path(__file__).parent / "data" / "ir_drop_128.npz"
WIRES = {"word_resistance": 2.5, "bit_resistance": 1.25, "source_resistance": 100.0}


def main() -> None:
    rng = np.random.default_rng(128)
    # Whole tens of nanosiemens and tenths of millivolts: exact in few bytes.
    conductance = rng.integers(100, 10001, (128, 128)).astype(np.uint16)
    voltage = rng.integers(0, 3001, 128).astype(np.uint16)
    wires = Wires(**WIRES)
    text = deck(conductance * 1e-8, wires, voltage * 1e-4)
    currents = column_currents(run(text, timeout=3600.0), 128, wires)
    np.savez_compressed(TARGET, conductance=conductance, voltage=voltage, currents=currents)


if __name__ == "__main__":
    main()
