"""Small programs on a chip with the shipped cards."""

from dataclasses import dataclass

import pytest

from imssa_sim.costs.model import CostModel
from imssa_sim.mapping.build import build_program
from imssa_sim.timing.simulate import simulate_timing

CARDS = {
    "adc": {"card": "adc/survey_andrulis_2024", "per_tile": 4},
    "dac": {"card": "dac/pwm_40nm"},
    "digital": {"card": "digital/cmos_40nm", "vector_lanes": 8},
    "memory": {"card": "memory/sram_32nm_puma"},
    "bus": {"card": "bus/isaac_32nm", "width": 64},
}


@dataclass(frozen=True)
class Case:
    program: object
    hardware: object
    timing: object
    costs: object


@pytest.fixture(scope="session")
def make(random_networks):
    """Build a program with its hardware, timing and costs; keywords are hardware sections."""

    def build(form="lookahead", network=None, draws=None, **changes):
        sections = {name: CARDS[name] | changes.pop(name, {}) for name in CARDS}
        tile = {"rows": 16, "columns": 32, "cell": "cells/taox_imssa"} | changes.pop("tile", {})
        hardware = random_networks.hardware(ideal=False, tile=tile, **sections, **changes)
        net = random_networks.network(3, form=form, **(network or {}))
        program = build_program(net, hardware)
        timing = simulate_timing(program, hardware)
        return Case(program, hardware, timing, CostModel(program, hardware, draws))

    return build


@pytest.fixture(scope="session")
def case(make):
    return make()
