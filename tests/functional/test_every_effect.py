"""Every switch of hardware.effects acts, and acts alone: a network on one chip with and without it.

A new switch fails `test_every_switch_has_a_case` until it has a case here, and a new parameter of
faults or converters `test_every_parameter_has_a_case`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from imssa_sim.config.schema import AdcConfig, DacConfig, EffectsConfig, FaultsConfig
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program

SWITCHES = tuple(EffectsConfig.model_fields)
OFF = dict.fromkeys(SWITCHES, False)
BENT = """\
name: bent
kind: cell
title: a non-linear cell
parameters:
  g_min: {value: 1, unit: uS, status: assumed}
  g_max: {value: 300, unit: uS, status: assumed}
  conduction_form: {value: sinh}
  conduction_scale: {value: 0.1, unit: V, status: assumed}
"""


class Case(NamedTuple):
    """Where a switch shows: a cell that has the effect, settings, and switches that it needs."""

    cell: str
    chip: Mapping[str, Any] = MappingProxyType({})
    besides: tuple[str, ...] = ()


CASES = {
    "programming_error": Case("cells/taox_imssa"),
    "write_verify": Case("cells/hfox_neurram"),
    "relaxation": Case("cells/hfox_neurram"),
    "read_noise": Case("cells/taox_imssa"),
    "read_duration": Case("cells/pcm_joshi_2020", besides=("read_noise",)),
    "drift": Case("cells/pcm_joshi_2020"),
    "drift_compensation": Case("cells/pcm_joshi_2020", besides=("drift",)),
    "faults": Case("cells/taox_imssa", {"faults": {"stuck_on": 0.02}}),
    "level_grid": Case("cells/taox_imssa"),
    "ir_drop": Case("cells/taox_imssa"),
    # Cells of large resistance, and a short read at a low voltage.
    "thermal_noise": Case(
        "cells/pcm_joshi_2020",
        {"tile": {"read_voltage": 0.001, "read_time": 1e-11}, "dac": {"encoding": "amplitude"}},
    ),
    "shot_noise": Case(
        "cells/pcm_joshi_2020",
        {"tile": {"read_voltage": 0.001, "read_time": 1e-11}, "dac": {"encoding": "amplitude"}},
    ),
    "converter_errors": Case("cells/ideal", {"adc": {"noise": 1.0}, "dac": {"inl": 0.0}}),
    "nonlinearity": Case("bent", {"dac": {"encoding": "amplitude"}}),
}


@pytest.fixture(scope="module")
def bent(tmp_path_factory):
    path = tmp_path_factory.mktemp("cards") / "bent.yaml"
    path.write_text(BENT, encoding="utf-8")
    return str(path)


def evaluated(random_networks, bent, case, *on, **changes):
    """Logits of a network with everything analog on one chip, and what integers give."""
    net = random_networks.network(5, layers=2)
    sections = {name: dict(section) for name, section in case.chip.items()}
    sections["tile"] = {"cell": bent if case.cell == "bent" else case.cell} | sections.get(
        "tile", {}
    )
    sections["mapping"] = {"encoder": "analog", "decoder": "analog"}
    sections["effects"] = OFF | dict.fromkeys(on, True)
    for name, section in changes.items():
        sections[name] = sections.get(name, {}) | section
    chip = random_networks.hardware(ideal=False, **sections)
    program = build_program(net, chip)
    x = np.random.default_rng(3).normal(size=(6, net.sequence_length, net.encoder.weight.shape[1]))
    sums = calibrate_adc(program, chip, x)
    found = AnalogNetwork(program, chip, seed=1, chip=2, time=3600.0, calibration=sums).run(x)
    return found.logits, run_digital(net, x).logits


def test_every_switch_has_a_case():
    assert set(CASES) == set(SWITCHES)


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_acts_alone(random_networks, bent, name):
    case = CASES[name]
    without, _ = evaluated(random_networks, bent, case, *case.besides)
    acting, _ = evaluated(random_networks, bent, case, *case.besides, name)
    assert not np.array_equal(without, acting)


@pytest.mark.parametrize("name", SWITCHES)
def test_with_all_switches_off_nothing_of_the_card_is_left(random_networks, bent, name):
    """The same settings and card, all switches off: the logits of an ideal cell, bit for bit."""
    case = CASES[name]
    found, _ = evaluated(random_networks, bent, case)
    ideal = case._replace(cell="cells/ideal")
    expected, _ = evaluated(random_networks, bent, ideal)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cell", ["cells/taox_imssa", "cells/pcm_joshi_2020", "cells/hfox_neurram"])
def test_off_and_finely_converted_is_the_integer_network(random_networks, bent, cell):
    """Not through hardware.ideal: the effects path itself, with converters that lose nothing."""
    case = Case(cell)
    found, integers = evaluated(random_networks, bent, case, adc={"bits": 16}, mapping={
        "linear": "digital", "encoder": "digital", "decoder": "digital"})  # fmt: skip
    np.testing.assert_array_equal(found, integers)


class Parameter(NamedTuple):
    """A number behind a switch: its value, and what else must be set for it to show."""

    switch: str
    value: float
    besides: Mapping[str, float] = MappingProxyType({})


STUCK = MappingProxyType({"stuck_on": 0.05})
PARAMETERS = {
    "faults.stuck_on": Parameter("faults", 0.05),
    "faults.stuck_off": Parameter("faults", 0.3),
    "faults.clustering": Parameter("faults", 0.6, STUCK),
    "faults.cluster_size": Parameter("faults", 3, {**STUCK, "clustering": 0.6}),
    "faults.dead_rows": Parameter("faults", 0.2),
    "faults.dead_columns": Parameter("faults", 0.2),
    "faults.dead_converters": Parameter("faults", 0.4),
    "adc.noise": Parameter("converter_errors", 1.0),
    "adc.enob": Parameter("converter_errors", 5.0),
    "adc.gain_spread": Parameter("converter_errors", 0.05),
    "adc.offset_spread": Parameter("converter_errors", 2.0),
    "adc.mismatch": Parameter("converter_errors", 0.1),
    "dac.inl": Parameter("converter_errors", 2.0),
    "dac.dnl": Parameter("converter_errors", 1.0),
}
NO_ERRORS = {
    "adc": {"card", "bits", "per_tile", "rate", "range", "percentile", "scope"}
    | {"calibrate", "calibration_reads", "behaviours", "each_pulse", "ways"},
    "dac": {"card", "bits", "encoding", "lsb_time", "phases"},
    "faults": set(),
}
"""What the converters are, remedies, and names of other packages: none departs by itself."""


def test_every_parameter_has_a_case():
    sections = {"adc": AdcConfig, "dac": DacConfig, "faults": FaultsConfig}
    for name, section in sections.items():
        covered = {key.split(".")[1] for key in PARAMETERS if key.startswith(f"{name}.")}
        assert covered | NO_ERRORS[name] == set(section.model_fields)


@pytest.mark.parametrize("name", PARAMETERS)
def test_each_parameter_acts_through_its_switch_alone(random_networks, bent, name):
    parameter = PARAMETERS[name]
    section, key = name.split(".")
    case = Case("cells/taox_imssa" if section == "faults" else "cells/ideal")
    set_so = {section: {**parameter.besides, key: parameter.value}}
    without, _ = evaluated(
        random_networks, bent, case, parameter.switch, **{section: dict(parameter.besides)}
    )
    acting, _ = evaluated(random_networks, bent, case, parameter.switch, **set_so)
    assert not np.array_equal(without, acting)
    off, _ = evaluated(random_networks, bent, case, **set_so)
    none, _ = evaluated(random_networks, bent, Case("cells/ideal"))
    np.testing.assert_array_equal(off, none)
