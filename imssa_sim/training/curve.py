"""The course of a training as CSV and figure."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from imssa_sim.training.criteria import Criterion
from imssa_sim.training.fit import EpochRecord


def write_curve(
    checkpoint: Path, history: Sequence[EpochRecord], title: str, criterion: Criterion
) -> None:
    """Write ``STEM.curve.csv`` and ``STEM.curve.png`` beside a checkpoint.

    Losses are means, scores are called after what they are (``train_accuracy`` or ``train_r2``),
    times [s].
    """
    table = checkpoint.with_suffix(".curve.csv")
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = [f.name for f in fields(EpochRecord)]
        writer.writerow(name.replace("score", criterion.column) for name in names)
        writer.writerows(astuple(record) for record in history)
    _draw(checkpoint.with_suffix(".curve.png"), history, title, criterion)


def _draw(path: Path, history: Sequence[EpochRecord], title: str, criterion: Criterion) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(figure)
    loss, score = figure.subplots(1, 2)
    percent = criterion.column == "accuracy"
    factor, label = (100, "error [%]") if percent else (1, f"1 − {criterion.measure}")
    epochs = [record.epoch + 1 for record in history]
    loss.semilogy(epochs, [r.train_loss for r in history], label="training")
    loss.semilogy(epochs, [r.validation_loss for r in history], label="validation")
    loss.set(xlabel="epoch", ylabel=criterion.loss, title=title)
    score.plot(epochs, [factor * (1 - r.train_score) for r in history], label="training")
    score.plot(epochs, [factor * (1 - r.validation_score) for r in history], label="validation")
    score.set(xlabel="epoch", ylabel=label, ylim=(0, None))
    for axes in (loss, score):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
