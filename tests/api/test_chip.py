"""A programmed chip: the chips of a run, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import imssa_sim


@pytest.fixture(scope="module")
def chip(tiny: dict[str, Any]) -> imssa_sim.Chip:
    return imssa_sim.chip(tiny, chip=1)


def test_it_predicts_what_the_run_does(chip: imssa_sim.Chip, done: imssa_sim.Run) -> None:
    np.testing.assert_array_equal(chip.labels, done.predictions["labels"])
    logits = chip(chip.sequences, chip.sample_ids)
    np.testing.assert_array_equal(logits.argmax(axis=1), done.predictions["chip1"])
    np.testing.assert_array_equal(chip(chip.sequences[0], chip.sample_ids[:1]), logits[0])


def test_its_cells_can_be_read(chip: imssa_sim.Chip) -> None:
    found = chip.conductances
    assert "chip.layer0.kernel" in found
    assert set(found) == set(chip.weights)
    for values in found.values():
        assert values.ndim == 3
        assert 0 <= values.min() < values.max() < 1e-3


def test_time_passes_and_it_is_written_again(tiny: dict[str, Any]) -> None:
    fresh = imssa_sim.chip(tiny, set={"hardware.chip.tile.cell": "cells/pcm_joshi_2020"}, time=60.0)
    late = fresh.later(86400.0)
    path = "chip.layer0.kernel"
    assert late.conductances[path].sum() < fresh.conductances[path].sum()
    assert (fresh.time, late.time, late.writings) == (60.0, 86400.0, 0)
    again = late.reprogram(60.0)
    assert again.writings == 1
    assert not np.array_equal(again.conductances[path], fresh.conductances[path])
    assert "60 s after programming" in repr(again)
    third = again.reprogram(60.0)
    assert third.writings == 2
    assert not np.array_equal(third.conductances[path], again.conductances[path])
    assert third.targets[path].tolist() == fresh.targets[path].tolist()


@pytest.mark.parametrize(
    ("given", "said"),
    [({"chip": -1}, "chip: expected an integer"), ({"time": -1.0}, "time: expected seconds"),
     ({"time": "1 h"}, "time: expected seconds"), ({"set": 3}, "set: expected")],
)  # fmt: skip
def test_bad_arguments_are_refused(tiny: dict[str, Any], given: Any, said: str) -> None:
    with pytest.raises(imssa_sim.InputError, match=said):
        imssa_sim.chip(tiny, **given)


def test_bad_sequences_are_refused(chip: imssa_sim.Chip) -> None:
    with pytest.raises(imssa_sim.InputError):
        chip(np.zeros((2, 3, 4)))
    with pytest.raises(imssa_sim.InputError, match="sequences"):
        chip(np.zeros(3))


def test_time_begins_at_the_workloads(tiny: dict[str, Any]) -> None:
    set_to = {"evaluate.time_since_programming": "2 h"}
    assert imssa_sim.chip(tiny, set=set_to).time == 7200.0
    assert imssa_sim.chip(tiny, set=set_to, time=5).time == 5.0
