"""Mean squared error and R² of executions, with their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error, r2_score

from imssa_sim.simulation.regression import at_each_step, regression_of, table_of


def made(n: int, steps: int, outputs: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = random.normal(5, 2, (n, steps, outputs))
    return targets, targets + random.normal(0.1, 0.7, targets.shape)


@pytest.mark.parametrize(("steps", "outputs"), [(1, 1), (1, 3), (4, 2)])
def test_measures_are_those_of_scikit_learn(steps: int, outputs: int) -> None:
    targets, values = made(12, steps, outputs)
    found = regression_of(targets, {"float": values}, {}).float_
    flat = (targets.reshape(-1, outputs), values.reshape(-1, outputs))
    assert found is not None
    assert found.r2.value == pytest.approx(r2_score(*flat))
    assert found.mse.value == pytest.approx(mean_squared_error(*flat))
    assert found.rmse.value == pytest.approx(math.sqrt(mean_squared_error(*flat)))
    assert found.r2_of == pytest.approx(r2_score(*flat, multioutput="raw_values"))
    assert found.mse_of == pytest.approx(mean_squared_error(*flat, multioutput="raw_values"))


def test_the_mean_of_the_targets_has_no_r2_and_leaves_their_spread() -> None:
    targets, _ = made(20, 1, 1)
    found = regression_of(targets, {"float": np.full_like(targets, targets.mean())}, {})
    assert found.float_ is not None
    assert found.float_.r2.value == pytest.approx(0)
    assert found.float_.rmse.value == pytest.approx(found.spread)


def test_padding_and_sequences_that_a_chip_was_not_given_do_not_count() -> None:
    targets, values = made(10, 5, 2)
    true = np.arange(5) < np.arange(1, 11)[:, None]
    ran = np.arange(10) % 3 > 0
    spoilt = np.where(true[..., None] & ran[:, None, None], values, np.nan)
    found = regression_of(targets, {"chip0": spoilt}, {"chip0": ran}, true)
    kept = true & ran[:, None]
    assert found.chips[0].r2.value == pytest.approx(r2_score(targets[kept], values[kept]))
    assert (found.samples, found.analog_samples, found.targets) == (10, 6, int(true.sum()))
    table = table_of(targets, {"chip0": spoilt}, {"chip0": ran}, np.arange(10) + 40, true)
    assert len(table["targets"]) == 2 * true.sum()
    assert np.isnan(table["chip0"]).sum() == 2 * true[~ran].sum()
    assert set(table["sequence"]) == set(range(40, 50))


def test_the_mean_over_chips_is_that_of_their_measures() -> None:
    targets, values = made(30, 1, 1)
    chips = {f"chip{n}": values + n for n in range(3)}
    found = regression_of(targets, chips, {})
    assert found.analog is not None
    assert found.analog.r2.value == pytest.approx(np.mean([c.r2.value for c in found.chips]))
    assert found.deviation("r2") == pytest.approx(np.std([c.r2.value for c in found.chips], ddof=1))
    assert regression_of(targets, {"chip0": values}, {}).deviation("r2") is None


def test_equal_targets_have_errors_but_no_r2() -> None:
    targets = np.ones((6, 1, 1))
    found = regression_of(targets, {"float": targets + 0.5}, {}).float_
    assert found is not None
    assert math.isnan(found.r2.value)
    assert math.isnan(found.r2.low)
    assert found.mse.value == pytest.approx(0.25)


def test_the_interval_is_as_wide_as_repeated_samples_vary() -> None:
    found = [
        regression_of(*_as_executions(made(100, 1, 1, seed=seed)), {}).float_ for seed in range(60)
    ]
    halves = [(f.r2.high - f.r2.low) / 2 for f in found if f is not None]
    spread = np.std([f.r2.value for f in found if f is not None], ddof=1)
    assert 1.96 * spread == pytest.approx(np.mean(halves), rel=0.35)


def _as_executions(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return pair[0], {"float": pair[1]}


@settings(max_examples=15, deadline=None)
@given(
    scale=st.floats(0.01, 100), offset=st.floats(-1e3, 1e3), n=st.integers(2, 12),
    steps=st.integers(1, 3),
)  # fmt: skip
def test_the_unit_of_the_targets_changes_errors_alone(
    scale: float, offset: float, n: int, steps: int
) -> None:
    targets, values = made(n, steps, 2)
    one = regression_of(targets, {"float": values}, {}).float_
    other = regression_of(scale * targets + offset, {"float": scale * values + offset}, {}).float_
    assert one is not None
    assert other is not None
    assert other.r2.value == pytest.approx(one.r2.value, rel=1e-6, abs=1e-6)
    assert other.mse.value == pytest.approx(scale**2 * one.mse.value, rel=1e-6)
    assert one.r2.low <= one.r2.value + 1e-9
    assert one.mse.low >= 0


def test_a_target_of_a_sequence_is_that_of_each_step() -> None:
    targets, values = np.arange(6.0).reshape(3, 2), np.zeros((3, 4, 2))
    apart, found = at_each_step(targets, {"float": values})
    np.testing.assert_array_equal(apart, np.repeat(targets[:, None], 4, axis=1))
    assert found["float"].shape == (3, 4, 2)
    whole, _ = at_each_step(targets, {"float": values[:, 0]})
    assert whole.shape == (3, 1, 2)
