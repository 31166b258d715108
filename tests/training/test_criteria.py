"""Losses and scores of a training."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import r2_score

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from imssa_sim.model.target_scaling import TargetScaling  # noqa: E402
from imssa_sim.training.criteria import ClassCriterion, ValueCriterion  # noqa: E402


def test_r2_of_parts_is_that_of_the_whole() -> None:
    random = np.random.default_rng(0)
    targets = random.normal((3, -2), (1, 5), (40, 2))
    values = targets + random.normal(0, 0.4, targets.shape)
    judge = ValueCriterion(TargetScaling.of(targets))
    scaled = torch.from_numpy(judge.scaling.done(values))
    parts = [slice(0, 7), slice(7, 40)]
    sums = sum(judge.counted(scaled[p], judge.labels(targets[p]), 1) for p in parts)
    assert judge.score(sums) == pytest.approx(r2_score(targets, values), rel=1e-6)
    whole = judge.loss_of(scaled.float(), judge.labels(targets))
    assert float(whole) == pytest.approx(float(((scaled - judge.labels(targets)) ** 2).mean()))
    total = judge.loss_of(scaled.float(), judge.labels(targets), "sum")
    assert float(total) == pytest.approx(40 * float(whole), rel=1e-5)


def test_equal_targets_never_score() -> None:
    judge = ValueCriterion(TargetScaling((0.0,), (1.0,)))
    sums = judge.counted(torch.zeros(4, 1), torch.full((4, 1), 0.3), 1)
    assert judge.score(sums) == -math.inf


def test_steps_of_a_sequence_share_its_weight() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [1.0, 0.0]])
    sums = ClassCriterion().counted(logits, torch.tensor([0, 1, 1, 0]), 2)
    np.testing.assert_array_equal(sums, (1.5, 2.0))
    assert ClassCriterion().score(sums) == 0.75
