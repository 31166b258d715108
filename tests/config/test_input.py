"""The input section: what excludes each other, and that it changes no value."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from imssa_sim.config.schema import EvaluateConfig, InputConfig


def test_off_by_default():
    assert not EvaluateConfig().input.on
    assert InputConfig(rate="16 kHz").on


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rate": "0 Hz"}, "must be greater than zero"),
        ({"rate": "16 kHz", "jitter": "-1 us"}, "must not be negative"),
        ({"rate": "16 kHz", "jitter": "70 us"}, "would overtake each other"),
        ({"rate": "16 kHz", "jitter": "1 us", "arrival": "poisson"}, "no clock"),
        ({"deadline": "1 ms"}, "deadline without a rate"),
        ({"times": "nowhere.txt"}, "there is no file"),
    ],
)
def test_nonsense_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        InputConfig(**keys)


def test_times_exclude_a_clock(tmp_path):
    path = tmp_path / "stamps.txt"
    path.write_text("0\n", "utf-8")
    assert InputConfig(times=str(path)).on
    with pytest.raises(ValidationError, match="leave no choice of burst, rate"):
        InputConfig(times=str(path), rate="16 kHz", burst=2)


def test_jitter_of_bursts_may_be_as_long_as_their_period():
    assert InputConfig(rate="16 kHz", jitter="70 us", burst=2).jitter == pytest.approx(70e-6)
