"""A spoilt chip: the study finds what spoils it and what mends it, within its budget."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imssa_sim.ablation import study as module
from imssa_sim.ablation.findings import causes, findings, remedies
from imssa_sim.ablation.study import Budget, Study, study
from imssa_sim.config.load import LoadedConfig, load_tree
from imssa_sim.errors import InputError
from imssa_sim.kept import Kept
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.run import simulate


@pytest.fixture(scope="module")
def whole(spoilt: LoadedConfig) -> Study:
    return study(spoilt, Silent(), Budget(runs=200, seconds=1e6))


def test_it_finds_drift_the_missing_calibration_and_the_kernel_mapping(whole: Study) -> None:
    assert whole.base.accuracy is not None
    assert whole.base.accuracy.low <= whole.guessing
    assert causes(whole)[0][0] == "drift"
    helpful = [o.variation.words for o in remedies(whole) if o.variation]
    assert "column calibration" in helpful
    assert "kernel: digital" in helpful
    told = "\n".join(findings(whole))
    for words in ("guesses", "dies of drift", "column calibration", "kernel: digital"):
        assert words in told


def test_changes_together_are_clearly_better_than_each(whole: Study) -> None:
    singles = [o for o in whole.outcomes if o.variation and o.variation.built and o.accuracy]
    analog = [o.accuracy.value for o in singles if not o.variation.digital]  # type: ignore[union-attr]
    assert whole.path
    best = whole.path[-1]
    assert best.accuracy is not None
    assert best.accuracy.value > max(analog)
    assert best in whole.combined
    assert not any(o.variation.digital for o in whole.combined if o.variation)


def test_a_change_gives_what_a_run_with_it_gives(whole: Study, spoilt: LoadedConfig) -> None:
    (outcome,) = [
        o for o in whole.outcomes if o.variation and o.variation.words == "column calibration"
    ]
    from imssa_sim.config.dump import plain

    loaded = load_tree(plain(spoilt.config), ("hardware.adc.calibrate=true",))
    alone = simulate(loaded)
    assert outcome.accuracy is not None
    assert outcome.accuracy.value == alone.accuracy.analog_mean
    assert outcome.energy == alone.ledger.energy
    assert outcome.latency == alone.timing.end_to_end
    assert outcome.area == alone.ledger.area


def test_what_cannot_be_says_why(whole: Study) -> None:
    failed = [o for o in whole.outcomes if o.error]
    assert failed
    assert all(math.isnan(o.energy) and o.accuracy is None for o in failed)
    assert any("write_form" in o.error for o in failed)


def test_the_budget_of_runs_is_kept_and_told(spoilt: LoadedConfig) -> None:
    few = study(spoilt, Silent(), Budget(runs=3, seconds=1e6))
    assert few.runs == 3
    assert few.skipped > 10
    assert len([o for o in few.outcomes if o.accuracy]) == 2


def test_without_time_only_the_workload_itself_runs(spoilt: LoadedConfig) -> None:
    none = study(spoilt, Silent(), Budget(runs=200, seconds=1e-3))
    assert none.runs == 1
    assert none.base.accuracy is not None


def test_with_fewer_chips_the_base_is_that_of_the_chip_that_is_left(spoilt: LoadedConfig) -> None:
    """Changes run on one chip; against the mean of two each would seem to help, or to harm."""
    hurried, alone = (
        study(spoilt, Silent(), Budget(runs=2, seconds=seconds), chips=chips, sequences=20)
        for chips, seconds in ((2, 1e-3), (1, 1e6))
    )
    assert hurried.chips == 1
    assert hurried.base.accuracy == alone.base.accuracy
    np.testing.assert_array_equal(hurried.base.right, alone.base.right)


def test_fewer_sequences_are_those_of_the_base(spoilt: LoadedConfig) -> None:
    found = study(spoilt, Silent(), Budget(runs=2, seconds=1e6), sequences=20)
    assert found.sequences == 20
    (outcome,) = [o for o in found.outcomes if o.accuracy]
    assert outcome.gain is not None


def test_an_interrupt_keeps_what_is_there(
    spoilt: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def third_is_interrupted(*args: object, **kwargs: object) -> object:
        made.append(args)
        if len(made) == 3:
            raise KeyboardInterrupt
        return simulate(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "simulate", third_is_interrupted)
    found = study(spoilt, Silent(), Budget(runs=200, seconds=1e6))
    assert found.interrupted
    assert found.runs == 2
    assert len(found.outcomes) == 1


def test_float_and_quantisation_run_once(
    spoilt: LoadedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imssa_sim.simulation import quantisation, values

    for place, name in ((values, "_RESULTS"), (quantisation, "_NETWORKS")):
        monkeypatch.setattr(place, name, Kept(16))  # nothing of other runs
    forwards: list[Any] = []
    quantised: list[Any] = []
    forward, quantise = values.forward, quantisation.quantise_network
    monkeypatch.setattr(
        values, "forward", lambda *a, **k: (forwards.append(a), forward(*a, **k))[1]
    )
    monkeypatch.setattr(
        quantisation, "quantise_network", lambda *a: (quantised.append(a), quantise(*a))[1]
    )
    study(spoilt, Silent(), Budget(runs=6, seconds=1e6), sequences=8)
    # each run first tries one layer of made-up data
    whole = [config for config, *_ in quantised if config.model.layers == 2]
    assert len([network for network, *_ in forwards if len(network.layers) == 2]) == len(whole) == 1


def test_a_stream_is_refused(spoilt: LoadedConfig) -> None:
    from imssa_sim.config.dump import plain

    loaded = load_tree(plain(spoilt.config), ("evaluate.stream.duration='2 d'",))
    with pytest.raises(InputError, match="stream"):
        study(loaded, Silent())


def test_findings_of_a_whole_chip_say_so(whole: Study) -> None:
    healed = replace(whole, base=replace(whole.base, accuracy=whole.digital), outcomes=(), path=())
    assert findings(healed) == [
        "the chip reaches the quantised network: the arrays take nothing that can be told"
    ]
