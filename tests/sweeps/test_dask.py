"""Points on Dask workers over loopback: as on this machine, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="dask.distributed is not installed")

import dask
import distributed

from imssa_sim.errors import InputError
from imssa_sim.sweeps import dask_workers
from imssa_sim.sweeps.basis import Bases
from imssa_sim.sweeps.dask_workers import DaskWorkers
from imssa_sim.sweeps.execute import _checked, execute
from imssa_sim.sweeps.store import PointResult
from tests.sweeps.test_kills import alive, stored

SWEEP = "grid: {hardware.adc.bits: [6, 7], seed: [0, 1]}\n"
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="the system does not tell a process's children"
)


def numbers(results: list[PointResult]) -> list[dict[str, object]]:
    """Results without what the host took."""
    return [
        asdict(r) | {"stats": {n: v for n, v in r.stats.items() if not n.startswith("host.")}}
        for r in results
    ]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A scheduler of its own with two workers, as on a cluster."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, memory_limit=0,
        dashboard_address="127.0.0.1:0", silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


def square(group: list[int]) -> Iterator[tuple[int, int]]:
    for item in group:
        if item == 13:
            os._exit(3)
        yield item, item**2


def test_results_are_those_of_this_machine(bench, scheduler: str) -> None:  # type: ignore[no-untyped-def]
    alone = bench.fresh(SWEEP)
    there = DaskWorkers(scheduler, 2, bench.listener)
    assert there.elsewhere
    seen: list[PointResult] = []
    found = execute(bench.plan(SWEEP), bench.folder, there, bench.listener, watch=seen.append)
    assert numbers(found) == numbers(alone)
    assert {r.error for r in found} == {""}
    assert sorted(map(str, seen)) == sorted(map(str, found))
    assert bench.listener.done == [0, 1, 2, 3, 4]


def test_a_worker_with_other_files_gives_no_result(bench) -> None:  # type: ignore[no-untyped-def]
    from imssa_sim.config.load import load_config

    now = Bases().of(load_config(bench.base / "tiny.yaml"))
    found = PointResult({}, {"area": 1.0}, basis=now | {"imssa_sim": "another"})
    assert "other files or code" in _checked(found, now).error
    assert "the package imssa_sim" in _checked(found, now).error
    assert _checked(replace(found, basis=now), now).stats == {"area": 1.0}


def test_an_item_that_kills_its_workers_is_lost_alone(scheduler: str, bench) -> None:  # type: ignore[no-untyped-def]
    there = DaskWorkers(scheduler, None, bench.listener)
    found = dict(there.run(square, [[1, 13, 2], [3, 4]], lambda item, why: (item, why)))
    assert {n: found[n] for n in (1, 2, 3, 4)} == {n: n * n for n in (1, 2, 3, 4)}
    assert "every worker that took it died" in found[13]


def test_no_scheduler_and_no_workers_are_said(
    bench,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    with distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        monkeypatch.setattr(dask_workers, "PATIENCE", 0.2)
        there = DaskWorkers(cluster.scheduler_address, 2, bench.listener)
        with pytest.raises(InputError, match=r"fewer than 2 workers came in 0\.2 s"):
            list(there.run(square, [[1]], lambda item, why: (item, 0)))
        assert "waiting for 2 workers, 0 are there" in bench.listener.notes[0]
    with pytest.raises(InputError, match="at least one"):
        DaskWorkers(None, 0, bench.listener)
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.3s"}),
        pytest.raises(InputError, match="no Dask scheduler answers at tcp://127"),
    ):
        there = DaskWorkers("tcp://127.0.0.1:9", 1, bench.listener)
        list(there.run(square, [[1]], lambda item, why: (item, 0)))


def below(process: int) -> list[tuple[int, str]]:
    """Processes below one, whichever thread began them, with their commands."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(folder.name))

    def all_of(parent: int) -> Iterator[tuple[int, str]]:
        for child in parents.get(parent, []):
            with suppress(OSError):
                yield child, Path(f"/proc/{child}/cmdline").read_text("utf-8")
            yield from all_of(child)

    return list(all_of(process))


def kill_often(bench, points: int, kills: int, clients: int) -> None:  # type: ignore[no-untyped-def]
    """Kill workers, then whole clients, of a sweep: its table is that of an undisturbed one."""
    sweep = (
        "set: {evaluate.samples: 20}\n"
        f"grid: {{hardware.adc.bits: [6, 7], seed: {list(range(points // 2))}}}\n"
    )
    plan = bench.plan(sweep)
    command = [sys.executable, "-m", "imssa_sim", "sweep", str(bench.base / "s.yaml")]
    command += ["-q", "--backend", "dask", "--workers", "2", "--no-figures"]
    command += ["-o", str(bench.folder)]
    dead = 0
    for number in range(clients + 1):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        last = number == clients
        while process.poll() is None:
            workers = [child for child, text in below(process.pid) if "spawn_main" in text]
            there = len(stored(bench.folder))
            due = (dead + 1) * points // (kills + 2)
            if workers and dead < kills and there >= due:
                os.kill(workers[dead % len(workers)], signal.SIGKILL)
                dead += 1
            if not last and there >= (number + 1) * points // (clients + 2):
                processes = [child for child, _ in below(process.pid)]
                assert len(processes) >= 2
                process.send_signal(signal.SIGKILL)
                process.wait()
                end = time.monotonic() + 20.0
                while any(map(alive, processes)) and time.monotonic() < end:
                    time.sleep(0.05)
                assert not any(map(alive, processes))
                break
            time.sleep(0.02)
    assert process.returncode == 0
    assert dead == kills
    found = stored(bench.folder)
    assert len(found) == points
    serial = {json.dumps(dict(r.point)): r for r in bench.fresh(sweep)}
    ours = [PointResult(**json.loads(found[json.dumps(point)])) for point in plan.points]
    theirs = [serial[json.dumps(point)] for point in plan.points]
    assert numbers(ours) == numbers(theirs)


@needs_proc
def test_a_killed_worker_and_a_killed_client_lose_nothing(bench) -> None:  # type: ignore[no-untyped-def]
    kill_often(bench, 8, 1, 1)


@needs_proc
@pytest.mark.slow
def test_ten_killed_workers_and_a_killed_client_of_200_points(bench) -> None:  # type: ignore[no-untyped-def]
    kill_often(bench, 200, 10, 1)
