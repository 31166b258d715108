"""Each effect of drivers, sense nodes and converters acts alone, and only when switched on."""

import numpy as np
import pytest

from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.array import program_tiles
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.periphery import read_circuit
from imssa_sim.functional.configured import cell_array, periphery

LIMIT = 127
CARD = """\
name: bent
kind: cell
title: a non-linear cell
parameters:
  g_min: {value: 1, unit: uS, status: assumed}
  g_max: {value: 300, unit: uS, status: assumed}
  conduction_form: {value: sinh}
  conduction_scale: {value: 0.1, unit: V, status: assumed}
"""


def around(chip):
    weights = np.full((2, 5, 4), 100)
    used = np.full(2, 5), np.full(2, 4)
    tiles = program_tiles(
        weights, *used, cell_array(chip), seed=0, chip=0, site=0, time_since_programming=0.0
    )
    nominal = Converters(np.ones((2, 4)), np.full((2, 4), 0.5), -128, 127)
    return read_circuit(
        tiles, periphery(chip), nominal, rows_used=used[0], columns_used=used[1], limit=LIMIT,
        where=Coordinates(0, 0, 0),
    )  # fmt: skip


def nominal(found):
    return (
        found.dac_levels is None
        and found.adc_table is None
        and (found.adc_low, found.adc_high) == (-128, 127)
        and np.all(found.adc_scale == 1)
        and np.all(found.adc_offset == 0.5)
        and not np.any(found.constant_variance)
    )


@pytest.fixture
def bent(tmp_path):
    path = tmp_path / "bent.yaml"
    path.write_text(CARD, encoding="utf-8")
    return str(path)


ADC = {"gain_spread": 0.01, "offset_spread": 0.3, "noise": 0.2, "mismatch": 0.01, "enob": 7.0}


def test_all_off_is_nominal(hardware, bent):
    parts = {"adc": ADC, "dac": {"inl": 0.5, "encoding": "amplitude"}}
    switches = {"thermal_noise": True, "converter_errors": True, "nonlinearity": True}
    assert nominal(around(hardware(bent, **parts)))
    assert nominal(around(hardware(bent, ideal=True, **parts, **switches)))
    assert not nominal(around(hardware(bent, **parts, **switches)))


@pytest.mark.parametrize("name", sorted(ADC))
def test_each_converter_error_alone(hardware, name):
    chip = hardware(adc={name: ADC[name]}, converter_errors=True)
    found = around(chip)
    changed = {
        "gain_spread": not np.all(found.adc_scale == 1),
        "offset_spread": not np.all(found.adc_offset == 0.5),
        "noise": bool(np.any(found.constant_variance)),
        "enob": bool(np.any(found.constant_variance)),
        "mismatch": found.adc_table is not None,
    }
    assert changed[name]
    others = {"noise": {"enob"}, "enob": {"noise"}, "gain_spread": {"offset_spread"}}
    others["mismatch"] = {"gain_spread", "offset_spread"}  # the inner code is finer
    for other in set(ADC) - {name} - others.get(name, set()):
        assert not changed[other]


def test_dead_converters_belong_to_the_faults(hardware):
    dead = {"dead_converters": 1.0}
    assert np.all(around(hardware(faulty=dead, faults=True)).adc_scale == 0)
    assert nominal(around(hardware(faulty=dead)))


def test_thermal_noise_alone(hardware):
    found = around(hardware(thermal_noise=True))
    assert np.all(found.constant_variance > 0)
    warm = hardware(thermal_noise=True)
    hot = warm.model_copy(update={"chip": warm.chip.model_copy(update={"temperature": 350.0})})
    ratio = around(hot).constant_variance / found.constant_variance
    np.testing.assert_allclose(ratio, 350 / 300)


@pytest.mark.parametrize(("bits", "top"), [(4, 7), (6, 31), (8, 127), (12, 127)])
def test_noise_is_that_of_the_pulses_that_the_driver_emits(hardware, bits, top):
    """Thermal noise grows with the read, the signal too: in codes the variance goes as 127 / top.

    So does shot noise: a code of one is the charge of ``top / 127`` units of the pulse width.
    """
    whole = around(hardware(thermal_noise=True, shot_noise=True))
    found = around(hardware(thermal_noise=True, shot_noise=True, dac={"bits": bits}))
    np.testing.assert_allclose(
        found.constant_variance, whole.constant_variance * (127 / top), rtol=1e-12
    )
    np.testing.assert_allclose(found.shot.variance, whole.shot.variance * (127 / top), rtol=1e-12)
    assert found.shot.power[-1] == 127
    # An amplitude lasts as long whatever its bits; its codes keep their full-scale charge.
    amplitude = [
        around(hardware(thermal_noise=True, dac={"bits": b, "encoding": "amplitude"}))
        for b in (8, bits)
    ]
    np.testing.assert_array_equal(amplitude[1].constant_variance, amplitude[0].constant_variance)


def test_non_linearity_and_driver_errors_alone(hardware, bent):
    assert around(hardware(bent, nonlinearity=True)).dac_levels is None  # pulse widths
    found = around(hardware(bent, dac={"encoding": "amplitude"}, nonlinearity=True)).dac_levels
    codes = np.arange(-LIMIT, LIMIT + 1)
    np.testing.assert_allclose(found, LIMIT * np.sinh(2 * codes / LIMIT) / np.sinh(2))
    assert around(hardware(dac={"inl": 0.5}, converter_errors=True)).dac_levels is not None
    assert around(hardware(dac={"inl": 0.5})).dac_levels is None
    assert around(hardware(dac={"dnl": 0.5}, converter_errors=True)).dac_levels is not None
    assert around(hardware(dac={"dnl": 0.5})).dac_levels is None
