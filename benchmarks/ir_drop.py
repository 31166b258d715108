"""IR drop: how long the exact transfer matrix takes, how exact it is, and what the wires do.

    python benchmarks/ir_drop.py [--spice 32] [--repeat 3] [-o DIR]

prints, over array sizes, the time to build the transfer matrix, the residual of its equations, the
largest relative difference to a sparse factorisation of all nodes and (up to the size given with
``--spice``) to ngspice, and reads per second through it. Then, for tiles of 65 × 130 with few and
many cells: processor time with the cells' sensitivities, and how many times that a plain sparse
factorisation takes (SuperLU, one right-hand side per word line, no sensitivities). Last, the loss
of column current over the wire resistance. With ``-o`` it saves ``ir_drop.csv`` and
``ir_drop.png``/``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from imssa_sim.circuits.nonlinear import solve_nonlinear
from imssa_sim.circuits.spice import column_currents, deck, run
from imssa_sim.circuits.transfer import transfer_matrix
from imssa_sim.circuits.wires import Wires
from imssa_sim.devices.conduction import SinhConduction

SIZES = (8, 16, 32, 64, 128, 256)
RESISTANCES = (0.1, 0.3, 1.0, 3.0, 10.0, 20.0)
LINEAR = SinhConduction(1e9)  # a characteristic that is straight at all voltages in question


class Row(NamedTuple):
    """One size; differences are of column currents, relative, the largest."""

    size: int
    build: float
    residual: float
    sparse_difference: float
    spice_difference: float | None
    spice_time: float | None
    reads_per_second: float


def array(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Conductances of 1 to 100 µS and word-line voltages."""
    rng = np.random.default_rng(size)
    return rng.uniform(1e-6, 1e-4, (size, size)), rng.uniform(0.02, 0.3, size)


def measure(size: int, spice_limit: int, repeat: int) -> Row:
    g, v = array(size)
    wires = Wires(2.0, 2.0)
    build = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        found = transfer_matrix(g, wires)
        build = min(build, time.perf_counter() - start)
    currents = v @ found.matrix
    sparse = solve_nonlinear(g, wires, v, LINEAR, tolerance=1e-9).currents
    spice = spice_time = None
    if size <= spice_limit and shutil.which("ngspice"):
        start = time.perf_counter()
        reference = column_currents(run(deck(g, wires, v), timeout=3600.0), size, wires)
        spice_time = time.perf_counter() - start
        spice = float(np.abs(currents / reference - 1).max())
    matrix = found.matrix.astype(np.float32)
    batch = np.random.default_rng(0).random((1024, size), dtype=np.float32)
    reads = np.inf
    with threadpool_limits(1, user_api="blas"):
        for _ in range(max(repeat, 5)):
            start = time.perf_counter()
            batch @ matrix
            reads = min(reads, time.perf_counter() - start)
    return Row(
        size,
        build,
        found.residual,
        float(np.abs(currents / sparse - 1).max()),
        spice,
        spice_time,
        len(batch) / reads,
    )


def recurrence(modes: int, rng: np.random.Generator) -> np.ndarray:
    """One-sided pairs of a kernel: 2 by 2 blocks, a row of inputs, a column of outputs."""
    states = 2 * modes
    cells = np.ones((states + 1, states + 1), dtype=bool)
    cells[:states, :states] = np.kron(np.eye(modes), np.ones((2, 2)))
    sides = rng.integers(2, size=cells.shape)[:, :, None] == np.arange(2)
    return np.asarray((cells[:, :, None] & sides).reshape(states + 1, -1))


def plain(g: np.ndarray, wires: Wires) -> np.ndarray:
    """Transfer matrix by SuperLU on all nodes."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    rows, lines = g.shape
    count = g.size
    word = np.arange(count).reshape(g.shape)
    bit = word + count
    first = np.concatenate([word.ravel(), word[:, :-1].ravel(), bit[:-1].ravel()])
    second = np.concatenate([bit.ravel(), word[:, 1:].ravel(), bit[1:].ravel()])
    along = [1 / wires.word_resistance] * (rows * (lines - 1))
    down = [1 / wires.bit_resistance] * ((rows - 1) * lines)
    value = np.concatenate([g.ravel(), along, down])
    source = 1 / (wires.word_resistance + wires.source_resistance)
    sense = 1 / (wires.bit_resistance + wires.sense_resistance)
    ends = np.concatenate([word[:, 0], bit[-1]])
    values = np.concatenate([value, value, -value, -value, [source] * rows, [sense] * lines])
    at = np.concatenate([first, second, first, second, ends])
    to = np.concatenate([first, second, second, first, ends])
    matrix = sparse.csc_matrix((values, (at, to)), shape=(2 * count, 2 * count))
    factor = splu(
        matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
    )
    right = np.zeros((2 * count, rows))
    right[word[:, 0], np.arange(rows)] = source
    return np.asarray(sense * factor.solve(right)[bit[-1]].T)


def few_cells(repeat: int) -> list[tuple[str, int, float, float, float]]:
    """Kind, cells, time of the transfer matrix, that of SuperLU over it, relative difference."""
    rng, wires = np.random.default_rng(0), Wires(2.0, 2.0, 100.0, 50.0)
    shape = (65, 130)
    full = rng.integers(2, size=(65, 65))[:, :, None] == np.arange(2)
    kinds = {"kernel of 64 states": recurrence(32, rng)}
    for number in (195, 390, 487):
        place = rng.permutation(shape[0] * shape[1])
        kinds[f"{number} at random"] = (place < number).reshape(shape)
    kinds["linear, one-sided"] = full.reshape(shape)
    kinds["all cells"] = np.ones(shape, dtype=bool)
    found = []
    for kind, cells in kinds.items():
        g = np.where(cells, rng.uniform(2e-7, 1.6e-5, shape), 0.0)
        ours = theirs = np.inf
        for _ in range(repeat):
            start = time.thread_time()
            matrix = transfer_matrix(g, wires, sensitive=cells).matrix
            ours = min(ours, time.thread_time() - start)
            with threadpool_limits(1, user_api="blas"):
                start = time.thread_time()
                reference = plain(g, wires)
                theirs = min(theirs, time.thread_time() - start)
        apart = np.abs(matrix[cells] / reference[cells] - 1).max()
        found.append((kind, int(cells.sum()), ours, theirs / ours, float(apart)))
    return found


def losses(size: int = 64) -> list[tuple[float, float, float]]:
    """Mean and worst loss of column current, in per cent, over the resistance of a segment."""
    g, v = array(size)
    lost = []
    for resistance in RESISTANCES:
        part = 1 - (v @ transfer_matrix(g, Wires(resistance, resistance)).matrix) / (v @ g)
        lost.append((resistance, 100 * float(part.mean()), 100 * float(part.max())))
    return lost


def optional(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def save(folder: Path, rows: list[Row], lost: list[tuple[float, float, float]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ir_drop.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.loglog([r.size for r in rows], [r.build for r in rows], "o-", label="transfer matrix")
    timed = [r for r in rows if r.spice_time is not None]
    if timed:
        label = "ngspice, one input"
        left.loglog([r.size for r in timed], [r.spice_time for r in timed], "s--", label=label)
    left.set(xlabel="word lines and bit lines", ylabel="time [s]")
    left.legend()
    resistance, mean, worst = np.array(lost).T
    right.semilogx(resistance, mean, "o-", label="mean of the columns")
    right.semilogx(resistance, worst, "s--", label="worst column")
    right.set(xlabel="wire segment [Ω]", ylabel="current lost [%], 64×64, 1–100 µS")
    right.legend()
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"ir_drop.{suffix}", dpi=150)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spice", type=int, default=32, help="largest size to run in ngspice")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    print("  size   build [s]  residual  vs sparse  vs ngspice  ngspice [s]      reads/s")
    for size in SIZES:
        row = measure(size, arguments.spice, arguments.repeat)
        rows.append(row)
        print(
            f"{row.size:6d} {row.build:11.4f} {row.residual:9.1e} {row.sparse_difference:10.1e} "
            f"{optional(row.spice_difference, '.1e'):>11} {optional(row.spice_time, '.2f'):>12} "
            f"{row.reads_per_second:12.3g}"
        )
    print("\n65 x 130, wires of 2 ohm      cells  build [ms]  SuperLU, times  vs SuperLU")
    for kind, cells, build, ratio, apart in few_cells(arguments.repeat):
        print(f"{kind:26s} {cells:8d} {1e3 * build:11.2f} {ratio:15.1f} {apart:11.1e}")
    lost = losses()
    print("\nsegment [ohm]  mean loss [%]  worst column [%]   (64x64, 1-100 uS)")
    for resistance, mean, worst in lost:
        print(f"{resistance:13.1f} {mean:14.2f} {worst:17.2f}")
    if arguments.output:
        save(arguments.output, rows, lost)
    return 0


if __name__ == "__main__":
    sys.exit(main())
