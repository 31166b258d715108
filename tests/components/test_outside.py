"""A converter's cost model and a bus topology of another package: one file, one entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from imssa_sim.cards import load_card
from imssa_sim.components.adc import AdcPoint, adc_form, check_adc
from imssa_sim.components.bus import bus_form
from imssa_sim.components.parameters import Parameters
from imssa_sim.config import load_config
from imssa_sim.errors import InputError
from imssa_sim.simulation.run import simulate

MODULE = '''\
"""Models of another package."""


class Counting:
    """A converter that counts: energy in proportion to its levels."""

    def energy(self, p, at):
        return p["energy_per_level"] * 2**at.bits

    def area(self, p, at):
        return p["area"]

    def leakage(self, p, at):
        return 0.0

    def period(self, p, at):
        return 1 / at.rate


class Ring:
    """Every word goes half around a ring of all tiles."""

    def energy(self, p, tiles):
        return p["energy_per_hop"] * tiles / 2

    def area(self, p, width, tiles):
        return p["area"] * tiles

    def leakage(self, p, width, tiles):
        return 0.0
'''
CARD = """\
name: {name}
kind: {kind}
title: of another package
parameters:
  form: {{value: {form}}}
  area: {{value: 1000, unit: um^2, status: assumed}}
  {extra}
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution with both models, and their cards beside it."""
    info = tmp_path / "outsider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outsider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[imssa_sim.adc]\ncounting = outsider_models:Counting\n"
        "[imssa_sim.bus]\nring = outsider_models:Ring\n"
    )
    (tmp_path / "outsider_models.py").write_text(MODULE)
    energy = "energy_per_level: {value: 2, unit: fJ, status: assumed}"
    adc = CARD.format(name="counting", kind="adc", form="counting", extra=energy)
    (tmp_path / "counting.yaml").write_text(adc)
    energy = "energy_per_hop: {value: 0.1, unit: pJ, status: assumed}"
    bus = CARD.format(name="ring", kind="bus", form="ring", extra=energy)
    (tmp_path / "ring.yaml").write_text(bus)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_run_takes_models_of_another_package(outside: Path) -> None:
    overrides = [
        f"hardware.adc.card={outside / 'counting.yaml'}",
        f"hardware.bus.card={outside / 'ring.yaml'}",
        "evaluate.samples=1", "evaluate.chips=1", "calibration.samples=2",
    ]  # fmt: skip
    result = simulate(load_config("sdigits_taox", overrides))
    tiles = result.program.tiles_available
    for row in result.ledger.rows:
        if (row.kind, row.account) == ("adc", "dynamic"):
            assert row.energy == pytest.approx(row.count * 2e-15 * 2**8)
        if row.kind == "bus":
            assert row.energy == pytest.approx(row.count * 8 * 0.1e-12 * tiles / 2)
    areas = {row.kind: row.area / row.instances for row in result.ledger.areas}
    assert areas["adc"] == pytest.approx(1e-9)
    assert areas["bus"] == pytest.approx(1e-9 * tiles)


def test_a_model_that_no_package_has_is_refused(outside: Path) -> None:
    card = outside / "counting.yaml"
    card.write_text(card.read_text().replace("value: counting", "value: countin"))
    with pytest.raises(InputError, match=r"form 'countin' is not one of survey, .*, counting"):
        check_adc(load_card(str(card)), AdcPoint(8))
    other = outside / "ring.yaml"
    other.write_text(other.read_text().replace("value: ring", "value: star"))
    with pytest.raises(InputError, match="form 'star' is not one of power, wire, htree, mesh, rin"):
        bus_form(load_card(str(other)))


def test_shipped_models_stay(outside: Path) -> None:
    card = load_card("adc/survey_andrulis_2024")
    assert adc_form(card).energy(Parameters(card), AdcPoint(8)) > 0
