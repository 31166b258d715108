import numpy as np
import pytest

from imssa_sim.cards.load import load_card
from imssa_sim.devices.cell import load_cell
from imssa_sim.errors import ConfigError, ImssaError, InputError, ValidityError
from imssa_sim.files import locate

CELLS = [name for name in locate.card_names() if name.startswith("cells/")]

LEVELS = "  level_values: {{value: {}, unit: uS, status: assumed}}\n"
REFERENCE = "  programming_reference: {value: 100, unit: uS, status: assumed}\n"
RELAXATION = """\
  relaxation_form: {value: tabulated}
  relaxation_reference: {value: 100, unit: uS, status: assumed}
  relaxation_times: {value: [1, 5], unit: s, status: assumed}
  relaxation_coefficients: {value: [[1, 0.5], [1, -8]], unit: uS, status: assumed}
"""
GOOD = """\
name: mine
kind: cell
title: a cell
parameters:
  g_min: {value: 1, unit: uS, status: assumed}
  g_max: {value: 100, unit: uS, status: assumed}
  programming_form: {value: polynomial}
  programming_coefficients: {value: [1, 0.5], unit: uS, status: assumed}
  programming_reference: {value: 100, unit: uS, status: assumed}
  faults_form: {value: stuck}
  faults_on_rate: {value: 0.1, unit: "1", status: assumed}
  faults_off_rate: {value: 0.1, unit: "1", status: assumed}
  faults_on_range: {value: [100, 200], unit: uS, status: assumed}
  faults_off_range: {value: [0.1, 1], unit: uS, status: assumed}
valid: {time: [1 s, 10 s], temperature: [273 K, 358 K]}
"""


def cell(tmp_path, replace=None, add=""):
    text = GOOD
    for old, new in (replace or {}).items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("valid:", f"{add}valid:"), encoding="utf-8")
    return load_cell(str(path))


@pytest.mark.parametrize("name", CELLS)
def test_shipped_cells_make_sense(name):
    c = load_cell(name)
    assert 0 <= c.g_min < c.g_max < 2e-3
    targets = np.linspace(c.g_min, c.g_max, 101)
    if c.programming is not None:
        sigma = c.programming.sigma(targets)
        assert np.all(sigma >= 0)
        assert sigma.max() < 0.2 * (c.g_max - c.g_min)
    time = min(3600.0, c.valid.get("time", (0, np.inf))[1])
    noise = c.read_sigma(targets, targets, time, 1e-8)
    assert np.all(noise >= 0)
    assert noise.max() < 0.2 * c.g_max
    if c.write is not None:
        assert 1e-10 < c.write.cell_time() < 1
        assert np.all(
            (c.write.cell_energy(targets) > 1e-18) & (c.write.cell_energy(targets) < 1e-6)
        )
    assert c.not_modelled


def test_a_card_of_ones_own_is_read_in_si(tmp_path):
    c = cell(tmp_path)
    assert c.g_max == 100e-6
    np.testing.assert_allclose(c.programming.sigma(np.array([50e-6])), 1.25e-6)
    assert c.read_noise is None
    assert np.array_equal(c.read_sigma(np.ones(3), np.ones(3), 1.0, 1e-8), np.zeros(3))


@pytest.mark.parametrize(
    ("replace", "add", "message"),
    [
        ({"g_min: {value: 1,": "g_min: {value: 200,"}, "", "100 µS is not above g_min, 200 µS"),
        ({"g_min: {value: 1,": "g_min: {value: -1,"}, "", "g_min: -1 µS is negative"),
        ({"value: [1, 0.5]": "value: [1, -5]"}, "", "deviation is -4 µS at 100 µS"),
        ({}, RELAXATION, "deviation is -7 µS at 100 µS"),
        ({"uS, status": "us, status"}, "", "dimension time"),
        ({"[1, 0.5], unit: uS": "[1, 0.5], unit: us"}, "", "dimension time"),
        ({"value: polynomial": "value: polinomial"}, "", "did you mean 'polynomial'"),
        ({"programming_reference": "programming_referense"}, "", "mean 'programming_reference'"),
        ({REFERENCE: ""}, "", "needs 'programming_reference'"),
        ({"on_rate: {value: 0.1": "on_rate: {value: -0.1"}, "", "below 0"),
        ({"on_rate: {value: 0.1": "on_rate: {value: 0.95"}, "", "add to more than 1"),
        ({"[100, 200]": "[200, 100]"}, "", "must be \\[lowest, highest\\]"),
        ({"kind: cell": "kind: adc"}, "", "of kind 'adc', not 'cell'"),
        ({}, LEVELS.format("[1, 3, 2]"), "levels must ascend"),
        ({}, LEVELS.format("[1, 300]"), "between g_min and g_max"),
        ({}, "  levels: {value: 1, unit: '1', status: assumed}\n", "at least 2"),
        ({}, "  drift_t0: {value: 1, unit: s, status: assumed}\n", "without 'drift_form'"),
    ],
)  # fmt: skip
def test_bad_cards_say_what_is_wrong(tmp_path, replace, add, message):
    with pytest.raises(InputError, match=message) as caught:
        cell(tmp_path, replace, add)
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    assert all(line.count("mine.yaml:") == 1 for line in lines)


def test_all_faults_of_an_aspect_are_shown_at_once(tmp_path):
    with pytest.raises(ConfigError) as caught:
        cell(
            tmp_path,
            {"on_rate: {value: 0.1": "on_rate: {value: -0.1", "faults_off_range": "faults_of"},
        )
    assert len(caught.value.problems) == 3  # out of range, unknown, missing


@pytest.mark.parametrize("name", CELLS)
def test_shipped_cells_say_where_they_hold(name):
    c = load_cell(name)
    if name in ("cells/ideal", "cells/isaac_2bit"):  # no departure that could cease to hold
        assert c.programming is None
        assert c.relaxation is None
        assert c.drift is None
        return
    assert "read_voltage" in c.valid
    if c.relaxation is not None or c.drift is not None:
        assert "time" in c.valid
    # A characteristic alone; and areas of capacitors, which temperature does not change.
    if name not in ("cells/hfox_stanford", "cells/sram_charge_65nm"):
        low, high = c.valid["temperature"]
        assert 273 <= low < 300 < high <= 358


@pytest.mark.parametrize("name", CELLS)
def test_cells_that_change_with_time_say_from_when_it_counts(name):
    cell = load_cell(name)
    if cell.relaxation is not None or cell.drift is not None:
        assert "counts from programming" in " ".join(load_card(name).notes.split())


def test_validity_is_enforced(tmp_path):
    c = cell(tmp_path)
    c.check(time=5.0, temperature=300.0, read_voltage=17.0)
    for bad in ({"time": 11.0}, {"time": 0.5}, {"temperature": 400.0}):
        with pytest.raises(ValidityError, match="is outside of what") as caught:
            c.check(**bad)
        assert caught.value.exit_code == 3
        assert isinstance(caught.value, ImssaError)


def test_written_conductances_stay_within_physical_bounds(tmp_path):
    add = "  bound_low: {value: 0.5, unit: uS, status: assumed}\n"
    add += "  bound_high: {value: 101, unit: uS, status: assumed}\n"
    c = cell(tmp_path, {"[1, 0.5]": "[5, 5]"}, add)
    normals = np.random.default_rng(0).standard_normal(10000)
    targets = np.linspace(1e-6, 100e-6, 10000)
    g = c.after(c.program(targets, normals), targets, 5.0)
    assert g.min() == 0.5e-6
    assert g.max() == 101e-6


SQUARE_ROOT = """
from dataclasses import dataclass
import numpy as np
from imssa_sim.devices.forms import parameter

@dataclass(frozen=True)
class SquareRootError:
    strength: float = parameter("number", low=0)

    def sigma(self, target):
        return self.strength * np.sqrt(target * 1e-6)

    def error(self, target, normals):
        return self.sigma(target) * normals
"""


def test_a_form_of_another_package_is_found_through_its_entry_point(tmp_path, install):
    points = {"imssa_sim.cells": {"programming.square_root": "square_root:SquareRootError"}}
    install("foreign", points, square_root=SQUARE_ROOT)
    c = cell(
        tmp_path,
        {
            "value: polynomial": "value: square_root",
            "coefficients: {value: [1, 0.5], unit: uS, ": "strength: {value: 2, unit: '1', ",
            REFERENCE: "",
        },
    )
    np.testing.assert_allclose(c.programming.sigma(np.array([25e-6])), 10e-6)
