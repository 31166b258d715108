"""Objectives and constraints."""

from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.searches.goals import ACCURACY, read_constraints, read_objectives

FILE = Path("s.yaml")
KNOWN = {
    ACCURACY: "1", "energy.inference": "J", "power.average": "W", "area": "m2",
    "tops_per_watt.useful": "TOPS/W", "time.end_to_end": "s", "tiles.needed": "",
}  # fmt: skip


def test_names_and_statistics() -> None:
    names = ["accuracy", "energy", "tops_per_watt.useful", {"area": "max"}]
    found = read_objectives(names, KNOWN, FILE)
    assert [o.stat for o in found] == [ACCURACY, "energy.inference", "tops_per_watt.useful", "area"]
    assert [o.maximise for o in found] == [True, False, True, True]
    assert found[0].signed(0.9) == -0.9


@pytest.mark.parametrize(
    ("text", "stat", "bound"),
    [
        ("power.average <= 1 mW", "power.average", 1e-3),
        ("area<=2 mm2", "area", 2e-6),
        ("area ≤ 2 mm²", "area", 2e-6),
        ("accuracy >= 95 %", ACCURACY, 0.95),
        ("accuracy >= 0.95", ACCURACY, 0.95),
        ("tops_per_watt.useful >= 2 TOPS/W", "tops_per_watt.useful", 2.0),
        ("tiles.needed <= 18", "tiles.needed", 18.0),
    ],
)
def test_bounds_are_in_si(text: str, stat: str, bound: float) -> None:
    (found,) = read_constraints([text], KNOWN, FILE)
    assert (found.stat, found.bound) == (stat, pytest.approx(bound))
    assert found.excess(bound) == pytest.approx(0.0)
    assert found.excess(2 * bound) * found.excess(0.5 * bound) < 0
    # A share of the bound, so that one of metres squared weighs as one of watts.
    worse = 1.5 if found.most else 0.5
    assert found.excess(worse * bound) == pytest.approx(0.5)
    assert found.excess((2 - worse) * bound) == pytest.approx(-0.5)


def test_a_bound_of_zero_is_exceeded_by_the_value_itself() -> None:
    (found,) = read_constraints(["tiles.needed <= 0"], KNOWN, FILE)
    assert found.excess(3.0) == 3.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area <= 2 mW", "the statistic is in m2"),
        ("area <= 2", "needs its unit"),
        ("area < 2 mm2", "not of the form"),
        ("area <= many", "not a number"),
        ("aera <= 2 mm2", "did you mean 'area'"),
        ("accuracy <= 0.9", "bounded from below"),
        ("accuracy.float >= 0.9", "known of whole runs alone"),
        ("programming <= 1 nJ", "has no value here"),
    ],
)
def test_what_cannot_be_a_constraint(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_constraints([text], KNOWN, FILE)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (["energie"], "did you mean 'energy'"),
        ([], "expected a list"),
        ("energy", "expected a list"),
        (["energy", "energy.inference"], "twice"),
        ([{"energy": "best"}], "neither min nor max"),
        ([{"accuracy": "min"}], "an accuracy is maximised"),
    ],
)
def test_what_cannot_be_objectives(document: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_objectives(document, KNOWN, FILE)
