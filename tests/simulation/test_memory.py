"""Runs that share what they have in common give what each gives alone.

Whatever changes between two runs of one memory, nothing of the first may be served to the second
that does not belong to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from imssa_sim.config import LoadedConfig
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
QUICK = ("model.layers=1", "evaluate.samples=5", "evaluate.chips=1", "calibration.samples=8")
DELTA = ("hardware.mapping.kernel=fused_delta", "bits={default: 5, state: 12}")
CHANGES: dict[str, tuple[str, ...]] = {
    "seed": ("seed=3",),
    "another number of sequences": ("evaluate.samples=6",),
    "another amount of calibration": ("calibration.samples=9",),
    "ranges by another rule": ("calibration.activations=max",),
    "another granularity": ("calibration.granularity.state=channel",),
    "classes": ("data.classes=[3, 1]", "model.classes=2"),
    "values as they are": ("data.normalise=false",),
    "another network": ("model.norm_position=pre",),
    "bits": ("bits=6",),
    "another form of the kernels": ("hardware.mapping.kernel=digital",),
    "another pair of cells": ("hardware.chip.tile.weights=one_sided",),
    "another converter": ("hardware.adc.bits=5",),
    "cost cards": ("hardware.adc.card=adc/zigzag_imc_28nm", "hardware.chip.clock=2 GHz"),
    "arrivals": ("evaluate.input.rate=16 kHz", "evaluate.input.duration=8 ms"),
    "several sequences in turn": ("hardware.interleave=2",),
    "until": ("evaluate.until=0.4", "evaluate.at_most={chips: 2, samples: 8}", "evaluate.chips=2"),
    "a stream": ("evaluate.stream.duration=1 h", "evaluate.stream.points=2"),
    "increments": DELTA,
    "drives of increments": (*DELTA, "hardware.dac.bits=7"),
    "feedback of increments": (*DELTA, "hardware.mapping.error_feedback=true"),
}


def given(loaded: LoadedConfig, memory: dict[str, Any] | None, accuracy: bool) -> dict[str, Any]:
    result = simulate(loaded, memory=memory, accuracy=accuracy)
    found: dict[str, Any] = {s.name: s.value for s in collect(result) if s.name[:5] != "host."}
    return found | {name: codes.tolist() for name, codes in result.predictions.items()}


@pytest.fixture(scope="module")
def memories() -> dict[bool, dict[str, Any]]:
    """Of whole runs, and of runs for their costs alone; all tests fill them."""
    return {True: {}, False: {}}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("accuracy", [True, False], ids=["whole", "costs"])
def test_a_run_behind_another_is_as_alone(
    load: Load, memories: dict[bool, dict[str, Any]], what: str, accuracy: bool
) -> None:
    memory = memories[accuracy]
    given(load(*QUICK), memory, accuracy)
    changed = load(*QUICK, *CHANGES[what])
    alone = given(changed, None, accuracy)
    assert given(changed, memory, accuracy) == alone
    assert given(changed, memory, accuracy) == alone
