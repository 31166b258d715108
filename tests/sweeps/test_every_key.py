"""Every key of a sweep file acts on its plan, and the folder belongs to what results depend on.

A walk over the keys: a new one fails until it has another value here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.sweeps.plan import KEYS, SweepPlan, read_plan

BASE = {
    "sweep": "s", "description": "d", "workload": "scifar", "set": "{evaluate.chips: 1}",
    "grid": "{hardware.adc.bits: [4, 5], hardware.dac.bits: [7, 8]}", "seeds": "[0, 1]",
    "x": "hardware.adc.bits", "y": "energy.inference",
}  # fmt: skip
OTHER = {
    "sweep": "another", "workload": "sdigits", "set": "{evaluate.chips: 2}",
    "grid": "{hardware.adc.bits: [4, 6], hardware.dac.bits: [7, 8]}",
    "list": "[{hardware.adc.bits: 4}, {hardware.adc.bits: 9}]", "seeds": "[0, 2]",
    "accuracy": "false",
}  # fmt: skip
"""Another value of each key that the results depend on."""
SHOWN = {
    "description": "another", "x": "hardware.dac.bits", "series": "hardware.dac.bits",
    "y": "[energy.inference, area]",
}  # fmt: skip
"""Of those that say how they are shown."""


def plan_with(tmp_path: Path, **changed: str) -> SweepPlan:
    keys = BASE | changed
    if "list" in changed:
        del keys["grid"]
    file = tmp_path / "s.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()), "utf-8")
    return read_plan(file)


def test_every_key_has_another_value() -> None:
    assert {*OTHER, *SHOWN} == set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_acts_and_only_what_results_depend_on_makes_another_sweep(
    tmp_path: Path, key: str
) -> None:
    before, after = plan_with(tmp_path), plan_with(tmp_path, **{key: {**OTHER, **SHOWN}[key]})
    assert after != before
    assert (after.fingerprint != before.fingerprint) == (key in OTHER)


def test_each_value_stands_in_its_place(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, series="hardware.dac.bits", y="[energy.inference, area]")
    assert (plan.name, plan.description, plan.workload) == ("s", "d", "scifar")
    assert (plan.x, plan.series) == ("hardware.adc.bits", "hardware.dac.bits")
    assert plan.axes == ("hardware.dac.bits", "hardware.adc.bits")
    assert (plan.y, plan.accuracy) == (("energy.inference", "area"), True)
    assert plan_with(tmp_path, accuracy="false").accuracy is False
    assert plan.points[:3] == tuple(
        {"evaluate.chips": 1, "hardware.adc.bits": 4, "hardware.dac.bits": d, "seed": s}
        for d, s in ((7, 0), (7, 1), (8, 0))
    )
    three = plan_with(
        tmp_path, grid="{hardware.adc.bits: [4, 5], bits: [6, 7], hardware.dac.bits: [7, 8]}",
        x="bits",
    )  # fmt: skip
    assert three.axes == ("bits", "hardware.adc.bits", "hardware.dac.bits")
