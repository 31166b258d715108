"""A whole run: executions meet, batch and threads do not matter, an ideal chip is exact."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.simulation.chips import spread
from imssa_sim.simulation.inputs import Inputs
from imssa_sim.simulation.memory import functional_key
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect
from imssa_sim.simulation.tally import NOT_EVALUATED
from imssa_sim.simulation.values import Values

Load = Callable[..., LoadedConfig]
MAPPINGS = ("fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital")


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_an_ideal_chip_gives_the_quantised_network_s_predictions(load: Load, mapping: str) -> None:
    result = simulate(load("hardware.ideal=true", f"hardware.mapping.kernel={mapping}"))
    for chip in range(3):
        np.testing.assert_array_equal(
            result.predictions[f"chip{chip}"], result.predictions["digital"]
        )


def test_counts_of_both_executions_are_equal_and_reach_the_ledger(load: Load) -> None:
    # build_ledger raises where the functional and the timing counts differ; here the ledger's own
    # counts are held against the timing engine's once more.
    result = simulate(load())
    booked = result.ledger.counts()
    assert {key: booked[key] for key in result.timing.counts if result.timing.counts[key]} == {
        key: count for key, count in result.timing.counts.items() if count
    }
    assert booked["chip.layer0.kernel.array", "read"] > 0


def test_leakage_times_elapsed_time_is_its_own_account(load: Load) -> None:
    ledger = simulate(load()).ledger
    leakage = ledger.by_account()["leakage"]
    assert leakage == pytest.approx(ledger.leakage_power * ledger.elapsed, rel=1e-12)
    assert leakage > 0


@pytest.mark.parametrize("change", ["evaluate.batch=1", "evaluate.batch=7", "evaluate.threads=2"])
def test_results_do_not_depend_on_batch_or_threads(load: Load, change: str) -> None:
    one, other = simulate(load()), simulate(load(change))
    for name, predictions in one.predictions.items():
        np.testing.assert_array_equal(predictions, other.predictions[name])
    assert one.ledger.energy == other.ledger.energy
    assert one.saturation == other.saturation


def test_a_seed_changes_the_chips_and_repeats(load: Load) -> None:
    first, again, other = (simulate(load(f"seed={seed}")).ledger.energy for seed in (3, 3, 4))
    assert first == again != other


def test_runs_that_differ_in_costs_alone_share_their_values(load: Load) -> None:
    memory: dict[str, object] = {}
    simulate(load(), memory=memory)
    cheap = simulate(load("hardware.adc.card=adc/zigzag_imc_28nm"), memory=memory)
    assert len([v for v in memory.values() if isinstance(v, Values)]) == 1
    assert (
        cheap.ledger.energy == simulate(load("hardware.adc.card=adc/zigzag_imc_28nm")).ledger.energy
    )
    simulate(load("hardware.adc.bits=7"), memory=memory)
    assert len([v for v in memory.values() if isinstance(v, Values)]) == 2
    assert len([v for v in memory.values() if isinstance(v, Inputs)]) == 1


def test_the_key_of_values_ignores_costs_and_nothing_else(load: Load) -> None:
    key = functional_key(load().config)
    for same in ("hardware.chip.clock=2 GHz", "hardware.adc.rate=1 GHz", "evaluate.batch=5"):
        assert functional_key(load(same).config) == key
    for other in ("hardware.adc.bits=7", "bits.A=6", "hardware.effects.read_noise=false"):
        assert functional_key(load(other).config) != key


def test_phases_and_the_data_used_are_told(load: Load) -> None:
    class Listener(Silent):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def phase(self, name: str, total: int) -> None:
            self.heard.append(name)

        def note(self, message: str) -> None:
            self.heard.append(message)

    listener = Listener()
    result = simulate(load(), listener)
    assert listener.heard[0] == "data and weights"
    assert any("RANDOM" in said for said in listener.heard)
    assert [name for name in result.host_seconds if name.startswith("analog")] == [
        f"analog accuracy, chip {n} of 3" for n in (1, 2, 3)
    ]


def test_statistics_have_unique_names_and_agree_with_the_result(load: Load) -> None:
    result = simulate(load())
    stats = {stat.name: stat for stat in collect(result)}
    assert len(stats) == len(collect(result))
    assert stats["energy.inference"].value == result.ledger.energy
    parts = [stats[f"energy.account.{name}"].value for name in ("dynamic", "leakage")]
    assert sum(float(p) for p in parts if p is not None) == pytest.approx(result.ledger.energy)
    labels = result.predictions["labels"]
    right = [np.mean(result.predictions[f"chip{n}"] == labels) for n in range(3)]
    assert stats["accuracy.analog.mean"].value == pytest.approx(np.mean(right))
    assert stats["accuracy.analog.deviation"].value == pytest.approx(np.std(right, ddof=1))


def test_the_residual_of_the_wires_is_reported(load: Load) -> None:
    wired = ("hardware.effects.ir_drop=true", "evaluate.samples=1", "evaluate.chips=1")
    found = {stat.name: stat.value for stat in collect(simulate(load(*wired)))}
    assert 0 < float(found["array.wire_residual"] or 0) < 1e-9
    without = {stat.name for stat in collect(simulate(load(*wired[1:])))}
    assert "array.wire_residual" not in without


def test_chips_may_evaluate_fewer_samples(load: Load) -> None:
    whole, part = simulate(load()), simulate(load("evaluate.chip_samples=5"))
    seen = part.predictions["chip1"] != NOT_EVALUATED
    assert seen.sum() == part.accuracy.analog_samples == 5
    np.testing.assert_array_equal(part.predictions["chip1"][seen], whole.predictions["chip1"][seen])
    right = [np.sum(part.predictions[f"chip{n}"] == part.predictions["labels"]) for n in range(3)]
    assert list(part.accuracy.analog_correct) == right
    assert part.accuracy.samples == whole.accuracy.samples == 13


def test_chips_evaluate_samples_of_their_own(load: Load) -> None:
    result = simulate(load("evaluate.samples=12", "evaluate.chip_samples=4"))
    given = np.array([result.predictions[f"chip{n}"] != NOT_EVALUATED for n in range(3)])
    assert given.sum(axis=0).tolist() == [1] * 12  # each sequence on one chip
    a = result.accuracy
    assert a.analog_mean is not None
    assert a.analog_draw == pytest.approx(math.sqrt(a.analog_mean * (1 - a.analog_mean) / 4))
    stats = {stat.name: stat.value for stat in collect(result)}
    assert stats["accuracy.analog.draw"] == a.analog_draw
    assert simulate(load()).accuracy.analog_draw is None  # all chips evaluate all


@pytest.mark.parametrize(("samples", "wanted"), [(200, 50), (13, 5), (13, 13), (7, 3), (10, 4)])
def test_turns_do_not_overlap_as_far_as_there_are_enough(samples: int, wanted: int) -> None:
    turns = [set(spread(samples, wanted, turn).tolist()) for turn in range(samples // wanted + 2)]
    assert {len(turn) for turn in turns} == {wanted}
    assert all(0 <= place < samples for turn in turns for place in turn)
    apart = turns[: samples // wanted]
    assert len(set().union(*apart)) == wanted * len(apart)


@pytest.mark.parametrize(("samples", "wanted"), [(13, 5), (13, 13), (13, 99), (200, 100), (7, 1)])
def test_places_are_spread_evenly(samples: int, wanted: int) -> None:
    places = spread(samples, wanted)
    assert len(np.unique(places)) == min(samples, wanted)
    assert places.min() == 0
    assert places.max() < samples
    gaps = np.diff(places)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("bits", [3, 14])
def test_sums_beyond_accumulators_are_told(load: Load, bits: int) -> None:
    delta = f"bits={{default: 8, state: {bits}, kernel_input: 3}}"
    result = simulate(load("hardware.mapping.kernel=fused_delta", delta))
    told = {entry.name: entry.value for entry in collect(result)}
    assert told["accumulators.saturated_share"] == result.overflow
    assert 0 <= result.overflow < 0.2
    assert simulate(load()).overflow is None
