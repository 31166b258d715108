"""What a configuration makes of circuits, names of other packages among them."""

import numpy as np
import pytest
from pydantic import ValidationError

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.adc.mismatch import CapacitorMismatch
from imssa_sim.circuits.adc.noise import ConverterNoise
from imssa_sim.circuits.adc.spread import Spread
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.config.schema import HardwareConfig
from imssa_sim.functional.configured import cell_array, converter_bank, periphery

MODULE = """\
from dataclasses import replace
from imssa_sim.circuits.adc.behaviour import AdcBehaviour
class Halved(AdcBehaviour):
    def applied(self, converters, made):
        return replace(converters, scale=converters.scale / 2)
"""


def chip(*, ideal=False, adc=None, effects=None, mapping=None):
    return HardwareConfig.model_validate(
        {
            "ideal": ideal,
            "chip": {"tile": {"cell": "cells/taox_imssa"}},
            "adc": {"card": "adc/survey_andrulis_2024", **(adc or {})},
            "effects": effects or {},
            "mapping": mapping or {},
        }
    )


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A package that adds a behaviour of converters."""
    info = tmp_path / "halving-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: halving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[imssa_sim.adc_behaviour]\nhalved = halving_adc:Halved\n"
    )
    (tmp_path / "halving_adc.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_an_ideal_chip_has_no_departures():
    hardware = chip(ideal=True, adc={"noise": 0.3})
    assert periphery(hardware) is None
    array = cell_array(hardware)
    assert array.faults is None
    assert not any((array.programming_error, array.drift, array.read_noise))
    assert not array.checked


def test_only_stated_errors_of_converters_are_there():
    assert converter_bank(chip()).behaviours == ()
    stated = {"noise": 0.3, "gain_spread": 0.01, "mismatch": 0.02}
    found = converter_bank(chip(adc=stated)).behaviours
    assert found == (Spread(0.01, 0.0), ConverterNoise(0.3, None), CapacitorMismatch(0.02))
    assert converter_bank(chip(adc=stated, effects={"converter_errors": False})).behaviours == ()


def test_a_behaviour_of_another_package_acts_behind_those_stated(plugin):
    bank = converter_bank(chip(adc={"behaviours": ["halved"], "gain_spread": 0.01}))
    plain = converter_bank(chip(adc={"gain_spread": 0.01}))
    nominal = Converters(np.ones((1, 4)), np.zeros((1, 4)), -128, 127)
    at = np.array([4]), Coordinates(0, 0, 0)
    np.testing.assert_array_equal(bank.made(nominal, *at).scale * 2, plain.made(nominal, *at).scale)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"adc": {"behaviours": ["halve"]}}, "'halve' is not one of halved"),
        ({"mapping": {"kernel": "fused_delay"}}, "'fused_delay' is not one of fused_lookahead"),
        ({"mapping": {"kernel": 3}}, "3 is not one of fused_lookahead"),
    ],
)
def test_unknown_names_are_refused(plugin, part, message):
    with pytest.raises(ValidationError, match=message):
        chip(**part)
