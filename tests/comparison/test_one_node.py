"""Digital parts at another node: scaled as Stillmaker and Baas do, and nothing else."""

from __future__ import annotations

import pytest

from imssa_sim.cards import load_card
from imssa_sim.comparison.one_node import LogicNode, at_node
from imssa_sim.components.registry import scales
from imssa_sim.components.scaling import Scaling
from imssa_sim.config import load_config
from imssa_sim.errors import ValidityError
from imssa_sim.simulation.run import simulate


@pytest.fixture(scope="module")
def result():
    return simulate(load_config("sdigits", ("hardware.base=chips/hermes_64",)), accuracy=False)


def test_the_own_node_changes_nothing(result) -> None:
    chip = result.loaded.config.hardware.chip
    same = at_node(result.ledger, chip, LogicNode(chip.technology, chip.supply))
    assert same.energy == pytest.approx(result.ledger.energy, rel=1e-12)
    assert same.area == pytest.approx(result.ledger.area, rel=1e-12)
    assert 0 < same.digital_energy < 1
    assert 0 < same.digital_area < 1


def test_it_equals_a_run_whose_digital_parts_are_there(result) -> None:
    """Node and supply of a run scale digital parts alike; its lines differ and are left out."""
    moved = simulate(
        load_config(
            "sdigits",
            ("hardware.base=chips/hermes_64", "hardware.chip.technology=32 nm",
             "hardware.chip.supply=0.9 V"),
        ),
        accuracy=False,
    )  # fmt: skip
    digital = {r.kind for r in result.ledger.rows if scales(r.kind)}
    assert {"requantiser", "multiplier", "norm", "accumulator", "register"} <= digital
    assert not digital & {"adc", "dac", "array", "driver", "memory", "buffer", "lut", "control"}

    def spent(ledger) -> float:
        return sum(r.energy for r in ledger.rows if scales(r.kind) and r.account != "programming")

    chip = result.loaded.config.hardware.chip
    scaled = at_node(result.ledger, chip, LogicNode(32e-9, 0.9))
    rest = result.ledger.energy - spent(result.ledger)
    assert scaled.energy - rest == pytest.approx(spent(moved.ledger), rel=1e-9)
    assert scaled.area == pytest.approx(
        sum(a.area for a in moved.ledger.areas if scales(a.kind))
        + sum(a.area for a in result.ledger.areas if not scales(a.kind)),
        rel=1e-9,
    )


def test_energy_follows_the_ratio_where_nothing_leaks(result) -> None:
    chip = result.loaded.config.hardware.chip
    ratio = Scaling(load_card(chip.scaling)).energy(chip.technology, chip.supply, 65e-9, 1.0)
    leakage = Scaling(load_card(chip.scaling)).leakage(chip.technology, 65e-9)
    own = [r for r in result.ledger.rows if scales(r.kind) and r.account != "programming"]
    leaking = sum(r.energy for r in own if r.account == "leakage")
    moving = sum(r.energy for r in own if r.account != "leakage")
    expected = result.ledger.energy + moving * (ratio - 1) + leaking * (leakage - 1)
    assert at_node(result.ledger, chip, LogicNode(65e-9, 1.0)).energy == pytest.approx(expected)


def test_a_node_without_factors_is_refused(result) -> None:
    with pytest.raises(ValidityError, match="node"):
        at_node(result.ledger, result.loaded.config.hardware.chip, LogicNode(3e-9, 0.7))
