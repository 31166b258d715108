"""Compile what takes longest, in processes beside the one that will need it.

    python -m imssa_sim.kernels.warm_up blocks dense

compiles the loops named for single precision, and keeps them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from imssa_sim.compiled import ahead
from imssa_sim.compiled.places import cache_folder, is_kept

FOLDER = Path(__file__).parent
LOOPS = {
    "blocks": ("_recurrent_items", "run_blocks"),
    "singles": ("_recurrent_items", "run_singles"),
    "dense": ("_dense_items", "read_items"),
    "halves": ("_recurrent_items", "run_halves"),
}
"""File and name of the loops, in the order in which a run needs them."""
DENSE = ("dense",)
_SAMPLES = {"blocks": 32, "singles": 1, "halves": 16}


def recurrent_loops(batches: Iterable[int], reads: int) -> tuple[str, ...]:
    """Return the loops that read recurrent tiles for batches of so many samples.

    ``reads`` are those of one sample on the tiles of a layer; 0: not known.
    """
    from imssa_sim.kernels._blocks import make_plan

    widths = {width for size in batches for width in make_plan(size, reads).width.tolist()}
    return tuple(name for name, samples in _SAMPLES.items() if samples in widths)


def compile_ahead(loops: Collection[str], threads: int) -> None:
    """Start processes that compile those loops that are not kept, if threads are to spare."""
    if threads < 2 or cache_folder(FOLDER) is None or os.environ.get("NUMBA_DISABLE_JIT") == "1":
        return
    missing = [
        name
        for name, (file, function) in LOOPS.items()
        if name in loops and not is_kept(FOLDER / f"{file}.py", function)
    ]
    for part in (missing[:1], missing[1:]):
        if part:
            ahead.start(__name__, part, [".".join(LOOPS[name]) for name in part])


def main(loops: Collection[str]) -> None:
    """Compile loops by using them once, on one small tile."""
    import numpy as np

    from imssa_sim.kernels._blocks import WORTH
    from imssa_sim.kernels.dense import pack_dense, read_dense
    from imssa_sim.kernels.read_circuit import DenseWiring, ReadCircuit, RecurrentWiring
    from imssa_sim.kernels.recurrent import run_recurrent
    from imssa_sim.kernels.tiles import pack_tiles

    two, one = np.array([2]), np.array([1])
    circuit = ReadCircuit(
        weights=np.ones((1, 2, 2)), rows_used=two, columns_used=two, limit=1, adc_scale=1.0,
        adc_offset=0.0, adc_low=-1, adc_high=1,
    )  # fmt: skip
    tiles = pack_tiles(circuit, RecurrentWiring(one, np.array([[0]]), 1.0, 1), dtype=np.float32)
    for name, samples in _SAMPLES.items():
        if name in loops:
            codes = np.zeros((samples, WORTH // samples if name == "halves" else 1, 1), np.int16)
            run_recurrent(tiles, codes, sample_ids=np.arange(samples), seed=0, chip=0, site=0)
    if "dense" in loops:
        dense = pack_dense(circuit, DenseWiring(np.array([0])), dtype=np.float32)
        codes = np.zeros((1, 2), np.int16)
        read_dense(dense, codes, sample_ids=0, steps=0, seed=0, chip=0, site=0)


if __name__ == "__main__":
    main(sys.argv[1:])
