"""What `kernels.py` measures, section by section; each section compares the kernels with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from kernel_blas import side_by_side
from numba import njit

from imssa_sim.kernels.dense import DenseTiles, pack_dense, read_dense
from imssa_sim.kernels.read_circuit import (
    Accumulator,
    DenseWiring,
    Exchange,
    FusedOutput,
    ReadCircuit,
    RecurrentWiring,
)
from imssa_sim.kernels.read_noise.normal import fill_normals
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import RecurrentTiles, pack_tiles

if TYPE_CHECKING:
    from kernels import Bench

TILES, STATES = 128, 64
LIMIT = 127
Methods = dict[str, Callable[[], object]]


def s4d_cells(rng: np.random.Generator, tiles: int, states: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and useful cells of S4D kernels: 2 x 2 blocks, an input row, an output column."""
    size = states + 1
    useful = np.kron(np.eye(states // 2, dtype=bool), np.ones((2, 2), dtype=bool))
    useful = np.pad(useful, (0, 1), constant_values=True)
    weights = np.where(useful, rng.integers(-31, 32, (tiles, size, size)), 0)
    return weights + rng.normal(0, 0.05, weights.shape), np.broadcast_to(useful, weights.shape)


def site(
    tiles: int, states: int, noise: str, accumulator: Accumulator | None = None
) -> tuple[RecurrentTiles, np.ndarray, np.ndarray]:
    """Tiles of one layer; noise "off", "alike" (in empty cells) or "each" (its own per cell)."""
    rng = np.random.default_rng(0)
    weights, useful = s4d_cells(rng, tiles, states)
    variance = rng.uniform(0.001, 0.01, weights.shape)
    if noise == "alike":
        variance = np.where(useful, variance, 0.003)
    outputs = np.arange(tiles)[:, None]
    flat = 0.003 if noise == "alike" else 0.0
    circuit = ReadCircuit(
        weights=weights, rows_used=np.full(tiles, states + 1),
        columns_used=np.full(tiles, states + 1), limit=LIMIT, adc_scale=0.02, adc_offset=0.5,
        adc_low=-LIMIT, adc_high=LIMIT, variance=None if noise == "off" else variance - flat,
        flat_variance=flat,
    )  # fmt: skip
    gain = (2**22 + 1) / 2**22
    wiring = RecurrentWiring(
        n_states=np.full(tiles, states), input_channel=outputs, state_gain=gain,
        state_limit=LIMIT if accumulator is None else 2**11 - 1,
        output=FusedOutput(outputs, gain, LIMIT, tiles), accumulator=accumulator,
    )  # fmt: skip
    packed = pack_tiles(circuit, wiring)
    return packed, weights.astype(np.float32), variance.astype(np.float32)


def dense_tile(weights: np.ndarray, variance: np.ndarray | None) -> DenseTiles:
    """One tile of a linear layer (1, R, C)."""
    circuit = ReadCircuit(
        weights=weights, rows_used=np.array(weights.shape[1:2]),
        columns_used=np.array(weights.shape[2:]), limit=LIMIT, adc_scale=0.1, adc_offset=0.5,
        adc_low=-LIMIT, adc_high=LIMIT, variance=variance,
    )  # fmt: skip
    return pack_dense(circuit, DenseWiring(np.array([0])))


def random_codes(batch: int, steps: int, channels: int) -> np.ndarray:
    rng = np.random.default_rng(2)
    return rng.integers(-LIMIT, LIMIT + 1, (batch, steps, channels)).astype(np.int16)


def kernel(packed: RecurrentTiles, codes: np.ndarray, threads: int) -> Callable[[], object]:
    return lambda: run_recurrent(
        packed, codes, sample_ids=np.arange(len(codes)), seed=0, chip=0, site=1, threads=threads
    )


def numpy_recurrent(
    weights: np.ndarray, variance: np.ndarray | None, codes: np.ndarray
) -> np.ndarray:
    """Batched matmul with exact output-referred noise: what a careful user writes in NumPy.

    ``codes`` (T, B, L).
    """
    tiles, size, _ = weights.shape
    _, batch, steps = codes.shape
    rng = np.random.default_rng(1)
    v = np.zeros((tiles, batch, size), np.float32)
    out = np.empty((steps, tiles, batch), np.int16)
    inputs = np.ascontiguousarray(codes.transpose(2, 0, 1)).astype(np.float32)
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


def recurrent(bench: Bench) -> None:
    """(i) 128 recurrent tiles of 65 x 65 against NumPy's batched matmul."""
    for batch in (1, 32):
        codes = random_codes(batch, bench.steps, TILES)
        reads = codes.size
        kernels: Methods = {}
        for noise in ("off", "alike", "each"):
            packed, weights, variance = site(TILES, STATES, noise)
            against = None if noise == "off" else variance
            kernels[f"noise {noise}"] = kernel(packed, codes, bench.threads)
            methods: Methods = {
                "kernel": kernels[f"noise {noise}"],
                "NumPy": lambda w=weights, s=against, c=codes: side_by_side(
                    numpy_recurrent, bench.threads, w, s, c.transpose(2, 0, 1)
                ),
            }
            case = f"{TILES} × 65×65, batch {batch}, noise {noise}"
            bench.compare(
                "recurrent", case, methods, reads, 2.0 * reads * (STATES + 1) ** 2, 4.0 * reads
            )
        bench.compare("recurrent", f"{TILES} × 65×65, batch {batch}, kernel", kernels, reads)


def quarter_turns() -> Exchange:
    """Every other mode turns: its states (x, y), half a tile apart, become (-y, x)."""
    state = np.arange(STATES)
    turned = state % 2 == 1
    pairs = np.where(turned, state ^ STATES // 2, state)
    sign = np.where(turned & (state < STATES // 2), -1, 1)
    return Exchange(*(np.broadcast_to(v, (TILES, STATES)) for v in (pairs, sign)))


def delta(bench: Bench) -> None:
    """(ii) The same tiles read for increments, which accumulators of 12 bits add up."""
    for batch in (1, 32):
        codes = random_codes(batch, bench.steps, TILES)
        for noise in ("off", "each"):
            forms = {
                "look-ahead": None,
                "delta": Accumulator(4, LIMIT),
                "delta, quarter turns": Accumulator(4, LIMIT, exchange=quarter_turns()),
                "delta, error feedback": Accumulator(4, LIMIT, feedback=True),
            }
            methods: Methods = {
                name: kernel(site(TILES, STATES, noise, form)[0], codes, bench.threads)
                for name, form in forms.items()
            }
            case = f"{TILES} × 65×65, batch {batch}, noise {noise}, forms"
            bench.compare("delta", case, methods, codes.size)


def peers(bench: Bench) -> None:
    """(i) The same with noise against CrossSim and aihwkit, over fewer steps, scaled."""
    from kernel_peers import PEERS

    for batch in (1, 32):
        codes = random_codes(batch, bench.steps, TILES)
        packed, weights, _ = site(TILES, STATES, "each")
        methods = {"kernel": kernel(packed, codes, bench.threads)}
        scale = {}
        for name, make in PEERS.items():
            steps = 2 if batch > 1 and name == "CrossSim" else 16  # whole, they take minutes
            call = make(weights, codes, steps)
            if call is None:
                bench.say(f"  {name.split(',')[0]} is not installed: skipped")
            else:
                label = f"{name} ({steps} steps, scaled)"
                methods[label], scale[label] = call, bench.steps / steps
        case = f"{TILES} × 65×65, batch {batch}, noise each"
        flops = 2.0 * codes.size * (STATES + 1) ** 2
        bench.compare("peers", case, methods, codes.size, flops, 4.0 * codes.size, scale)


def dense(bench: Bench) -> None:
    """(ii) Single reads, against NumPy with noise and against sgemm alone (the mean product)."""
    rng = np.random.default_rng(3)
    for size in (64, 128, 256, 512):
        weights, variance = rng.normal(0, 1, (1, size, size)), rng.uniform(0, 0.01, (1, size, size))
        w, s = weights[0].astype(np.float32), variance[0].astype(np.float32)
        for tokens in (1, 16, 1000) if size == 256 else (1000,):
            codes = random_codes(tokens, 1, size)[:, 0]
            x = codes.astype(np.float32)

            def plain(x: np.ndarray = x, w: np.ndarray = w, s: np.ndarray | None = s) -> np.ndarray:
                acc = x @ w
                if s is not None:
                    noise = np.random.default_rng(4).standard_normal(acc.shape, dtype=np.float32)
                    acc += np.sqrt((x * x) @ s) * noise
                return np.clip(np.floor(acc * np.float32(0.1)), -LIMIT, LIMIT)

            for noise, cells in (("off", None), ("each", variance)):
                tiles = dense_tile(weights, cells)
                methods: Methods = {
                    "kernel": lambda t=tiles, c=codes: read_dense(
                        t, c, sample_ids=0, steps=np.arange(len(c)), seed=0, chip=0, site=1,
                        threads=bench.threads,
                    ),
                    "NumPy": lambda p=plain, s=None if cells is None else s: p(s=s),
                    "sgemm alone": lambda x=x, w=w: x @ w,
                }  # fmt: skip
                bench.compare(
                    "dense", f"{size}×{size}, {tokens} reads, noise {noise}", methods, tokens,
                    2.0 * tokens * size**2, 6.0 * tokens * size + 4.0 * size**2,
                )  # fmt: skip


@njit(nogil=True)
def numba_normals(out: np.ndarray) -> None:
    for i in range(out.shape[0]):
        out[i] = np.random.standard_normal()  # noqa: NPY002 (Numba's own generator)


def normals(bench: Bench) -> None:
    """(iii) Normals per second of one core."""
    out = np.empty(1_000_000, np.float32)
    generator = np.random.default_rng(5)
    methods: Methods = {
        "kernel": lambda: fill_normals(1, 2, 3, out),
        "NumPy PCG64 float32": lambda: generator.standard_normal(out=out, dtype=np.float32),
        "Numba standard_normal": lambda: numba_normals(out),
    }
    bench.compare("normals", "a million normals, one core", methods, out.size)


def ir_drop(bench: Bench) -> None:
    """(iv) Wires: the transfer matrix once and 1,000 reads through it, against a sparse solver."""
    from imssa_sim.circuits.nonlinear import solve_nonlinear
    from imssa_sim.circuits.transfer import transfer_matrix
    from imssa_sim.circuits.wires import Wires
    from imssa_sim.devices.conduction import SinhConduction

    straight, wires, rng = SinhConduction(1e9), Wires(2.0, 2.0), np.random.default_rng(8)
    for size in (64, 128):
        g, v = rng.uniform(1e-6, 1e-4, (size, size)), rng.uniform(0.02, 0.3, (1000, size))
        matrix = transfer_matrix(g, wires).matrix
        name = "sparse solution (one vector)"
        one: Methods = {
            "transfer matrix, built once": lambda g=g: transfer_matrix(g, wires),
            name: lambda g=g, v=v: solve_nonlinear(g, wires, v[0], straight, tolerance=1e-9),
        }
        bench.compare("ir_drop", f"wires, {size}×{size}, build", one, 1)
        many: Methods = {
            "through the transfer matrix": lambda v=v, m=matrix: v @ m,
            f"{name}, scaled": one[name],
        }
        bench.compare(
            "ir_drop", f"wires, {size}×{size}, 1000 reads", many, 1000,
            scale={f"{name}, scaled": 1000.0},
        )  # fmt: skip


def engines(bench: Bench) -> None:
    """(v) Timing engines against plain SimPy: a pipeline of six stations, bounded buffers."""
    from engines import ENGINES

    tokens = 100_000 * bench.steps // 1024
    ends = {name: engine(tokens)[0] for name, engine in ENGINES.items()}
    if len(set(ends.values())) > 1:
        raise SystemExit(f"the engines disagree: {ends}")
    for name in ("event, fast-forwarded", "recurrence, periods skipped", "recurrence, in full"):
        methods: Methods = {
            name: lambda e=ENGINES[name]: e(tokens),
            "plain SimPy": lambda: ENGINES["plain SimPy"](tokens),
        }
        bench.compare("engines", f"{tokens} tokens, {name}", methods, tokens)


def scaling(bench: Bench) -> None:
    """(vi) Over length, batch, tiles and threads; noise on, empty cells alike."""
    n = bench.threads
    for label, runs in (
        ("length", [(128, 8, 128, n), (128, 8, 512, n), (128, 8, 2048, n)]),
        ("batch", [(128, b, 256, n) for b in (1, 4, 16, 32, 64, 256)]),
        ("tiles", [(t, 32, 256, n) for t in (8, 32, 128, 512)]),
        ("threads", [(128, 32, 256, k) for k in (1, 2)]),
    ):
        for tiles, batch, steps, threads in runs:
            packed, _, _ = site(tiles, STATES, "alike")
            codes = random_codes(batch, steps, tiles)
            case = f"{label}: {tiles} tiles, batch {batch}, L {steps}, threads {threads}"
            flops = 2.0 * codes.size * (STATES + 1) ** 2
            bench.compare(
                "scaling", case, {"kernel": kernel(packed, codes, threads)}, codes.size, flops,
                4.0 * codes.size,
            )  # fmt: skip


def ceiling(bench: Bench) -> None:
    """(vii) What bounds: sgemm, and a copy in memory for the roofline."""
    size = 2048
    a = np.random.default_rng(7).random((size, size), dtype=np.float32)
    bench.compare("ceiling", f"sgemm {size}", {"sgemm": lambda: a @ a}, 1, 2.0 * size**3)
    source = np.ones(1 << 26, np.float32)
    target = np.empty_like(source)
    bench.compare(
        "ceiling", "copy in memory, one core", {"copy": lambda: np.copyto(target, source)}, 1,
        moved=2.0 * source.nbytes,
    )  # fmt: skip


SECTIONS: dict[str, Callable[[Bench], None]] = {
    "ceiling": ceiling,
    "normals": normals,
    "recurrent": recurrent,
    "delta": delta,
    "peers": peers,
    "dense": dense,
    "ir_drop": ir_drop,
    "engines": engines,
    "scaling": scaling,
}
