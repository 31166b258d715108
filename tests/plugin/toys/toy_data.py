"""A data set: which half of a noisy sequence is higher."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imssa_sim.config import DataConfig
from imssa_sim.data import Dataset, DataSource, Split


def _part(seed: int, count: int) -> Split:
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    steps = np.where(np.arange(16) < 8, 1.0, -1.0) * (1 - 2 * labels[:, None])
    inputs = steps + 0.1 * draw.standard_normal((count, 16))
    return Split(inputs[..., None].astype(np.float32), labels.astype(np.int64))


def load(path: Path | None, settings: DataConfig) -> Dataset:
    """Return the data, which need no files."""
    return Dataset(
        name="toy_steps",
        train=_part(0, 40),
        validation=_part(1, 10),
        test=_part(2, 20),
        classes=("falling", "rising"),
        source="made up by tests/plugin",
        normalisation="none",
        synthetic=True,
    )


STEPS = DataSource("a step up or down, 16 steps; made up", load)
