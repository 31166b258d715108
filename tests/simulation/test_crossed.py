"""Variance components of chips and sequences, and the level of their interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imssa_sim.simulation.crossed import crossed
from imssa_sim.simulation.intervals import wilson

TABLES = st.tuples(st.integers(2, 6), st.integers(2, 30)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.sampled_from([0.0, 1.0]))
)


def _drawn(
    generator: np.random.Generator, chips: int, sequences: int, of_chips: float, of_sequences: float
) -> np.ndarray:
    """Return right and wrong of chips and sequences of normal scores around 1.2."""
    score = (
        1.2
        + of_chips * generator.standard_normal((chips, 1))
        + of_sequences * generator.standard_normal((1, sequences))
        + generator.standard_normal((chips, sequences))
    )
    return (score > 0).astype(float)


def test_components_are_those_of_the_mean_squares_by_hand() -> None:
    # Two chips, three sequences: mean squares 1/6, 1/6 and 1/6 with these values.
    hits = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    found = crossed(hits)
    assert found.share.value == 0.5
    by_chip = 3 * ((2 / 3 - 0.5) ** 2 + (1 / 3 - 0.5) ** 2) / 1
    by_sequence = 2 * (0.5**2 + 0.0 + 0.5**2) / 2
    both = by_chip  # the one reading that differs, 1/3 in all over two degrees of freedom
    assert both == pytest.approx(1 / 6)
    assert found.of_chips == pytest.approx(0.0, abs=1e-15)
    assert found.of_sequences == pytest.approx((by_sequence - both) / 6)
    assert found.of_both == pytest.approx(both / 6)


def test_the_variance_is_that_of_means_over_new_chips_and_sequences() -> None:
    generator = np.random.default_rng(5)
    tables = [_drawn(generator, 4, 60, 0.4, 1.0) for _ in range(600)]
    found = [crossed(table) for table in tables]
    spread = np.var([one.share.value for one in found], ddof=1)
    assert np.mean([one.variance for one in found]) == pytest.approx(spread, rel=0.15)


@pytest.mark.parametrize(("of_chips", "of_sequences"), [(0.0, 1.0), (0.6, 0.5), (0.2, 2.0)])
def test_the_interval_holds_the_accuracy_of_all_chips_and_sequences(
    of_chips: float, of_sequences: float
) -> None:
    generator = np.random.default_rng(11)
    spread = np.sqrt(of_chips**2 + of_sequences**2 + 1)
    truth = (1.2 + spread * generator.standard_normal(1_000_000) > 0).mean()
    found = [crossed(_drawn(generator, 4, 80, of_chips, of_sequences)) for _ in range(500)]
    inside = [one.share.low <= truth <= one.share.high for one in found]
    assert np.mean(inside) >= 0.93  # 0.95 less two standard errors of 500 trials


@given(TABLES)
def test_an_interval_holds_its_mean_and_is_no_narrower_than_the_sequences_allow(
    hits: np.ndarray,
) -> None:
    found = crossed(hits)
    share = found.share
    assert 0 <= share.low <= share.value <= share.high <= 1
    alone = wilson(share.value, hits.shape[1])
    assert found.half >= (alone.high - alone.low) / 2 - 1e-12
    assert min(found.of_chips, found.of_sequences, found.of_both) >= 0
    assert found.degrees >= 1
    assert found.half >= found.least(chips=True, sequences=True) - 1e-12


def test_chips_that_are_all_right_leave_what_the_sequences_leave() -> None:
    found = crossed(np.ones((3, 50)))
    assert found.share.high == 1.0
    assert found.share.low < wilson(1.0, 50).low + 1e-12
    assert found.held_by_sequences


def test_chips_that_differ_widely_ask_for_more_chips() -> None:
    hits = np.repeat([[1.0], [0.0], [1.0]], 40, axis=1)
    hits[:, ::7] = 1 - hits[:, ::7]
    assert not crossed(hits).held_by_sequences
