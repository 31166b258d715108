"""The schedule of a stream against a clock that is simply let run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.config import LoadedConfig
from imssa_sim.config.schema import EvaluateConfig
from imssa_sim.errors import ConfigError, ValidityError
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.schedule import _spaced, check_times, schedule

Load = Callable[..., LoadedConfig]


def evaluate(start: int = 0, **stream: object) -> EvaluateConfig:
    quoted = {k: f"{v} s" if k in ("duration", *EVERY) and v is not None else v
              for k, v in stream.items()}  # fmt: skip
    return EvaluateConfig.model_validate({"time_since_programming": f"{start} s", "stream": quoted})


EVERY = ("reprogram_every", "recalibrate_every")


def let_run(start: int, end: int, write_every: int | None, calibrate_every: int) -> dict[str, int]:
    """Second by second: age, writings, calibrations; what is due comes after the second's reads."""
    age = calibrated = writings = calibrations = 0
    for clock in range(1, end + 1):
        age += 1
        if age % calibrate_every == 0 and not (write_every and age == write_every):
            calibrated = age
            calibrations += clock > start
        if write_every and age == write_every and clock < end:
            age = calibrated = 0
            writings += 1
            calibrations += 1
    return {"age": age, "writings": writings, "calibrated": calibrated, "made": calibrations}


@given(
    st.integers(1, 50), st.integers(1, 300), st.none() | st.integers(1, 80), st.integers(1, 40)
)  # fmt: skip
def test_a_clock_let_run_comes_to_the_same(
    start: int, length: int, write_every: int | None, calibrate_every: int
) -> None:
    if write_every is not None and write_every <= start:
        start = write_every - 1
    plan = schedule(
        evaluate(start, duration=length, points=2, reprogram_every=write_every,
                 recalibrate_every=calibrate_every)
    )  # fmt: skip
    assert plan is not None
    expected = let_run(start, start + length, write_every, calibrate_every)
    last = plan.moments[-1]
    assert last.clock == start + length
    assert last.age == pytest.approx(expected["age"])
    assert (last.writing, plan.rewritings) == (expected["writings"], expected["writings"])
    # At the very instant of a programming the calibration that falls on it has just been made.
    if not (write_every and expected["age"] == write_every):
        assert last.calibrated == pytest.approx(expected["calibrated"])
        assert plan.calibrations == expected["made"]


def test_points_are_even_in_time_or_in_its_logarithm() -> None:
    plan = schedule(evaluate(100, duration=900, points=4))
    assert plan is not None
    assert [m.clock for m in plan.moments] == [100, 400, 700, 1000]
    assert all(m.calibrated == m.age == m.clock for m in plan.moments)
    assert (plan.rewritings, plan.calibrations) == (0, 3)
    plan = schedule(evaluate(10, duration=9990, points=4, spacing="logarithmic"))
    assert plan is not None
    assert [m.clock for m in plan.moments] == pytest.approx([10, 100, 1000, 10000])


def test_a_chip_is_written_after_the_inferences_of_that_instant() -> None:
    plan = schedule(evaluate(0, duration=12, points=13, reprogram_every=4))
    assert plan is not None
    assert [m.age for m in plan.moments] == [0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]
    assert [m.writing for m in plan.moments] == [0] * 5 + [1] * 4 + [2] * 4


def test_no_duration_is_no_stream() -> None:
    assert schedule(EvaluateConfig()) is None


def test_a_first_inference_after_the_first_writing_again_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"30 min is over before the first inference") as error:
        load("evaluate.stream.duration=2 h", "evaluate.stream.reprogram_every=30 min")
    assert "evaluate" in str(error.value)


def test_a_stream_beyond_the_cards_time_ends_before_it_begins(load: Load) -> None:
    config = load("hardware.chip.tile.cell=cells/hfox_neurram", "evaluate.stream.duration=3 d")
    with pytest.raises(ValidityError, match=r"time 2.142 d is outside"):
        simulate(config)
    with pytest.raises(ValidityError, match=r"time 2.142 d is outside"):
        check_times(config.config)


def test_logarithmic_points_begin_at_the_start_or_at_a_millionth_of_the_end():
    assert _spaced(0.0, 100.0, 4, "logarithmic") == pytest.approx([0.0, 1e-2, 1.0, 100.0])
    assert _spaced(1.0, 1000.0, 4, "logarithmic") == pytest.approx([1.0, 10.0, 100.0, 1000.0])
    assert _spaced(0.0, 9.0, 4, "linear") == pytest.approx([0.0, 3.0, 6.0, 9.0])
