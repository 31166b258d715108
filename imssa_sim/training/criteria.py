"""What a training minimises, and what its epochs are judged by."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from imssa_sim.model.target_scaling import TargetScaling

FloatArray = NDArray[np.float64]


class Criterion(Protocol):
    """Classes or values: how results are compared with labels.

    Attributes
    ----------
    measure, column : str
        What epochs are judged by, in words and as a column's name ends.
    loss : str
        What is minimised, in words.
    """

    measure: str
    column: str
    loss: str

    def labels(self, labels: NDArray[np.generic]) -> Tensor:
        """Return labels of a data set as results are compared with them."""

    def loss_of(self, results: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Return the mean loss of results (n, K), or their sum."""

    def counted(self, results: Tensor, labels: Tensor, steps: int) -> FloatArray:
        """Return sums over results, of which a sequence has ``steps``, that make up `score`."""

    def score(self, sums: FloatArray) -> float:
        """Return the measure, at most 1, of the sums over all results."""

    def shown(self, score: float) -> str:
        """Return a score for a line of progress."""


class ClassCriterion:
    """Cross-entropy of logits; the share of right predictions."""

    measure, column, loss = "accuracy", "accuracy", "cross-entropy [nat]"

    def labels(self, labels: NDArray[np.generic]) -> Tensor:
        """Return classes (n,)."""
        return torch.from_numpy(labels)

    def loss_of(self, results: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Return the cross-entropy."""
        return functional.cross_entropy(results, labels, reduction=reduction)

    def counted(self, results: Tensor, labels: Tensor, steps: int) -> FloatArray:
        """Return right results, and all, both in sequences."""
        right = int((results.argmax(dim=1) == labels).sum()) / steps
        return np.array([right, len(labels) / steps])

    def score(self, sums: FloatArray) -> float:
        """Return the share of right results."""
        return float(sums[0] / sums[1])

    def shown(self, score: float) -> str:
        """Return a share in percent."""
        return f"{score:7.2%}"


class ValueCriterion:
    """Mean squared error of scaled targets; R², the mean of several outputs.

    Parameters
    ----------
    scaling : TargetScaling
        What results are of targets.
    """

    measure, column, loss = "R²", "r2", "mean squared error of scaled targets"

    def __init__(self, scaling: TargetScaling) -> None:
        self.scaling = scaling

    def labels(self, labels: NDArray[np.generic]) -> Tensor:
        """Return scaled targets (n, …, K)."""
        return torch.from_numpy(self.scaling.done(labels).astype(np.float32))

    def loss_of(self, results: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Return the squared error, the mean of several outputs."""
        each = functional.mse_loss(results, labels, reduction="none").mean(dim=1)
        return each.sum() if reduction == "sum" else each.mean()

    def counted(self, results: Tensor, labels: Tensor, steps: int) -> FloatArray:
        """Return of each output (4, K) squared errors, targets, their squares, and how many."""
        found, wanted = results.detach().double(), labels.double()
        parts = (found - wanted) ** 2, wanted, wanted**2, torch.ones_like(wanted)
        return torch.stack([part.sum(dim=0) for part in parts]).numpy()

    def score(self, sums: FloatArray) -> float:
        """Return R²; minus infinity where all targets of an output are equal."""
        errors, targets, squares, count = sums
        deviations = squares - targets**2 / count
        if (deviations <= 1e-12 * squares).any():
            return -math.inf
        return float(np.mean(1 - errors / deviations))

    def shown(self, score: float) -> str:
        """Return R² with its name."""
        return f"R² {score:8.4f}"
