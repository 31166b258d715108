"""A package beside this one adds to it, each thing in one file, and a workload runs with all."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from imssa_sim.config import load_config
from imssa_sim.data import dataset_description, dataset_names
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
def test_a_data_set_is_listed() -> None:
    assert "toy_steps" in dataset_names()
    assert dataset_description("toy_steps") == "a step up or down, 16 steps; made up"


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


def test_a_kernel_mapping_is_read_twice_a_step_and_changes_no_value(run: RunResult) -> None:
    ideal = ["hardware.ideal=true"]
    here = simulate(load_config(WORKLOAD, ideal))
    there = simulate(load_config(WORKLOAD, [*ideal, "hardware.mapping.kernel=fused_lookahead"]))
    place = "chip.layer0.kernel.array", "read"
    assert here.timing.counts[place] == 2 * there.timing.counts[place]
    assert list(here.predictions["chip0"]) == list(there.predictions["chip0"])
    assert list(here.predictions["chip0"]) == list(here.predictions["digital"])


def test_a_cost_model_of_adcs_prices_each_conversion(run: RunResult) -> None:
    conversions = [row for row in run.ledger.rows if row.kind == "adc"]
    assert {row.component for row in conversions} >= {"chip.layer0.kernel.adc"}
    for row in conversions:
        assert row.energy == pytest.approx(row.count * 2e-15 * 2**8)


def test_an_interconnect_carries_each_word(run: RunResult) -> None:
    tiles = run.program.tiles_available
    transfers = [row for row in run.ledger.rows if row.kind == "bus" and row.account == "dynamic"]
    assert transfers
    for row in transfers:
        assert row.energy == pytest.approx(row.count * 8 * 3e-15 * tiles / 2)
    published = simulate(load_config(WORKLOAD, ["hardware.bus.card=bus/isaac_32nm"]))
    assert published.timing.counts == run.timing.counts
    assert published.ledger.energy != run.ledger.energy


def test_an_adc_behaviour_reaches_the_codes(run: RunResult) -> None:
    without = simulate(load_config(WORKLOAD, ["hardware.adc.behaviours=[]"]))
    assert run.ledger.energy != without.ledger.energy  # codes drive the next reads


def test_a_family_of_state_space_models_is_that_of_the_network(run: RunResult) -> None:
    s4d = simulate(load_config(WORKLOAD, ["model.family=s4d"]))
    assert run.program.network.layers[0].kernel.states == 6 * 4
    # One damping for all is one time constant for all: other weights, the same chip.
    assert run.timing.counts == s4d.timing.counts
    assert run.ledger.energy != s4d.ledger.energy


UNKNOWN = {
    "model.family=toy_oscillators": "unknown family of state-space models 'toy_oscillators'",
    "data.name=toy_steps": "unknown data set 'toy_steps'",
    "hardware.chip.tile.cell=CELL": "unknown form 'toy_quadratic'",
    "baselines=[DEVICE]": "unknown form of baseline 'toy_fixed_rate'",
    "hardware.mapping.kernel=toy_outputs_first": "'toy_outputs_first' is not",
    "hardware.adc.behaviours=[toy_shift]": "'toy_shift' is not",
    "hardware.adc.card=ADC": "form 'toy_per_code' is not one of",
    "hardware.bus.card=BUS": "form 'toy_ring' is not one of",
}


@pytest.mark.parametrize(("change", "message"), UNKNOWN.items())
def test_without_the_package_its_names_are_unknown(change: str, message: str) -> None:
    plain = [
        "data.name=sdigits", "model.classes=10", "model.family=s4d", "baselines=[]",
        "hardware.chip.tile.cell=cells/ideal", "hardware.mapping.kernel=fused_lookahead",
        "hardware.adc.behaviours=[]", "hardware.adc.card=adc/isaac_saberi",
        "hardware.bus.card=bus/isaac_32nm",
    ]  # fmt: skip
    for word in ("cell", "device", "adc", "bus"):
        change = change.replace(word.upper(), str(HERE / f"{word}.yaml"))
    with pytest.raises(InputError, match=message):
        simulate(load_config(WORKLOAD, [*plain, change]))
