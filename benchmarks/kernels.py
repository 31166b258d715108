"""The compiled kernels against NumPy, Numba's own generator, sgemm and, if installed, the peers.

    python benchmarks/kernels.py [--repeat 5] [--threads 2] [--quick] [--peers] [-o DIR]

prints a table: (i) 128 recurrent tiles of 65 x 65 over 1,024 steps, (ii) dense reads, (iii) normals
per second, (iv) scaling, (v) the share of sgemm's rate that each reaches. All ratios are of medians
of this run. ``--peers`` adds CrossSim (3.1) and aihwkit where they can be imported, one call per
tile and step as their interfaces want it, over fewer steps, scaled; those two calls have
never been run: hold them against the peers' documentation first. ``--processor-time`` counts
processor seconds instead of elapsed ones, for a machine that does other work too: give it with
``--threads 1`` and OPENBLAS_NUM_THREADS=1. ``-o`` saves ``kernels.csv``,
``kernels.png``/``.svg`` (ratios) and ``roofline.png``/``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

from imssa_sim.kernels.dense import pack_dense, read_dense
from imssa_sim.kernels.normal import fill_normals
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import RecurrentTiles, pack_tiles

TILES, STATES, STEPS = 128, 64, 1024
LIMIT = 127
PEER_STEPS = 8  # a peer needs tens of seconds for all


class Row(NamedTuple):
    """One measurement; ``work`` counts reads or normals, ``flops`` those of the mean product."""

    group: str
    case: str
    method: str
    seconds: float
    work: int
    flops: float
    ratio: float | None  # this method's rate over the reference's
    reference: str


class Bench:
    """Medians of interleaved runs, so that a change of the machine's clock hits all alike."""

    def __init__(self, repeat: int, clock: Callable[[], float]) -> None:
        self.repeat = repeat
        self.clock = clock
        self.rows: list[Row] = []

    def compare(
        self,
        group: str,
        case: str,
        methods: dict[str, Callable[[], object]],
        work: int,
        flops: float = 0.0,
        scale: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Time all methods; the last is the reference of the ratios."""
        times: dict[str, list[float]] = {name: [] for name in methods}
        for call in methods.values():
            call()
        for _ in range(self.repeat):
            for name, call in methods.items():
                start = self.clock()
                call()
                times[name].append(self.clock() - start)
        medians = {
            name: statistics.median(t) * (scale or {}).get(name, 1.0) for name, t in times.items()
        }
        reference = list(methods)[-1]
        for name, seconds in medians.items():
            ratio = medians[reference] / seconds if name != reference else None
            row = Row(group, case, name, seconds, work, flops, ratio, reference)
            self.rows.append(row)
            rate = f"{work / seconds:>12.4g}/s"
            beside = "" if ratio is None else f"{ratio:>9.2f} x {reference}"
            print(f"{case:<34} {name:<26} {seconds * 1e3:>10.2f} ms {rate} {beside}", flush=True)
        return medians


def s4d_cells(rng: np.random.Generator, tiles: int, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and useful cells of S4D kernels: 2 x 2 blocks, an input row, an output column."""
    size = states + 1
    useful = np.kron(np.eye(states // 2, dtype=bool), np.ones((2, 2), dtype=bool))
    useful = np.pad(useful, (0, 1), constant_values=True)
    weights = np.where(useful, rng.integers(-31, 32, (tiles, size, size)), 0)
    return weights + rng.normal(0, 0.05, weights.shape), np.broadcast_to(useful, weights.shape)


def stage(tiles: int, states: int, noise: str) -> tuple[RecurrentTiles, np.ndarray, np.ndarray]:
    """Tiles of one layer; noise "off", "s4d" (empty cells alike) or "dense" (each cell its own)."""
    rng = np.random.default_rng(0)
    weights, useful = s4d_cells(rng, tiles, states)
    variance = rng.uniform(0.001, 0.01, weights.shape)
    if noise == "s4d":
        variance = np.where(useful, variance, 0.003)
    outputs = np.arange(tiles)[:, None]
    packed = pack_tiles(
        weights, n_states=[states] * tiles, n_inputs=[1] * tiles, n_outputs=[1] * tiles,
        input_channel=outputs, adc_scale=0.02, adc_offset=0.5, adc_low=-LIMIT, adc_high=LIMIT,
        state_multiplier=2**22 + 1, state_shift=22, state_limit=LIMIT, input_limit=LIMIT,
        variance=None if noise == "off" else variance,
        flat_variance=0.003 if noise == "s4d" else 0.0,
        output_channel=outputs, output_multiplier=2**22 + 1, output_shift=22, output_limit=LIMIT,
        channels=tiles,
    )  # fmt: skip
    return packed, weights.astype(np.float32), variance.astype(np.float32)


def numpy_recurrent(
    weights: np.ndarray, variance: np.ndarray | None, codes: np.ndarray
) -> np.ndarray:
    """Batched matmul with exact output-referred noise: what a careful user writes in NumPy."""
    tiles, size, _ = weights.shape
    batch, steps, _ = codes.shape
    rng = np.random.default_rng(1)
    v = np.zeros((tiles, batch, size), np.float32)
    out = np.empty((steps, tiles, batch), np.int16)
    inputs = np.ascontiguousarray(codes.transpose(1, 2, 0)).astype(np.float32)
    for k in range(steps):
        v[:, :, -1] = inputs[k]
        acc = np.matmul(v, weights)
        if variance is not None:
            noise = rng.standard_normal(acc.shape, dtype=np.float32)
            acc += np.sqrt(np.matmul(v * v, variance)) * noise
        code = np.clip(np.floor(acc * np.float32(0.02) + np.float32(0.5)), -LIMIT, LIMIT)
        v[:, :, :-1] = code[:, :, :-1]
        out[k] = code[:, :, -1]
    return out


@njit(nogil=True)
def numba_normals(out: np.ndarray) -> None:
    for i in range(out.shape[0]):
        out[i] = np.random.standard_normal()  # noqa: NPY002 (Numba's own generator)


def crosssim(weights: np.ndarray, codes: np.ndarray) -> Callable[[], object] | None:
    try:
        from simulator import AnalogCore, CrossSimParameters
    except ImportError:
        print("CrossSim is not installed: skipped")
        return None
    parameters = CrossSimParameters()
    noise = parameters.xbar.device.read_noise
    noise.enable, noise.model, noise.magnitude = True, "NormalProportionalDevice", 0.02
    cores = [AnalogCore(w.T, params=parameters) for w in weights]

    def run() -> None:
        v = np.zeros((len(cores), codes.shape[0], weights.shape[1]))
        for k in range(PEER_STEPS):
            v[:, :, -1] = codes[:, k].T
            for t, core in enumerate(cores):
                for b in range(codes.shape[0]):  # a matrix of vectors would share one noise sample
                    acc = core.matvec(v[t, b])
                    v[t, b, :-1] = np.clip(np.floor(acc[:-1] * 0.02 + 0.5), -LIMIT, LIMIT)

    return run


def aihwkit(weights: np.ndarray, codes: np.ndarray) -> Callable[[], object] | None:
    try:
        import torch
        from aihwkit.nn import AnalogLinear
        from aihwkit.simulator.configs import InferenceRPUConfig, WeightNoiseType
    except ImportError:
        print("aihwkit is not installed: skipped")
        return None
    config = InferenceRPUConfig()
    config.forward.w_noise_type = WeightNoiseType.ADDITIVE_CONSTANT
    config.forward.w_noise = 0.02
    config.forward.inp_res = config.forward.out_res = 1 / (2 * LIMIT)
    size = weights.shape[1]
    layers = [AnalogLinear(size, size, bias=False, rpu_config=config).eval() for _ in weights]
    for layer, cells in zip(layers, weights, strict=True):
        layer.set_weights(torch.from_numpy(cells.T / np.abs(cells).max()))

    def run() -> None:
        v = torch.zeros(len(layers), codes.shape[0], size)
        with torch.no_grad():
            for k in range(PEER_STEPS):
                v[:, :, -1] = torch.from_numpy(codes[:, k].T / LIMIT)
                for t, layer in enumerate(layers):
                    v[t, :, :-1] = layer(v[t])[:, :-1].clip(-1, 1)

    return run


def recurrent(bench: Bench, threads: int, steps: int, peers: bool) -> dict[str, float]:
    rng = np.random.default_rng(2)
    found = {}
    for batch in (1, 32):
        codes = rng.integers(-LIMIT, LIMIT + 1, (batch, steps, TILES)).astype(np.int16)
        for noise in ("off", "s4d", "dense"):
            packed, weights, variance = stage(TILES, STATES, noise)

            def ours(packed: RecurrentTiles = packed, codes: np.ndarray = codes) -> object:
                return run_recurrent(
                    packed, codes, sample_ids=np.arange(len(codes)), seed=0, chip=0, stage=1,
                    threads=threads,
                )  # fmt: skip

            def plain(
                w: np.ndarray = weights,
                s: np.ndarray | None = None if noise == "off" else variance,
                codes: np.ndarray = codes,
            ) -> object:
                return numpy_recurrent(w, s, codes)

            methods: dict[str, Callable[[], object]] = {"kernel": ours}
            scale = {}
            if peers and noise == "dense":
                for name, make in (("CrossSim", crosssim), ("aihwkit", aihwkit)):
                    call = make(weights, codes)
                    if call is not None:
                        methods[name], scale[name] = call, steps / PEER_STEPS
            methods["NumPy"] = plain
            reads = batch * steps * TILES
            flops = 2.0 * reads * (STATES + 1) ** 2
            case = f"{TILES} x 65x65, batch {batch}, noise {noise}"
            medians = bench.compare("recurrent", case, methods, reads, flops, scale)
            found[f"{batch} {noise}"] = medians["kernel"]
    return found


def dense(bench: Bench, threads: int) -> None:
    rng = np.random.default_rng(3)
    tokens = 1000
    for size in (64, 128, 256, 512):
        weights, variance = rng.normal(0, 1, (1, size, size)), rng.uniform(0, 0.01, (1, size, size))
        codes = rng.integers(-LIMIT, LIMIT + 1, (tokens, size)).astype(np.int16)
        x, w = codes.astype(np.float32), weights[0].astype(np.float32)
        s = variance[0].astype(np.float32)

        def plain(x: np.ndarray = x, w: np.ndarray = w, s: np.ndarray = s) -> object:
            acc = x @ w
            noise = np.random.default_rng(4).standard_normal(acc.shape, dtype=np.float32)
            acc += np.sqrt((x * x) @ s) * noise
            return np.clip(np.floor(acc * np.float32(0.1)), -LIMIT, LIMIT)

        methods: dict[str, Callable[[], object]] = {}
        for name, cells in (("kernel, noise off", None), ("kernel, noise on", variance)):
            tiles = pack_dense(
                weights, row_start=0, row_count=size, column_count=size, adc_scale=0.1,
                adc_offset=0.5, adc_low=-LIMIT, adc_high=LIMIT, input_limit=LIMIT, variance=cells,
            )  # fmt: skip
            methods[name] = lambda tiles=tiles, codes=codes: read_dense(
                tiles, codes, sample_ids=0, steps=np.arange(tokens), seed=0, chip=0, stage=1,
                threads=threads,
            )  # fmt: skip
        methods["NumPy, noise on"] = plain
        methods["sgemm alone"] = lambda x=x, w=w: x @ w
        bench.compare(
            "dense", f"{size} x {size}, {tokens} reads", methods, tokens, 2.0 * tokens * size**2
        )


def normals(bench: Bench) -> None:
    out = np.empty(1_000_000, np.float32)
    generator = np.random.default_rng(5)
    one_core = "normals, one core"
    ours = {"counter-based": lambda: fill_normals(1, 2, 3, out)}
    bench.compare(
        "normals", one_core,
        {
            **ours,
            "NumPy PCG64 float32": lambda: generator.standard_normal(out=out, dtype=np.float32),
        },
        out.size,
    )  # fmt: skip
    bench.compare(
        "normals", one_core, {**ours, "Numba standard_normal": lambda: numba_normals(out)}, out.size
    )


def scaling(bench: Bench, threads: int) -> None:
    rng = np.random.default_rng(6)
    for tiles, batch, steps, used in (
        (128, 8, 128, threads), (128, 8, 512, threads), (128, 8, 2048, threads),
        (128, 1, 256, threads), (128, 4, 256, threads), (128, 16, 256, threads),
        (128, 64, 256, threads), (128, 256, 256, threads), (8, 32, 256, threads),
        (32, 32, 256, threads), (512, 32, 256, threads), (128, 32, 256, 1), (128, 32, 256, 2),
    ):  # fmt: skip
        packed, _, _ = stage(tiles, STATES, "s4d")
        codes = rng.integers(-LIMIT, LIMIT + 1, (batch, steps, tiles)).astype(np.int16)

        def ours(p: RecurrentTiles = packed, c: np.ndarray = codes, n: int = used) -> object:
            return run_recurrent(
                p, c, sample_ids=np.arange(len(c)), seed=0, chip=0, stage=1, threads=n
            )

        reads = tiles * batch * steps
        case = f"T {tiles}, batch {batch}, L {steps}, threads {used}"
        bench.compare("scaling", case, {"kernel": ours}, reads, 2.0 * reads * (STATES + 1) ** 2)


def sgemm_rate(bench: Bench) -> float:
    """The machine's ceiling for single-precision products [FLOP/s], all threads."""
    size = 2048
    a = np.random.default_rng(7).random((size, size), dtype=np.float32)
    medians = bench.compare("ceiling", f"sgemm {size}", {"sgemm": lambda: a @ a}, 1, 2.0 * size**3)
    return 2.0 * size**3 / medians["sgemm"]


def save(bench: Bench, ceiling: float, folder: Path) -> None:
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "kernels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(bench.rows)
    shown = [
        r for r in bench.rows if r.ratio is not None and r.method.startswith(("kernel", "cou"))
    ]
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(shown) + 1), layout="constrained")
    labels = [f"{r.case}: {r.method} / {r.reference}" for r in shown]
    axes.barh(labels[::-1], [r.ratio or 0 for r in shown][::-1])
    axes.set(xscale="log", xlabel="rate over the reference's, same run")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.tick_params(labelsize=7)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"kernels.{suffix}", dpi=150)
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.axhline(ceiling / 1e9, color="black", label="sgemm, this machine")
    for r in bench.rows:
        if (
            r.flops
            and r.group in ("recurrent", "dense")
            and r.method.startswith(("kernel", "NumPy"))
        ):
            # FLOP per byte of codes in and out: cells stay in the cache over the steps
            size = (r.flops / (2 * r.work)) ** 0.5
            traffic = r.work * (4 if r.group == "recurrent" else 2 * size + 4 * size)
            marker = "o" if r.method.startswith("kernel") else "x"
            axes.loglog(
                r.flops / traffic, r.flops / r.seconds / 1e9, marker, label=f"{r.case}, {r.method}"
            )
    axes.set(xlabel="FLOP of the mean product per byte of codes moved", ylabel="GFLOP/s")
    axes.legend(fontsize=5, loc="center left", bbox_to_anchor=(1, 0.5))
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"roofline.{suffix}", dpi=150)
    plt.close("all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="an eighth of the steps, no scaling")
    parser.add_argument("--peers", action="store_true", help="also CrossSim and aihwkit")
    parser.add_argument("--processor-time", action="store_true", help="not elapsed time")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    bench = Bench(given.repeat, time.process_time if given.processor_time else time.perf_counter)
    ceiling = sgemm_rate(bench)
    normals(bench)
    dense(bench, given.threads)
    steps = STEPS // 8 if given.quick else STEPS
    times = recurrent(bench, given.threads, steps, given.peers)
    for batch in (1, 32):
        for noise in ("s4d", "dense"):
            ratio = times[f"{batch} {noise}"] / times[f"{batch} off"]
            print(f"noise {noise} over noise off, batch {batch}: {ratio:.2f}")
    if not given.quick:
        scaling(bench, given.threads)
    print("share of sgemm's rate:")
    for row in bench.rows:
        if row.flops and row.method.startswith("kernel"):
            share = row.flops / row.seconds / ceiling
            print(f"  {row.case:<40} {row.method:<18} {share:>6.1%}")
    if given.output:
        save(bench, ceiling, given.output)


if __name__ == "__main__":
    main()
