"""A sweep that is killed, again and again: nothing lost, nothing doubled, nothing left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imssa_sim.sweeps.workers import run_groups

POINTS = 24
SWEEP = (
    "set: {evaluate.samples: 40}\n"
    f"grid: {{hardware.adc.bits: [6, 7, 8], seed: {list(range(POINTS // 3))}}}\n"
)
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")


def children(process: int) -> list[int]:
    """Processes below one, as far as the system tells."""
    tasks = Path(f"/proc/{process}/task/{process}/children")
    found = [int(word) for word in tasks.read_text().split()] if tasks.exists() else []
    return found + [below for child in found for below in children(child)]


def alive(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    try:
        return state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def stored(folder: Path) -> dict[str, str]:
    """Whole lines of the results by point; fails if a point is there twice."""
    file = folder / "results.jsonl"
    found: dict[str, str] = {}
    for line in file.read_text("utf-8").splitlines() if file.exists() else []:
        try:
            key = json.dumps(json.loads(line)["point"])
        except json.JSONDecodeError:
            continue
        assert key not in found
        found[key] = line
    return found


def kill_often(bench, kills: int) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(kills)
    plan = bench.plan(SWEEP)
    command = [sys.executable, "-m", "imssa_sim", "sweep", str(bench.base / "s.yaml")]
    command += ["-q", "-j", "2", "--no-figures", "-o", str(bench.folder)]
    for number in range(kills):
        if len(stored(bench.folder)) == len(plan.points):
            (bench.folder / "results.jsonl").unlink()
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        before = stored(bench.folder)
        latest = time.monotonic() + chance.uniform(0.5, 6.0)
        wanted = len(before) + chance.randrange(4) if number % 2 else POINTS
        while process.poll() is None and time.monotonic() < latest:
            if len(stored(bench.folder)) > wanted:
                break
            time.sleep(0.02)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = stored(bench.folder)
        assert before.items() <= after.items()
        end = time.monotonic() + 20.0
        while any(map(alive, workers)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(alive, workers))
    kept = stored(bench.folder)
    assert subprocess.run(command, check=False).returncode == 0
    done = stored(bench.folder)
    assert kept.items() <= done.items()
    assert len(done) == len(plan.points)
    lines = (bench.folder / "results.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == len(plan.points)
    assert sorted(p.name for p in bench.folder.iterdir()) == [
        "results.jsonl", "sweep.json", "table.csv",
    ]  # fmt: skip


@needs_kill
def test_five_kills(bench) -> None:  # type: ignore[no-untyped-def]
    kill_often(bench, 5)


@needs_kill
@pytest.mark.slow
def test_a_hundred_kills(bench) -> None:  # type: ignore[no-untyped-def]
    kill_often(bench, 100)


def square(group: list[int]):  # type: ignore[no-untyped-def]
    for item in group:
        if item == 13:
            os._exit(3)
        if item == 14:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item, item**2


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_of_all_groups_come_back(jobs: int) -> None:
    groups = [[1, 2], [3], [4, 5, 6], [7], [8]]
    found = list(run_groups(square, groups, jobs, lambda item, why: (item, why)))
    assert sorted(found) == [(n, n * n) for n in range(1, 9)]


def test_a_worker_that_dies_takes_its_item_alone() -> None:
    groups = [[1, 13, 2], [3, 4], [5]] + ([[14, 6]] if hasattr(signal, "SIGKILL") else [])
    found = dict(run_groups(square, groups, 2, lambda item, why: (item, why)))
    assert {n: found[n] for n in (1, 2, 3, 4, 5)} == {n: n * n for n in (1, 2, 3, 4, 5)}
    assert found[13] == "its process ended with code 3"
    if 14 in found:
        assert found[14] == "its process was killed (SIGKILL, out of memory?)"
        assert found[6] == 36
