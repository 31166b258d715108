"""Sweep files: what they may say, and what they are told when wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.sweeps.plan import SweepPlan, read_plan


def plan_of(tmp_path: Path, text: str) -> SweepPlan:
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    return read_plan(file)


def test_a_grid_gives_all_combinations_with_common_values_and_seeds(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "workload: scifar\nset: {evaluate.chips: 1}\nseeds: [0, 1]\n"
        "grid: {hardware.adc.bits: [4, 5, 6], hardware.dac.bits: [7, 8]}\n",
    )
    assert len(plan.points) == 3 * 2 * 2
    assert all(point["evaluate.chips"] == 1 for point in plan.points)
    assert {(p["hardware.adc.bits"], p["hardware.dac.bits"], p["seed"]) for p in plan.points} == {
        (a, d, s) for a in (4, 5, 6) for d in (7, 8) for s in (0, 1)
    }
    assert plan.x == "hardware.adc.bits"


def test_a_point_has_its_own_value_where_all_have_another(tmp_path: Path) -> None:
    text = "workload: scifar\nset: {seed: 9, hardware.adc.bits: 8}\nlist:\n- {seed: 1}\n- {}\n"
    assert [dict(point) for point in plan_of(tmp_path, text).points] == [
        {"seed": 1, "hardware.adc.bits": 8}, {"seed": 9, "hardware.adc.bits": 8}
    ]  # fmt: skip


def test_a_list_gives_its_points(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "workload: scifar\nlist:\n- {seed: 1}\n- {seed: 4}\n")
    assert [dict(point) for point in plan.points] == [{"seed": 1}, {"seed": 4}]


def test_the_fingerprint_tells_sweeps_apart(tmp_path: Path) -> None:
    one = plan_of(tmp_path, "workload: scifar\ngrid: {seed: [1, 2]}\n")
    same = plan_of(tmp_path, "workload: scifar\ngrid:\n  seed: [1, 2]\n")
    other = plan_of(tmp_path, "workload: scifar\ngrid: {seed: [1, 3]}\n")
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("worklaod: scifar\ngrid: {seed: [1]}\n", r"s\.yaml:1: unknown key 'worklaod'.*'workload'"),
        ("grid: {seed: [1]}\n", "workload: missing"),
        ("workload: scifar\n", "either 'grid' or 'list'"),
        ("workload: scifar\ngrid: {seed: [1]}\nlist: []\n", "either 'grid' or 'list'"),
        ("workload: scifar\ngrid: {seed: 1}\n", "grid.seed: expected a list"),
        ("workload: scifar\nlist: []\n", "no points"),
        ("workload: scifar\ngrid: {seed: [1]}\nx: sed\n", "'sed' is not swept; did you .*'seed'"),
        ("workload: scifar\nseeds: 3\ngrid: {seed: [1]}\n", "seeds: expected a list"),
        ("workload: [\n", r"s\.yaml:2:1: not valid YAML"),
        ("- a\n", "expected a mapping"),
    ],
)
def test_errors_name_the_place_and_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan_of(tmp_path, text)


def test_costs_alone_are_another_sweep(tmp_path: Path) -> None:
    text = "workload: w.yaml\ngrid: {seed: [1, 2]}\n"
    plans = {}
    for more in ("", "accuracy: true\n", "accuracy: false\n"):
        (tmp_path / "sweep.yaml").write_text(text + more, "utf-8")
        plans[more] = read_plan(tmp_path / "sweep.yaml")
    whole, same, alone = plans.values()
    assert whole.accuracy
    assert same.accuracy
    assert not alone.accuracy
    assert whole.fingerprint == same.fingerprint != alone.fingerprint
    (tmp_path / "sweep.yaml").write_text(text + "accuracy: maybe\n", "utf-8")
    with pytest.raises(InputError, match="accuracy: 'maybe' is neither true nor false"):
        read_plan(tmp_path / "sweep.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_plan(tmp_path / "no.yaml")
