"""A package beside this one adds to it, each thing in one file, and a workload runs with all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from imssa_sim.cli.list import list_available
from imssa_sim.config import load_config
from imssa_sim.devices.cell import load_cell
from imssa_sim.errors import InputError
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate

HERE = Path(__file__).parent
WORKLOAD = HERE / "workload.yaml"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys as a package that Python finds."""
    monkeypatch.syspath_prepend(str(HERE / "toys"))


@pytest.fixture
def run(installed: None) -> RunResult:
    return simulate(load_config(WORKLOAD))


@pytest.mark.usefixtures("installed")
def test_a_data_set_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    list_available("data", None)
    assert "a step up or down, 16 steps; made up" in capsys.readouterr().out


def test_a_data_set_is_read(run: RunResult) -> None:
    assert run.data.source == "made up by tests/plugin"
    assert run.accuracy.samples == 20


@pytest.mark.usefixtures("installed")
def test_a_noise_law_is_that_of_the_cell() -> None:
    import numpy as np

    cell = load_cell(str(HERE / "cell.yaml"))
    assert cell.read_noise is not None
    g = np.array([50e-6])
    np.testing.assert_allclose(cell.read_noise.sigma(g, g, 0.0, None), [1.25e-6])


def test_noise_reaches_the_predictions(run: RunResult) -> None:
    still = simulate(load_config(WORKLOAD, ["hardware.effects.read_noise=false"]))
    assert run.ledger.energy != still.ledger.energy or run.saturation != still.saturation


def test_a_device_to_compare_with(run: RunResult) -> None:
    recurrent = next(b for b in run.baselines if b.mode == "recurrent")
    assert recurrent.card.endswith("device")
    assert recurrent.latency == pytest.approx(recurrent.executed_operations / 1e9)
    assert recurrent.energy == pytest.approx(2 * recurrent.latency)
    assert math.isfinite(recurrent.latency_range[0])


def test_without_the_package_its_names_are_unknown() -> None:
    with pytest.raises(InputError, match="unknown data set 'toy_steps'"):
        simulate(load_config(WORKLOAD))
    with pytest.raises(InputError, match="unknown form of baseline 'toy_fixed_rate'"):
        simulate(
            load_config(
                WORKLOAD,
                ["data.name=sdigits", "model.classes=10", "hardware.chip.tile.cell=cells/ideal"],
            )
        )
