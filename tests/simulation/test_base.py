"""Networks on published chips: every one runs, exact where ideal, and says what is not its own."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.config import load_config
from imssa_sim.files import locate
from imssa_sim.report.screen import screen
from imssa_sim.report.tables import settings_table
from imssa_sim.simulation.run import simulate

CHIPS = locate.base_names()


def on(chip: str, *more: str, samples: int = 2):
    few = (f"evaluate.samples={samples}", "evaluate.chips=1", "baselines=[]")
    return simulate(load_config("sdigits", (f"hardware.base={chip}", *few, *more)))


@pytest.mark.parametrize("chip", CHIPS)
def test_a_chip_gives_accuracy_latency_energy_and_area(chip: str) -> None:
    result = on(chip)
    assert result.accuracy.analog_mean is not None
    assert result.timing.end_to_end > 0
    assert result.ledger.energy > 0
    assert result.ledger.area > 0


@pytest.mark.parametrize("chip", CHIPS)
def test_an_ideal_chip_is_the_integers(chip: str) -> None:
    predictions = on(chip, "hardware.ideal=true", samples=20).predictions
    np.testing.assert_array_equal(predictions["chip0"], predictions["digital"])


def test_the_screen_says_whose_hardware_it_is() -> None:
    result = on("chips/hermes_64", "hardware.chip.tile.read_voltage=0.1 V")
    text = " ".join(screen(result, None).split())
    assert "hardware chips/hermes_64: HERMES, 64 cores" in text
    assert "put in the place of the workload's own hardware" in text
    assert "other than there: chip.tile.read_voltage" in text
    assert "not from its data: vector units" in text
    rows = {row["setting"]: row for row in settings_table(result)}
    assert rows["hardware.chip.tile.rows"]["origin"] == "base"
    assert "chips/hermes_64.yaml:" in rows["hardware.chip.tile.rows"]["place"]


def test_phases_multiply_times_and_energies_and_leave_values_alone() -> None:
    """Power stays as it is, as it does on the chip: 0.86 uJ in 133 ns, 3.38 uJ in 520 ns."""
    one, four = (on("chips/hermes_64", f"hardware.dac.phases={n}") for n in (1, 4))
    np.testing.assert_array_equal(one.predictions["chip0"], four.predictions["chip0"])
    conversions = [
        sum(n for (path, verb), n in result.ledger.counts().items() if verb == "convert")
        for result in (one, four)
    ]
    assert conversions[1] == 4 * conversions[0]
    powers = [result.ledger.by_kind()["adc"] / result.timing.end_to_end for result in (one, four)]
    assert powers[1] == pytest.approx(powers[0], rel=0.05)


def test_a_conversion_a_pulse_leaves_values_alone() -> None:
    each, one = (
        on("chips/isaac_ce", f"hardware.adc.each_pulse={value}") for value in ("true", "false")
    )
    np.testing.assert_array_equal(each.predictions["chip0"], one.predictions["chip0"])
    assert each.ledger.energy > 1.5 * one.ledger.energy
