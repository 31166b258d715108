"""What a search shows, on made-up trials."""

from __future__ import annotations

import pytest

from imssa_sim.report.figures.search import search_figure
from imssa_sim.report.search import screen, short_path, trial_rows, value_text
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
