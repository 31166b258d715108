"""What the executions on chips add up to, from made-up results that differ everywhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imssa_sim.errors import InternalError
from imssa_sim.simulation.tally import NOT_EVALUATED, accuracy_of, activity_of, saturation_of


def result(samples: int, factor: int) -> Any:
    activity = {
        "chip.a": SimpleNamespace(
            conversions=1000 * factor, low=np.array([[1, 2], [3, 0]]) * factor,
            high=np.array([[10, 0], [0, 30]]) * factor,
        ),
        "chip.b": SimpleNamespace(
            conversions=7 * factor, low=np.zeros(3, int), high=np.array([0, 5, 0]) * factor
        ),
    }  # fmt: skip
    return SimpleNamespace(
        samples=samples, activity=activity, counts={("chip.a.array", "read"): 6 * samples},
        array_energy={"chip.a.array": 2e-9 * factor, "chip.b.array": 5e-9 * factor},
    )  # fmt: skip


def test_both_ends_of_the_range_are_counted_over_all_chips() -> None:
    first, second = saturation_of([result(4, 1), result(4, 2)])
    assert (first.component, first.conversions, first.low, first.high) == (
        "chip.a.adc", 3000, 3 * 6, 3 * 40,
    )  # fmt: skip
    assert (second.component, second.conversions, second.low, second.high) == (
        "chip.b.adc", 21, 0, 15,
    )  # fmt: skip


def test_counts_and_energies_are_per_inference() -> None:
    activity = activity_of([result(4, 1), result(6, 2)])
    assert activity.counts == {("chip.a.array", "read"): 6}
    assert activity.array_energy["chip.a.array"] == pytest.approx(6e-9 / 10)
    assert activity.array_energy["chip.b.array"] == pytest.approx(15e-9 / 10)
    odd = result(4, 1)
    odd.counts["chip.a.array", "read"] += 1
    with pytest.raises(InternalError, match="25 actions in 4 inferences"):
        activity_of([odd])


def test_correct_predictions_are_counted_against_the_labels_of_what_was_given() -> None:
    predictions = {
        "labels": np.array([0, 1, 2, 3, 4, 5]),
        "float": np.array([0, 1, 2, 3, 4, 0]),
        "digital": np.array([0, 1, 2, 3, 0, 0]),
        "chip0": np.array([0, NOT_EVALUATED, 2, NOT_EVALUATED, 0, NOT_EVALUATED]),
        "chip1": np.array([NOT_EVALUATED, 1, NOT_EVALUATED, 0, NOT_EVALUATED, 0]),
    }
    found = accuracy_of(predictions, 6)
    assert (found.float_correct, found.digital_correct) == (5, 4)
    assert found.analog_correct == (2, 1)
    assert (found.samples, found.analog_samples, found.analog_alike) == (6, 3, False)
    assert found.analog_mean == pytest.approx(0.5)
