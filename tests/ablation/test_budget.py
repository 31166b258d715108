"""How a study fits into its time: fewer chips first, then fewer sequences, then fewer changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imssa_sim.ablation import study as module
from imssa_sim.ablation.study import Budget, study
from imssa_sim.ablation.variations import variations
from imssa_sim.config.dump import plain
from imssa_sim.config.load import LoadedConfig, load_tree
from imssa_sim.simulation.progress import Silent
from imssa_sim.simulation.result import RunResult
from imssa_sim.simulation.run import simulate


@pytest.fixture(scope="module", params=[1, 2])
def run(request: pytest.FixtureRequest, spoilt: LoadedConfig) -> RunResult:
    """A run on so many chips that took 4 s, .5 of them for what all runs share."""
    settings = (f"evaluate.chips={request.param}", "evaluate.samples=60", "evaluate.float=false")
    found = simulate(load_tree(plain(spoilt.config), settings))
    return replace(found, host_seconds={"analog": 3.4, "analog ranging": 0.1, "digital": 0.5})


@pytest.mark.parametrize("seconds", [1e6, 300.0, 90.0, 30.0])
def test_a_study_takes_what_fits_into_its_time(
    spoilt: LoadedConfig, run: RunResult, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    clock, asked, number = [1000.0], [], len(variations(spoilt.config))
    chips = run.loaded.config.evaluate.chips

    def take(loaded: LoadedConfig, *args: object, **more: object) -> RunResult:
        clock[0] += 4.0
        asked.append(loaded.config.evaluate)
        return run

    monkeypatch.setattr(module, "simulate", take)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    found = study(spoilt, Silent(), Budget(runs=96, seconds=seconds), chips=chips)
    wanted, left = min(96, 1.6 * (1 + number)) * 3.5, seconds - 4.0
    use = 1 if wanted > left else chips
    wanted *= use / chips
    sequences = max(40, int(60 * left / wanted)) if wanted > left else 60
    assert (found.chips, found.sequences) == (use, sequences)
    assert {e.chips for e in asked[1:]} == {use}
    assert {e.chip_samples for e in asked[1:]} == {"all" if sequences == 60 else sequences}
    assert found.runs == len(asked) <= 96
    assert found.seconds == clock[0] - 1000.0 <= seconds
    if found.skipped and found.runs < 96:
        assert found.seconds > seconds - 2 * 4.0
    assert bool(found.skipped) == (seconds < 100)
