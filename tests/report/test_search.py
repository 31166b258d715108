"""What a search shows, on made-up trials."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest

from imssa_sim.config import load_config
from imssa_sim.report.figures.search import search_figure
from imssa_sim.report.search import screen, short_path, trial_rows, value_text, write_search
from imssa_sim.searches.front import front_of, knee_of, volumes
from imssa_sim.searches.goals import ACCURACY, Constraint, Objective
from imssa_sim.searches.knobs import Knob
from imssa_sim.searches.plan import SearchPlan
from imssa_sim.searches.run import Found
from imssa_sim.searches.trial import WHOLE, Evaluation

BITS, RATE = "hardware.adc.bits", "hardware.adc.rate"


def made(points: list[tuple[float, float]], bound: float = 1.0) -> Found:
    knobs = (
        Knob(BITS, tuple({BITS: n} for n in range(len(points))), ordered=True),
        Knob(RATE, ({RATE: "100 MHz"},), ordered=True),
    )
    plan = SearchPlan(
        "made", "", "sdigits", {}, knobs,
        (Objective("accuracy", ACCURACY, True), Objective("energy", "energy.inference", False)),
        (Constraint("energy <= x", "energy.inference", True, bound),),
        9, "random", 0, "journal", (), {ACCURACY: "1", "energy.inference": "J"},
    )  # fmt: skip
    records = {
        n: Evaluation(
            {BITS: n, RATE: "100 MHz"}, WHOLE, {}, {ACCURACY: a, "energy.inference": e},
            (a, a - 0.02, a + 0.02), ((e - bound) / bound,), 3,
        )
        for n, (a, e) in enumerate(points)
    }  # fmt: skip
    front = front_of(plan, records)
    return Found(plan, records, front, knee_of(plan, front), volumes(plan, records), {})


POINTS = [(0.5, 1e-7), (0.9, 2e-7), (0.95, 5e-7), (0.8, 4e-7), (0.99, 9e-7)]


def test_front_knee_and_volume() -> None:
    found = made(POINTS)
    assert [member.trial for member in found.front] == [4, 2, 1, 0]
    assert found.knee is not None
    assert found.knee.trial == 1
    assert list(found.volumes) == sorted(found.volumes)
    # By hand: the box is 0.49 of accuracy by 8e-7 J, the steps 0.4, 0.05 of it above 0.5.
    area = 0.40 * 7e-7 + 0.05 * 4e-7 + 0.0
    assert found.volumes[-1] == pytest.approx(area / (0.49 * 8e-7))


def test_of_equal_trials_the_first_is_on_the_front() -> None:
    found = made([(0.9, 2e-7), (0.9, 2e-7), (0.5, 1e-7), (0.5, 1e-7)])
    assert [member.trial for member in found.front] == [0, 2]


def test_what_breaks_a_constraint_is_not_on_the_front() -> None:
    found = made(POINTS, bound=6e-7)
    assert [member.trial for member in found.front] == [2, 1, 0]


@pytest.mark.parametrize("bound", [1.0, 1e-9])
def test_the_screen_fits(bound: float) -> None:
    text = screen(made(POINTS, bound))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert ("knee" in text) is (bound == 1.0)
    assert ("no front" in text) is (bound != 1.0)


def test_rows_and_figure() -> None:
    found = made(POINTS)
    rows = trial_rows(found)
    assert [row["front"] for row in rows] == [True, True, True, False, True]
    assert rows[1][BITS] == 1
    figure = search_figure(found)
    assert figure.axes[0].get_ylabel() == "accuracy [%]"
    assert short_path(found.plan, BITS) == "adc.bits"


def test_values_for_people() -> None:
    assert value_text(0.985, "1", ACCURACY) == "98.5%"
    assert value_text(2e-6, "m2", "area") == "2 mm²"
    assert value_text(4.2e-7, "J") == "420 nJ"
    assert value_text(2.5, "TOPS/W") == "2.5 TOPS/W"


def searched() -> Found:
    """A search with trials that ended early, broke a constraint, or failed."""
    found = made(POINTS, bound=6e-7)
    records = dict(found.records) | {
        5: Evaluation({BITS: 1, RATE: "100 MHz"}, "worse than others", {"energy.inference": 8e-8},
                      {}, (0.41, 0.33, 0.52), (-0.5,), 1),
        6: Evaluation({BITS: 2, RATE: "100 MHz"}, "breaks energy <= x", {"energy.inference": 7e-7}),
        7: Evaluation({BITS: 3, RATE: "100 MHz"}, "breaks energy <= x", {"energy.inference": 7e-7}),
        8: Evaluation({BITS: 0, RATE: "100 MHz"}, "failed", error="it broke"),
    }  # fmt: skip
    front = front_of(found.plan, records)
    shares = {ACCURACY: {BITS: 0.75, RATE: 0.25}, "energy.inference": {BITS: 0.5, RATE: 0.125}}
    return Found(
        found.plan, records, front, knee_of(found.plan, front), volumes(found.plan, records), shares
    )


def test_every_column_of_every_trial() -> None:
    found = searched()
    nan = math.nan
    rows = trial_rows(found)
    assert [list(row) for row in rows] == [
        ["trial", "front", "end", ACCURACY, "energy.inference", f"{ACCURACY}.low",
         f"{ACCURACY}.high", "evaluations", "hypervolume", BITS, RATE, "error"],
    ] * 9  # fmt: skip
    for n, (row, (a, e)) in enumerate(zip(rows, POINTS, strict=False)):
        assert list(row.values()) == [
            n, n in (0, 1, 2), WHOLE, a, e, a - 0.02, a + 0.02, 3,
            pytest.approx(found.volumes[n]), n, "100 MHz", "",
        ]  # fmt: skip
    early, broken, _, failed = (list(row.values()) for row in rows[5:])
    assert early[:8] == [5, False, "worse than others", 0.41, 8e-8, 0.33, 0.52, 1]
    assert broken[:5] == [6, False, "breaks energy <= x", pytest.approx(nan, nan_ok=True), 7e-7]
    assert all(math.isnan(failed[n]) for n in (3, 4, 5, 6))
    assert (failed[2], failed[7], failed[-1]) == ("failed", 0, "it broke")


def test_every_line_of_the_screen() -> None:
    lines = [" ".join(line.split()) for line in screen(searched()).splitlines()]
    assert lines[1:4] == [
        "search made", "9 trials of 5 points (random, seed 0), 5 evaluated whole",
        "2 breaks energy <= x, 1 worse than others, 1 failed",
    ]  # fmt: skip
    assert lines[4] == "1 × it broke"
    assert lines[6:14] == [
        "trial accuracy energy",
        "2 95.0% 500 nJ", "adc.bits 2, adc.rate 100 MHz",
        "1 90.0% 200 nJ knee", "adc.bits 1, adc.rate 100 MHz",
        "0 50.0% 100 nJ", "adc.bits 0, adc.rate 100 MHz",
        "accuracies ± 2.0 points at most (95 %, z = 1.96)",
    ]  # fmt: skip
    assert lines[-3:] == [
        "share of the variance (fANOVA) accuracy energy", f"{BITS} 75% 50%", f"{RATE} 25% 12%",
    ]  # fmt: skip
    none = screen(made(POINTS, bound=1e-9))
    assert "no trial holds all constraints: no front" in none
    assert "; most often a trial" not in none
    assert "interrupted" not in none
    stopped = screen(replace(searched(), interrupted=True, front=(), knee=None))
    assert "5 evaluated whole; interrupted" in stopped
    assert "no front; most often a trial breaks energy <= x" in stopped
    many = [(0.5 + n / 100, (1 + n) * 1e-7) for n in range(23)]
    assert "3 more points of the front are in front.csv" in screen(made(many))


def test_files_hold_the_rows(tmp_path: Path) -> None:
    found = made([(0.5, 1e-7), (0.4, 2e-7)])
    choices = [{BITS: 6}, {BITS: 7}]
    records = {
        n: replace(record, settings=choices[n] | {RATE: "100 MHz"})
        for n, record in found.records.items()
    }
    found = replace(found, records=records, front=front_of(found.plan, records))
    (tmp_path / "front").mkdir()
    (tmp_path / "front" / "0007.yaml").write_text("old", "utf-8")
    write_search(found, tmp_path)
    for name, numbers in (("trials", ["0", "1"]), ("front", ["0"])):
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["trial"] for row in rows] == numbers
        assert [row[BITS] for row in rows] == ["6", "7"][: len(numbers)]
    assert (tmp_path / "search.txt").read_text("utf-8") == screen(found) + "\n"
    (workload,) = (tmp_path / "front").iterdir()
    assert workload.name == "0000.yaml"
    assert load_config(str(workload)).config.hardware.adc.bits == 6


def test_the_end_of_a_path_tells_knobs_apart() -> None:
    alike = [Knob(p, ({p: 1},), True) for p in ("a.b.c", "x.b.c", "a.c", "d")]
    plan = replace(made(POINTS).plan, knobs=tuple(alike))
    assert [short_path(plan, knob.name) for knob in alike] == ["a.b.c", "x.b.c", "a.c", "d"]
