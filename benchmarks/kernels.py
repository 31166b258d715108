"""The compiled kernels against NumPy, Numba's generator, sgemm, SimPy and, if asked, the peers.

    python benchmarks/kernels.py [--only dense,normals] [--quick] [--peers] [--repeat 5]
                                 [--threads 2] [--processor-time] [-o DIR]

prints a table with ratios of medians, all of one run, in sections: ceiling (sgemm), normals,
recurrent (128 tiles of 65 × 65 over 1,024 steps), delta (the same tiles with accumulators), peers
(CrossSim and aihwkit, only with ``--peers`` and where they can be imported), dense, ir_drop,
engines, scaling. ``--quick`` takes an eighth of the steps and leaves out the scaling.
``--processor-time`` counts processor seconds instead of elapsed ones, for a machine that does other
work too: give it with ``--threads 1`` and OPENBLAS_NUM_THREADS=1. ``-o`` saves ``kernels.csv``
(sections that were not run keep their rows of an earlier run), ``kernels.png``/``.svg`` (ratios),
``roofline.png``/``.svg`` and ``scaling.png``/``.svg``.

Each timing follows a pause, in which a BLAS library's idle threads stop spinning, and a stretch of
untimed calls of the same method, so that caches are its own and threads settle on their cores. At
the end stands how much processor time other processes took meanwhile: on a quiet machine, nothing.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kernel_blas import described
from kernel_cases import SECTIONS
from threadpoolctl import threadpool_limits

STEPS = 1024
PAUSE = 0.1  # seconds before a method: a BLAS library's idle threads spin for a while
UNTIMED, TIMED = 0.04, 0.02  # seconds of each method before a timing, and of a timing, at least


class Row(NamedTuple):
    """One measurement; ``work`` counts reads, normals, steps or whatever the case names."""

    section: str
    case: str
    method: str
    seconds: float
    work: int
    flops: float  # of the mean product
    bytes: float  # codes moved
    ratio: float | None  # rate of the case's first method over this one's


class Bench:
    """Medians of interleaved runs, so that a change of the machine's clock hits all alike."""

    def __init__(self, repeat: int, threads: int, steps: int, clock: Callable[[], float]) -> None:
        self.repeat, self.threads, self.steps, self.clock = repeat, threads, steps, clock
        self.rows: list[Row] = []

    def say(self, line: str) -> None:
        print(line, flush=True)

    def _time(self, call: Callable[[], object]) -> float:
        """Seconds of one call."""
        time.sleep(PAUSE)
        start, calls = time.perf_counter(), 0
        while not calls or time.perf_counter() - start < UNTIMED:
            call()
            calls += 1
        each = (time.perf_counter() - start) / calls
        calls = max(1, round(TIMED / each))
        begin = self.clock()
        for _ in range(calls):
            call()
        return (self.clock() - begin) / calls

    def compare(
        self,
        section: str,
        case: str,
        methods: dict[str, Callable[[], object]],
        work: int,
        flops: float = 0.0,
        moved: float = 0.0,
        scale: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Time all methods; the ratios say how many times faster the first one is."""
        times: dict[str, list[float]] = {name: [] for name in methods}
        for _ in range(self.repeat):
            for name, call in methods.items():
                times[name].append(self._time(call))
        medians = {
            name: statistics.median(t) * (scale or {}).get(name, 1.0) for name, t in times.items()
        }
        first = next(iter(methods))
        for name, seconds in medians.items():
            ratio = None if name == first else seconds / medians[first]
            self.rows.append(Row(section, case, name, seconds, work, flops, moved, ratio))
            beside = "" if ratio is None else f"  {ratio:.3g}×"
            each = f"{seconds / work * 1e9:>12.4g} ns"
            self.say(f"{case:<44} {name:<38} {seconds * 1e3:>10.3f} ms {each}{beside}")
        return medians


def busy_seconds() -> float | None:
    """Processor seconds that all programs of the machine have taken so far (Linux)."""
    try:
        ticks = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:4]
    except OSError:
        return None
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def merged(rows: list[Row], file: Path) -> list[Row]:
    """Rows of this run and, of an earlier one, of the sections that this one left out."""
    ran = {row.section for row in rows}
    kept = []
    if file.exists():
        with file.open(newline="", encoding="utf-8") as stream:
            for old in csv.DictReader(stream):
                if old["section"] not in ran:
                    kept.append(
                        Row(
                            old["section"], old["case"], old["method"], float(old["seconds"]),
                            int(old["work"]), float(old["flops"]), float(old["bytes"]),
                            float(old["ratio"]) if old["ratio"] else None,
                        )
                    )  # fmt: skip
    order = list(SECTIONS)
    return sorted([*kept, *rows], key=lambda row: order.index(row.section))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"sections, by commas: {', '.join(SECTIONS)}")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="an eighth of the steps, no scaling")
    parser.add_argument("--peers", action="store_true", help="also CrossSim and aihwkit")
    parser.add_argument("--processor-time", action="store_true", help="not elapsed time")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    chosen = list(SECTIONS)
    if given.only:
        chosen = given.only.split(",")
        if unknown := [name for name in chosen if name not in SECTIONS]:
            parser.error(f"no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    else:
        left_out = {"peers"} - ({"peers"} if given.peers else set())
        left_out |= {"scaling"} if given.quick else set()
        chosen = [name for name in chosen if name not in left_out]
    bench = Bench(
        given.repeat,
        given.threads,
        STEPS // 8 if given.quick else STEPS,
        time.process_time if given.processor_time else time.perf_counter,
    )
    bench.say(described())
    before, own = busy_seconds(), time.process_time()
    with threadpool_limits(given.threads, "blas"):
        for name in chosen:
            SECTIONS[name](bench)
    after = busy_seconds()
    if before is not None and after is not None:
        others = max(0.0, after - before - (time.process_time() - own))
        bench.say(f"other processes took {others:.1f} s of the processors meanwhile")
    if given.output:
        from kernel_figures import save

        given.output.mkdir(parents=True, exist_ok=True)
        table = given.output / "kernels.csv"
        rows = merged(bench.rows, table)
        with table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(Row._fields)
            writer.writerows(rows)
        save(rows, given.output)


if __name__ == "__main__":
    main()
