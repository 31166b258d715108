"""Knobs: choices, ranges, order, and what cannot be one."""

from pathlib import Path

import pytest

from imssa_sim.errors import InputError
from imssa_sim.searches.knobs import read_knobs

FILE = Path("s.yaml")
BITS = "hardware.adc.bits"


def test_a_range_has_both_ends() -> None:
    (knob,) = read_knobs({BITS: {"from": 4, "to": 8, "step": 2}}, FILE)
    assert [choice[BITS] for choice in knob.choices] == [4, 6, 8]
    assert knob.ordered


def test_steps_of_a_tenth_are_exact() -> None:
    path = "hardware.chip.tile.read_voltage"
    (knob,) = read_knobs({path: {"from": 0.1, "to": 0.3, "step": 0.1}}, FILE)
    assert [choice[path] for choice in knob.choices] == [0.1, 0.2, 0.3]


def test_quantities_are_ordered_by_size() -> None:
    (knob,) = read_knobs({"hardware.adc.rate": ["1 GHz", "100 MHz", "640 MHz"]}, FILE)
    assert [knob.label(k) for k in range(3)] == ["100 MHz", "640 MHz", "1 GHz"]
    assert knob.ordered


def test_names_have_no_order() -> None:
    (knob,) = read_knobs({"hardware.adc.card": ["adc/b", "adc/a"]}, FILE)
    assert not knob.ordered
    assert knob.label(0) == "adc/b"


def test_a_choice_may_set_several_paths() -> None:
    tiles = [
        {"hardware.chip.tile.rows": n, "hardware.chip.tile.columns": 2 * n} for n in (34, 68)
    ]  # fmt: skip
    (knob,) = read_knobs({"tile": tiles}, FILE)
    assert knob.choices == tuple(tiles)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"hardware.adc.bit": [4]}, "did you mean 'hardware.adc.bits'"),
        ({"adc.bits": [4]}, "did you mean 'hardware.adc.bits'"),
        ({BITS: {"from": 8, "to": 4}}, "the range is empty: from 8 to 4"),
        ({BITS: {"from": 4, "to": 8, "step": 0}}, "not positive"),
        ({BITS: {"from": 4, "until": 8}}, "a range is"),
        ({BITS: {"from": "a", "to": 8}}, "are numbers"),
        ({BITS: {"from": 0, "to": 1e9}}, "at most"),
        ({BITS: []}, "expected choices"),
        ({BITS: [4, 4]}, "stands there twice"),
        ({BITS: [4], "both": [{BITS: 5}]}, "both set hardware.adc.bits"),
        ({"both": [{BITS: 5}, {"seed": 1}]}, "must set the same"),
        ({}, "expected a mapping"),
    ],
)
def test_what_cannot_be_a_knob(document: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=message):
        read_knobs(document, FILE)
