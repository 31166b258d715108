"""Every argument of a crossbar changes what it is called after; views of it count together."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import imssa_sim

RANDOM = np.random.default_rng(3)
WEIGHTS = RANDOM.uniform(-1, 1, (5, 6))
INPUTS = RANDOM.uniform(-1, 1, (6, 4))

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    # base, change, what moves at least
    "cell": ({}, {"cell": "cells/sonos_40nm", "set": {"chip.tile.read_voltage": "0.1 V"}},
             {"conductance", "product", "array energy"}),
    "adc": ({}, {"adc": "adc/isaac_saberi"}, {"adc energy", "area"}),
    "dac": ({}, {"dac": "dac/neurram_pulse", "dac_bits": 4}, {"dac energy", "area"}),
    "adc_bits": ({}, {"adc_bits": 5}, {"product", "adc energy", "area"}),
    "dac_bits": ({}, {"dac_bits": 5}, {"product", "time"}),
    "weight_bits": ({}, {"weight_bits": 4}, {"product", "conductance"}),
    "adc_range": ({}, {"adc_range": 0.4}, {"product"}),
    "adc_levels": ({}, {"adc_levels": "mid_rise"}, {"product"}),
    "input_range": ({}, {"input_range": 2.0}, {"product", "array energy"}),
    "scheme": ({}, {"scheme": "one_sided"}, {"conductance", "product"}),
    "subtraction": ({"scheme": "offset"}, {"subtraction": "digital"}, {"product"}),
    "conductance_range": ({}, {"conductance_range": (1e-6, 1e-4)}, {"conductance", "product"}),
    "error": ({}, {"error": np.full((6, 10), 3e-6) * np.arange(10)}, {"conductance", "product"}),
    "ideal": ({}, {"ideal": True}, {"product"}),
    "set": ({}, {"set": {"effects.read_noise": False}}, {"product"}),
    "time": ({"cell": "cells/pcm_joshi_2020"}, {"time": 1e6}, {"conductance", "product"}),
    "seed": ({}, {"seed": 5}, {"conductance", "product"}),
    "chip": ({}, {"chip": 2}, {"conductance", "product"}),
}  # fmt: skip


def measured(**given: Any) -> dict[str, Any]:
    crossbar = imssa_sim.Crossbar(WEIGHTS, **given)
    product = crossbar @ INPUTS
    kinds = {f"{kind} energy": joules for kind, joules in crossbar.energy_by_kind.items()}
    return {
        "product": product.tolist(), "conductance": crossbar.conductance.tolist(),
        "area": crossbar.area, "leakage": crossbar.leakage, "time": crossbar.time,
        "energy": crossbar.energy, **kinds,
    }  # fmt: skip


def test_every_argument_is_walked() -> None:
    assert set(inspect.signature(imssa_sim.Crossbar).parameters) == {"weights", *CHANGES}


@pytest.mark.parametrize("name", CHANGES)
def test_an_argument_moves_what_it_is_called_after(name: str) -> None:
    base, change, least = CHANGES[name]
    before, again, after = measured(**base), measured(**base), measured(**(base | change))
    assert before == again
    moved = {part for part in before if before[part] != after.get(part)}
    assert least <= moved, moved
    exact = WEIGHTS @ INPUTS
    if name not in ("adc_range", "error", "time"):
        assert np.abs(np.array(after["product"]) - exact).max() < 0.6


def test_views_count_together_and_another_time_counts_alone() -> None:
    crossbar = imssa_sim.Crossbar(WEIGHTS)
    _ = crossbar @ INPUTS
    one = crossbar.time, crossbar.energy, crossbar.reads
    assert one[2] == 4
    _ = crossbar[:2] @ INPUTS
    _ = crossbar.T @ np.ones(5)
    assert crossbar.reads == crossbar.T.reads == crossbar[1:].reads == 4 + 4 + 1
    assert crossbar.time > one[0]
    later = crossbar.later(60.0)
    assert (later.reads, later.time, later.energy) == (0, 0, 0)
    _ = later @ INPUTS
    assert later.reads == 4
    assert later.time == pytest.approx(one[0])
    assert crossbar.reads == 9


def test_time_and_energy_are_those_of_so_many_reads() -> None:
    many, few = imssa_sim.Crossbar(WEIGHTS), imssa_sim.Crossbar(WEIGHTS)
    _ = few @ INPUTS[:, 0]
    single = dict(few.energy_by_kind), few.time
    _ = many @ np.repeat(INPUTS[:, :1], 3, axis=1)
    assert many.time == pytest.approx(3 * single[1])
    for kind, joules in many.energy_by_kind.items():
        assert joules == pytest.approx(3 * single[0][kind]), kind
    assert many.energy == pytest.approx(sum(many.energy_by_kind.values()))
    assert many.energy_by_kind["leakage"] == pytest.approx(many.leakage * many.time)
