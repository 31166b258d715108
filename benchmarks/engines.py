"""Timing engines against plain SimPy: a pipeline of six stations with bounded buffers.

    python benchmarks/engines.py [--tokens 100000] [--repeat 5] [-o DIR]

prints a table with ratios, the cost over the length of the sequence, and time and memory of a chip
of 12 layers (about 2,000 tiles) over a million steps; with ``-o`` it saves ``engines.csv``,
``chip.csv`` and ``engines.png``/``.svg``. All engines must end at the same tick.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import simpy

from imssa_sim.components.action import Action
from imssa_sim.components.duration import Duration
from imssa_sim.mapping.program import Bypass, Stage
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.durations import Durations
from imssa_sim.timing.event import run_event
from imssa_sim.timing.recurrence import run_recurrence
from imssa_sim.timing.simulate import simulate_stages

if TYPE_CHECKING:
    from imssa_sim.components.action import ComponentKind
    from imssa_sim.timing.graph import Arbitration, Segment

# Service times [ticks] and places of each FIFO: one slow station in the middle, so that FIFOs in
# front of it fill and push back, and those behind it run empty.
TICKS = (3, 5, 7, 4, 6, 2)
PLACES = 4
LENGTHS = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
PLAIN_LIMIT = 100_000  # plain SimPy is not run on longer sequences


class Row(NamedTuple):
    """One engine at one length: times in seconds, ``ratio`` to plain SimPy of the same run."""

    engine: str
    tokens: int
    end: int
    median: float
    best: float
    steps_per_second: float
    events: int
    ratio: float | None


def plain_simpy(tokens: int) -> tuple[int, int]:
    """The pipeline as a SimPy tutorial would write it; (end, events)."""
    env = simpy.Environment()
    stores = [simpy.Store(env, capacity=PLACES) for _ in TICKS[:-1]]

    def station(index: int, ticks: int) -> Iterator[simpy.Event]:
        for token in range(tokens):
            if index > 0:
                yield stores[index - 1].get()
            yield env.timeout(ticks)
            if index < len(stores):
                yield stores[index].put(token)

    for index, ticks in enumerate(TICKS):
        env.process(station(index, ticks))
    env.run()
    # Per token: a timeout for each station, and a put and a get for each store.
    return int(env.now), tokens * (len(TICKS) + 2 * len(stores))


def segment(tokens: int) -> Segment:
    """The same pipeline as a timed event graph."""
    stages = [
        Stage(
            f"chip.s{i}",
            (Action(f"chip.s{i}.unit", "lut", "lookup", 1, 1, ticks, 8),),
            0,
            PLACES,
            False,
            "step",
        )
        for i, ticks in enumerate(TICKS)
    ]
    (only,) = build_graph(stages, (), tokens, lambda op: op.serial).segments
    return only


def full_event(tokens: int) -> tuple[int, int]:
    result = run_event(segment(tokens))
    return result.end, result.events


def fast_forward(tokens: int) -> tuple[int, int]:
    result = run_event(segment(tokens), fast_forward=True)
    return result.end, result.events


def recurrence(tokens: int) -> tuple[int, int]:
    result = run_recurrence(segment(tokens))
    return int(result.last_end.max()), result.updates


def recurrence_skip(tokens: int) -> tuple[int, int]:
    result = run_recurrence(segment(tokens), extrapolate=True)
    return int(result.last_end.max()), result.updates


ENGINES: dict[str, Callable[[int], tuple[int, int]]] = {
    "plain SimPy": plain_simpy,
    "event, in full": full_event,
    "event, fast-forwarded": fast_forward,
    "recurrence, in full": recurrence,
    "recurrence, periods skipped": recurrence_skip,
}


def measure(tokens: int, repeat: int) -> list[Row]:
    """Run all engines on one length, in turns, so that a busy machine disturbs all alike."""
    engines = {
        name: engine
        for name, engine in ENGINES.items()
        if tokens <= PLAIN_LIMIT or name not in ("plain SimPy", "event, in full")
    }
    times: dict[str, list[float]] = {name: [] for name in engines}
    answers: dict[str, tuple[int, int]] = {}
    for round_number in range(repeat):
        for name, engine in engines.items():
            # Seconds-long runs once or twice, short ones often.
            if round_number > 1 and sum(times[name]) > 2.0:
                continue
            begin = time.perf_counter()
            answers[name] = engine(tokens)
            times[name].append(time.perf_counter() - begin)
    ends = {end for end, _ in answers.values()}
    if len(ends) > 1:
        raise SystemExit(f"the engines disagree at {tokens} tokens: {answers}")
    plain = statistics.median(times["plain SimPy"]) if "plain SimPy" in times else None
    rows = []
    for name, samples in times.items():
        median = statistics.median(samples)
        end, events = answers[name]
        ratio = plain / median if plain is not None else None
        rows.append(Row(name, tokens, end, median, min(samples), tokens / median, events, ratio))
    return rows


# A chip of S4D layers: one kernel per tile (127 pulse units, sampling, 5 conversions of 10 ns per
# converter, requantisation, register), a linear layer on four tiles, vector unit and bus shared.
CHIP_LAYERS = 12
CHIP_TOKENS = 1_000_000
CHIP_RUNS = (
    ("event, fast-forwarded", "auto", "fifo"),
    ("event, fast-forwarded", "auto", "static"),
    ("recurrence, periods skipped", "recurrence", "static"),
    ("recurrence, in full", "full", "static"),
)


def chip_stages(layers: int) -> tuple[list[Stage], list[Bypass]]:
    """Stages of a chip, durations in ticks of 1 ns as serial actions."""

    def op(component: str, kind: ComponentKind, action: str, ticks: int, many: int) -> Action:
        return Action(component, kind, action, many * ticks, many, ticks, 8)

    def hand_on(path: str, ticks: int) -> list[Action]:
        return [
            op("chip.bus", "bus", "transfer", ticks, 1),
            op(f"{path}.buffer", "buffer", "write", ticks, 1),
            op(f"{path}.buffer", "buffer", "read", ticks, 1),
        ]

    def tiles(path: str, number: int, conversions: int) -> list[Action]:
        return [
            op(f"{path}.dac", "dac", "drive", 127, 65 * number),
            op(f"{path}.array", "array", "read", 1, number),
            op(f"{path}.adc", "adc", "convert", 10 * conversions, 16 * number),
        ]

    stages, bypasses = [], []
    for number in range(layers):
        path = f"chip.layer{number}"
        kernel = [
            *tiles(f"{path}.kernel", 128, 5),
            op(f"{path}.kernel.requantiser", "requantiser", "requantise", 4, 2048),
            op(f"{path}.kernel.register", "register", "write", 1, 8192),
        ]
        plan: tuple[tuple[str, list[Action], list[Action], int], ...] = (
            ("input", [op("chip.vector", "requantiser", "requantise", 1, 128)], [], 4),
            ("kernel", kernel, [], 4),
            ("activation", [op("chip.vector", "lut", "lookup", 1, 128)], [], 4),
            ("linear", tiles(f"{path}.linear", 32, 4), [], 8),
            ("output", [op("chip.vector", "norm", "normalise", 6, 128)], [], 4),
        )
        for name, loop, after, words in plan:
            operations = (*loop, *after, *hand_on(f"{path}.{name}", words))
            stages.append(Stage(f"{path}.{name}", operations, len(loop), 4, False, "step"))
        bypasses.append(Bypass(f"{path}.input", f"{path}.output", 24))
    return stages, bypasses


def chip_run(engine: str, arbitration: Arbitration) -> dict[str, float]:
    """Time one run of the chip in this process, after a short one to compile; peak memory."""
    stages, bypasses = chip_stages(CHIP_LAYERS)

    def once(tokens: int) -> tuple[int, int]:
        if engine == "full":
            graph = build_graph(stages, bypasses, tokens, lambda op: op.serial, arbitration)
            (only,) = graph.segments
            return int(run_recurrence(only).last_end.max()), len(only.stations)
        tick = Fraction(1, 10**9)
        table = Durations(
            tick, {op: Duration(op.serial * tick, "", False) for s in stages for op in s.actions}
        )
        result = simulate_stages(
            stages, bypasses, tokens, table, engine=engine, arbitration=arbitration
        )
        return result.end_to_end_ticks, 0

    once(2_000)
    wall, cpu = time.perf_counter(), time.process_time()
    end, _ = once(CHIP_TOKENS)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"end": end, "wall": wall, "cpu": cpu, "peak_mib": peak_memory()}


def peak_memory() -> float:
    """Peak resident memory of this program [MiB]."""
    try:
        # Linux's ru_maxrss also counts the parent, out of which this process was forked.
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def chip_table() -> list[dict[str, float | str]]:
    """Run the chip in a fresh process per engine, so that peak memory is each one's own."""
    rows: list[dict[str, float | str]] = []
    stages, _ = chip_stages(CHIP_LAYERS)
    used = sum(op.instances for s in stages for op in s.actions if op.kind == "array")
    print(f"\nchip of {CHIP_LAYERS} layers, {used:,} tiles, {CHIP_TOKENS:,} steps (warm)")
    print(f"{'engine':28} {'order':8} {'end [ticks]':>13} {'wall':>9} {'CPU':>9} {'peak':>9}")
    for name, engine, arbitration in CHIP_RUNS:
        command = [sys.executable, __file__, "--chip-run", engine, arbitration]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(answer.stdout)
        rows.append({"engine": name, "arbitration": arbitration, "tokens": CHIP_TOKENS, **found})
        print(
            f"{name:28} {arbitration:8} {found['end']:13,} {found['wall']:7.3f} s "
            f"{found['cpu']:7.3f} s {found['peak_mib']:5.0f} MiB"
        )
    ends = {row["end"] for row in rows if row["arbitration"] == "static"}
    if len(ends) > 1:
        raise SystemExit(f"the engines disagree on the chip: {rows}")
    return rows


def show(rows: list[Row], tokens: int) -> None:
    """Print the table of one length, and the cost over all lengths."""
    print(f"{len(TICKS)} stations, FIFOs of {PLACES}, {tokens:,} tokens (compiled and warm)")
    print(f"{'engine':28} {'end [ticks]':>12} {'median':>12} {'tokens/s':>12} {'ratio':>9}")
    for row in rows:
        if row.tokens == tokens:
            ratio = "" if row.ratio is None else f"{row.ratio:,.1f}"
            print(
                f"{row.engine:28} {row.end:12,} {row.median * 1e3:9.3f} ms "
                f"{row.steps_per_second:12,.0f} {ratio:>9}"
            )
    print("\nmedian time [ms] over the number of tokens")
    lengths = sorted({row.tokens for row in rows})
    print(f"{'engine':28} " + " ".join(f"{n:>11,}" for n in lengths))
    for name in ENGINES:
        times = {row.tokens: row.median for row in rows if row.engine == name}
        cells = (f"{times[n] * 1e3:11.3f}" if n in times else f"{'-':>11}" for n in lengths)
        print(f"{name:28} " + " ".join(cells))


def save(rows: list[Row], chip: list[dict[str, float | str]], folder: Path) -> None:
    """Write the table and the figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "engines.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    with (folder / "chip.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(chip[0]))
        table.writeheader()
        table.writerows(chip)
    figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    for name in ENGINES:
        points = [(row.tokens, row.median) for row in rows if row.engine == name]
        axes.loglog(*zip(*points, strict=True), marker="o", markersize=4, label=name)
    axes.set_xlabel("tokens")
    axes.set_ylabel("host time [s]")
    axes.set_title(f"Timing of {len(TICKS)} stations with FIFOs of {PLACES}")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"engines.{suffix}", dpi=150)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--tokens", type=int, default=100_000, help="length of the first table")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each engine")
    parser.add_argument("-o", "--output", type=Path, help="folder for CSV and figure")
    parser.add_argument("--chip-run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.chip_run is not None:
        print(json.dumps(chip_run(*options.chip_run)))
        return 0
    for engine in ENGINES.values():
        engine(100)  # compile, import
    lengths = sorted({n for n in LENGTHS if n <= 100 * options.tokens} | {options.tokens})
    rows = [row for n in lengths for row in measure(n, options.repeat)]
    show(rows, options.tokens)
    chip = chip_table()
    if options.output is not None:
        save(rows, chip, options.output)
        print(f"\nsaved {options.output}/engines.csv, chip.csv, engines.png, engines.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
