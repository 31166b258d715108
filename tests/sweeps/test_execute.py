"""Points get their own results, failures are tried again, files hold each point once."""

from __future__ import annotations

import json
import os

import pytest

from imssa_sim.config import load_config
from imssa_sim.errors import InputError
from imssa_sim.file_lock import FileLock
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.sweeps import execute as module
from imssa_sim.sweeps.execute import overrides_of
from imssa_sim.sweeps.executors import Local
from imssa_sim.sweeps.store import PointResult, parsed


def without_host(stats: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in stats.items() if not name.startswith("host.")}


GRIDS = {
    "seeds": "seeds: [0, 1]\ngrid: {hardware.adc.bits: [6, 8]}\n",
    "temperatures": "grid: {hardware.chip.temperature: [280 K, 300 K, 340 K]}\n",
    "cost cards": "grid: {hardware.adc.card: [adc/survey_andrulis_2024, adc/zigzag_imc_28nm]}\n",
    "ages": "grid: {evaluate.time_since_programming: [1 s, 1 d]}\n",
    "null": "grid: {data.fallback: [null, sdigits]}\n",
    "a map": "grid: {bits: [{default: 8}, {default: 6, A: 8}]}\n",
    "a list of points": "list:\n- {hardware.adc.bits: 6}\n- {hardware.dac.bits: 7}\n- {}\n",
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("jobs", [1, 2])
def test_each_point_has_what_a_run_of_it_alone_gives(  # type: ignore[no-untyped-def]
    bench, name: str, jobs: int
) -> None:
    plan = bench.plan(GRIDS[name])
    results = bench.run(GRIDS[name], jobs)
    assert [result.point for result in results] == list(plan.points)
    for result in results:
        assert not result.error
        alone = simulate(load_config(plan.workload, overrides_of(result.point)))
        expected = {stat.name: stat.value for stat in collect(alone)}
        # Points that share values charge the wall time of these to the first.
        assert without_host(result.stats) == without_host(json.loads(json.dumps(expected)))


def test_results_are_stored_as_they_come(bench) -> None:  # type: ignore[no-untyped-def]
    grid = GRIDS["cost cards"]  # one functional execution
    results, seen = bench.folder / "results.jsonl", []

    class Watch(type(bench.listener)):  # type: ignore[misc]
        def advance(self, done: int) -> None:
            text = results.read_text("utf-8") if results.exists() else ""
            seen.append((done, len(text.splitlines())))

    module.execute(bench.plan(grid), bench.folder, Local(1), Watch())
    assert seen == [(0, 0), (1, 1), (2, 2)]


def test_failed_points_are_tried_again(  # type: ignore[no-untyped-def]
    bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = "grid: {hardware.adc.bits: [3, 6, 8]}\n"
    first = bench.run(grid)
    assert ["holds for bits from 4" in result.error for result in first] == [True, False, False]
    real, ran = simulate, []

    def repaired(loaded, memory, accuracy):  # type: ignore[no-untyped-def]
        ran.append(loaded.overrides)
        return real(load_config(loaded.path, ["hardware.adc.bits=5"]), memory=memory)

    monkeypatch.setattr(module, "simulate", repaired)
    again = bench.run(grid)
    assert ran == [("hardware.adc.bits=3",)]
    assert bench.listener.notes == ["1 stored points failed; they are tried again"]
    assert [result.error for result in again] == ["", "", ""]
    assert len((bench.folder / "results.jsonl").read_text("utf-8").splitlines()) == 3


def test_a_fault_of_ours_fails_its_point_alone(  # type: ignore[no-untyped-def]
    bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = simulate

    def broken(loaded, memory, accuracy):  # type: ignore[no-untyped-def]
        if loaded.config.seed == 1:
            raise ZeroDivisionError("odd\n thing")
        return real(loaded, memory=memory)

    monkeypatch.setattr(module, "simulate", broken)
    found = bench.run("grid: {seed: [0, 1, 2]}\n")
    errors = [result.error for result in found]
    assert errors == ["", "internal error: ZeroDivisionError: odd thing", ""]


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_line_that_was_cut_off_is_run_again_and_gone(  # type: ignore[no-untyped-def]
    bench, counted, cut: int
) -> None:
    grid = "grid: {hardware.adc.bits: [6, 7, 8]}\n"
    first = bench.run(grid)
    file = bench.folder / "results.jsonl"
    lines = file.read_text("utf-8").splitlines()
    file.write_text("\n".join(lines[:2]) + "\n" + lines[2][:cut], encoding="utf-8")
    again = bench.run(grid)
    assert counted[3:] == [("hardware.adc.bits=8",)]
    assert [without_host(r.stats) for r in again] == [without_host(r.stats) for r in first]
    stored = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [record["point"]["hardware.adc.bits"] for record in stored] == [6, 7, 8]


def test_one_sweep_at_a_time(bench) -> None:  # type: ignore[no-untyped-def]
    grid = "grid: {seed: [1]}\n"
    bench.run(grid)
    lock = FileLock(bench.folder / "sweep.json")
    assert lock.acquire()
    with pytest.raises(InputError, match="another sweep is at work"):
        bench.run(grid)
    lock.release()
    bench.run(grid)


def test_folders_of_others_are_refused(bench) -> None:  # type: ignore[no-untyped-def]
    bench.run("grid: {seed: [1]}\n")
    with pytest.raises(InputError, match="results of another sweep"):
        bench.run("grid: {seed: [2]}\n")
    os.remove(bench.folder / "sweep.json")
    with pytest.raises(InputError, match="not a sweep's folder"):
        bench.run("grid: {seed: [1]}\n")


@pytest.mark.parametrize("left", ["", '{"sweep": "s", "fing'])
def test_a_marker_that_was_cut_off_is_written_again(bench, left: str) -> None:  # type: ignore[no-untyped-def]
    bench.folder.mkdir()
    (bench.folder / "sweep.json").write_text(left, "utf-8")
    (bench.folder / ".results.jsonl.partial").write_text("half", "utf-8")
    bench.run("grid: {seed: [1]}\n")
    bench.run("grid: {seed: [1]}\n")
    assert sorted(path.name for path in bench.folder.iterdir()) == ["results.jsonl", "sweep.json"]


def test_points_run_for_their_costs_alone(bench) -> None:  # type: ignore[no-untyped-def]
    grid = "accuracy: false\n" + GRIDS["a map"]
    plan = bench.plan(grid)
    for result in bench.run(grid, 1):
        loaded = load_config(plan.workload, overrides_of(result.point))
        alone = collect(simulate(loaded, accuracy=False))
        assert without_host(result.stats) == without_host({s.name: s.value for s in alone})
        assert "accuracy.analog.mean" not in result.stats


def test_of_two_lines_of_a_point_the_last_counts() -> None:
    lines = [
        PointResult({"seed": seed}, {"energy.inference": value}, error=error).to_json()
        for seed, value, error in ((1, 1.0, ""), (2, 2.0, "cut"), (1, 3.0, ""), (2, 4.0, ""))
    ]
    found = parsed("\n".join(lines))
    assert [(r.point["seed"], r.stats["energy.inference"], r.error) for r in found] == [
        (1, 3.0, ""), (2, 4.0, ""),
    ]  # fmt: skip
