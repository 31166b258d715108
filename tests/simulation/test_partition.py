"""Layers over several chips: same values, links in ledger and time, area of the sum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.cards import load_card
from imssa_sim.config import LoadedConfig
from imssa_sim.costs.model import CostModel
from imssa_sim.errors import ConfigError, InputError
from imssa_sim.files import locate
from imssa_sim.report.screen import screen
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.timing.simulate import simulate_timing

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.chips=1", "evaluate.float=false")
TWO = ("hardware.partition={chips: 2, link: link/short_reach}",)


def values(result) -> dict:
    return {s.name: s.value for s in collect(result)}


@pytest.fixture(scope="module")
def runs(load: Load):
    return tuple(simulate(load(*QUICK, *more)) for more in ((), TWO))


def test_predictions_are_those_of_one_chip(runs) -> None:
    one, two = runs
    assert set(one.predictions) == set(two.predictions)
    for name, found in one.predictions.items():
        np.testing.assert_array_equal(found, two.predictions[name])


def test_the_link_is_in_ledger_and_latency_by_hand(runs) -> None:
    one, two = runs
    card, length = load_card("link/short_reach"), two.program.sequence_length
    words, bits = 12, 8
    rows = [row for row in two.ledger.rows if row.component == "chip.link0"]
    energy = sum(row.energy for row in rows if row.account == "off_chip")
    by_hand = length * words * bits * card["energy_per_bit"].si
    assert energy == pytest.approx(by_hand, rel=1e-12)
    cycle = 1e-9
    sent = words * bits / card["bandwidth"].si
    late = np.ceil(round(sent / cycle, 9)) * cycle + card["latency"].si
    assert two.timing.busy["chip.link0"] == pytest.approx(length * late, rel=1e-9)
    assert two.timing.first_output - one.timing.first_output == pytest.approx(late, abs=3e-9)
    assert "chip.link0" in {row.component for row in two.timing.latency}


def test_area_is_the_sum_with_a_bus_and_a_vector_unit_on_each(runs) -> None:
    one, two = runs
    before, after = values(one), values(two)
    parts: dict[str, float] = {}
    for cost in CostModel(one.program, one.loaded.config.hardware).components:
        parts[cost.component] = parts.get(cost.component, 0.0) + cost.area.value
    more = parts["chip.bus"] + parts["chip.vector"]
    ends = 2 * load_card("link/short_reach")["area"].si
    assert after["area"] - before["area"] == pytest.approx(more + ends, rel=1e-9)


def test_engines_agree_and_layers_work_on_several_sequences(load: Load, runs) -> None:
    _, two = runs
    static = load(*QUICK, *TWO, "hardware.chip.arbitration=static").config.hardware
    event, recurrence = (
        simulate_timing(two.program, static, engine=engine) for engine in ("event", "recurrence")
    )
    assert event.end_to_end_ticks == recurrence.end_to_end_ticks
    assert two.timing.sequence_interval < two.timing.end_to_end


def test_the_screen_names_the_chips(runs) -> None:
    one, two = runs
    assert "2 chips" in screen(two, Path("x"))
    assert "link" not in screen(one, Path("x"))


def test_more_chips_than_layers_are_refused(load: Load) -> None:
    with pytest.raises(InputError, match="at most 2"):
        simulate(load(*QUICK, "hardware.partition={chips: 3, link: link/short_reach}"))


def test_a_link_of_unknown_speed_is_refused(load: Load, tmp_path: Path) -> None:
    text = (locate.device_models() / "link/short_reach.yaml").read_text("utf-8")
    path = tmp_path / "slow.yaml"
    begin, end = text.index("  latency:"), text.index("  area:")
    path.write_text(text[:begin] + text[end:], "utf-8")
    with pytest.raises(InputError, match="has no latency"):
        simulate(load(*QUICK, f"hardware.partition={{chips: 2, link: {path}}}"))


def test_chips_without_a_link_are_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="need links"):
        load("hardware.partition.chips=2")


def test_more_than_fits_on_one(load: Load, runs) -> None:
    """Each chip holds its layers; what fits on two does not fit on one."""
    _, two = runs
    most = two.program.tiles_needed - 1
    with pytest.raises(InputError, match="needs"):
        simulate(load(*QUICK, f"hardware.chip.tiles={most}"))
    found = simulate(load(*QUICK, *TWO, f"hardware.chip.tiles={most}"))
    assert found.program.tiles_available == 2 * most
    with pytest.raises(InputError, match="each of 2 chips has 1 tiles"):
        simulate(load(*QUICK, *TWO, "hardware.chip.tiles=1"))
