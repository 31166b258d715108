"""The course of a training as CSV and figure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from imssa_sim.training.fit import EpochRecord


def write_curve(checkpoint: Path, history: Sequence[EpochRecord], title: str) -> None:
    """Write ``STEM.curve.csv`` and ``STEM.curve.png`` beside a checkpoint.

    Losses are mean cross-entropies [nat], accuracies fractions, times [s].
    """
    table = checkpoint.with_suffix(".curve.csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(EpochRecord)])
        writer.writeheader()
        writer.writerows(asdict(record) for record in history)
    _draw(checkpoint.with_suffix(".curve.png"), history, title)


def _draw(path: Path, history: Sequence[EpochRecord], title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy = figure.subplots(1, 2)
    epochs = [record.epoch + 1 for record in history]
    loss.semilogy(epochs, [r.train_loss for r in history], label="training")
    loss.semilogy(epochs, [r.validation_loss for r in history], label="validation")
    loss.set(xlabel="epoch", ylabel="cross-entropy [nat]", title=title)
    accuracy.plot(epochs, [100 * (1 - r.train_accuracy) for r in history], label="training")
    accuracy.plot(epochs, [100 * (1 - r.validation_accuracy) for r in history], label="validation")
    accuracy.set(xlabel="epoch", ylabel="error [%]", ylim=(0, None))
    for axes in (loss, accuracy):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
