"""Runs with sequences in turn: same values, registers alone added, figures by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig, load_config
from imssa_sim.errors import ConfigError, ValidityError
from imssa_sim.report.screen import screen
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.chips=1", "evaluate.float=false")


def values(result) -> dict:
    return {s.name: s.value for s in collect(result)}


def test_four_in_turn(load: Load) -> None:
    one, four = (simulate(load(*QUICK, f"hardware.interleave={k}")) for k in (1, 4))
    for name, found in one.predictions.items():
        np.testing.assert_array_equal(found, four.predictions[name])
    before, after = values(one), values(four)
    assert not [name for name in before if name.startswith("interleave.")]
    registers = 3 * before["area.register"]
    assert registers > 0
    assert after["area"] - before["area"] == pytest.approx(registers, rel=1e-9)
    assert after["interleave.area_registers"] == pytest.approx(registers, rel=1e-12)
    assert after["time.end_to_end_ticks"] == before["time.end_to_end_ticks"]
    assert after["interleave.throughput"] > before["time.throughput"]
    ledger, rate = four.ledger, after["interleave.throughput"]
    by_hand = ledger.by_account()["dynamic"] + ledger.leakage_power / rate
    assert after["interleave.energy"] == pytest.approx(by_hand, rel=1e-12)
    assert after["interleave.energy"] < after["interleave.energy_alone"]
    assert "4 sequences in turn" in screen(four, Path("x"))


def test_four_in_turn_are_four_times_as_fast_where_the_loop_is_the_bottleneck() -> None:
    """The shipped workload: a loop of 44 ns, of which a read holds the array for 11 ns."""
    few = ("evaluate.samples=8", "evaluate.chips=1", "evaluate.float=false", "baselines=[]")
    one, four = (
        simulate(load_config("sdigits_interleaved", (*few, f"hardware.interleave={k}")))
        for k in (1, 4)
    )
    assert one.timing.bottleneck.path.endswith("kernel.loop")
    assert one.predictions.keys() == four.predictions.keys()
    for name, found in one.predictions.items():
        np.testing.assert_array_equal(found, four.predictions[name])
    assert values(four)["interleave.speedup"] == pytest.approx(4, rel=1e-9)
    kinds = one.ledger.area_by_kind(), four.ledger.area_by_kind()
    assert {kind for kind in kinds[0] if kinds[0][kind] != kinds[1][kind]} == {"register"}
    assert kinds[1]["register"] == pytest.approx(4 * kinds[0]["register"], rel=1e-12)


def test_more_sequences_are_never_slower(load: Load) -> None:
    rates = [
        values(simulate(load(*QUICK, f"hardware.interleave={k}")))["interleave.throughput"]
        for k in (2, 3, 16)
    ]
    assert rates == sorted(rates)


@pytest.mark.parametrize(
    "override", ["hardware.mapping.kernel=fused_delayed", "model.bidirectional=true"]
)
def test_what_cannot_take_turns_is_refused(load: Load, override: str) -> None:
    with pytest.raises(ValidityError, match=r"hardware\.interleave"):
        simulate(load(*QUICK, "hardware.interleave=2", "model.checkpoint=null", override))


def test_turns_and_arrivals_exclude_each_other(load: Load) -> None:
    with pytest.raises(ConfigError, match="leave one of them out"):
        load("hardware.interleave=2", "evaluate.input.rate=1 kHz")
