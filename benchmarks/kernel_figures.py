"""Figures of `kernels.py`: ratios, roofline, scaling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from kernels import Row

AXES = {"length": "L ", "batch": "batch ", "tiles": "", "threads": "threads "}


def save(rows: list[Row], folder: Path) -> None:
    """Draw what the rows have data for."""
    figures = {"kernels": ratios, "roofline": roofline, "scaling": scaling}
    for name, draw in figures.items():
        figure = draw(rows)
        if figure is not None:
            for suffix in ("png", "svg"):
                figure.savefig(folder / f"{name}.{suffix}", dpi=150)
            plt.close(figure)


def ratios(rows: list[Row]) -> Any:
    """How many times faster the kernel is than each other method."""
    shown = [row for row in rows if row.ratio is not None][::-1]
    if not shown:
        return None
    figure, axes = plt.subplots(figsize=(9, 0.24 * len(shown) + 1), layout="constrained")
    sections = list(dict.fromkeys(row.section for row in rows))
    colours = [f"C{sections.index(row.section)}" for row in shown]
    axes.barh(range(len(shown)), [row.ratio for row in shown], color=colours)
    axes.set_yticks(range(len(shown)), [f"{row.case}: {row.method}" for row in shown], fontsize=7)
    for place, row in enumerate(shown):
        axes.annotate(
            f"{row.ratio:.3g}", (row.ratio, place), (3, 0), textcoords="offset points",
            va="center", fontsize=6,
        )  # fmt: skip
    axes.set(xscale="log", xlabel="times that the first method of the case is faster, same run")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.margins(x=0.08, y=0.01)
    return figure


def roofline(rows: list[Row]) -> Any:
    """Rate of the mean product over the codes moved, under sgemm's rate."""
    shown = [r for r in rows if r.flops and r.bytes and r.section in ("recurrent", "dense")]
    roofs = {row.method: row for row in rows if row.section == "ceiling"}
    if not shown:
        return None
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    labels = []
    for row in shown:
        marker = {"kernel": "o", "NumPy": "x"}.get(row.method, "+")
        colour = "C0" if row.section == "recurrent" else "C1"
        if row.method != "kernel":
            colour = "0.5"
        axes.loglog(
            row.flops / row.bytes, row.flops / row.seconds / 1e9, marker, color=colour, label=None
        )
        if row.method == "kernel":
            label = row.case.removeprefix("128 × 65×65, ").replace(" reads", "")
            labels.append((row.flops / row.bytes, row.flops / row.seconds / 1e9, label))
    for marker, colour, label in (
        ("o", "C0", "kernel, recurrent"), ("o", "C1", "kernel, dense"), ("x", "0.5", "NumPy"),
        ("+", "0.5", "sgemm alone"),
    ):  # fmt: skip
        axes.plot([], [], marker, color=colour, label=label)
    if {"sgemm", "copy"} <= set(roofs):
        rate = roofs["sgemm"].flops / roofs["sgemm"].seconds / 1e9
        per_byte = roofs["copy"].bytes / roofs["copy"].seconds / 1e9
        last = max(row.flops / row.bytes for row in shown)
        axes.plot(
            [0.1, rate / per_byte, 2 * last], [0.1 * per_byte, rate, rate], color="black",
            linewidth=0.8, label="copy in memory, and sgemm 2048×2048",
        )  # fmt: skip
    axes.set(
        xlabel="FLOP of the mean product per byte moved to and from memory",
        ylabel="GFLOP/s of the mean product",
    )
    axes.margins(x=0.15)
    axes.legend(fontsize=7)
    figure.draw_without_rendering()  # only now the axes have their place
    _label_apart(axes, labels)
    return figure


def _label_apart(axes: Any, labels: list[tuple[float, float, str]], gap: float = 8.0) -> None:
    """Write labels beside their points, ``gap`` points or more between those above each other."""
    points = axes.figure.dpi / 72
    lowest: list[tuple[float, float]] = []  # right and lower edges of what is written
    for x, y, text in sorted(labels, key=lambda label: -label[1]):
        left, height = (v / points for v in axes.transData.transform((x, y)))
        width = 3.2 * len(text)
        above = [low for end, low in lowest if abs(end - left - width) < width]
        place = min([height, *(low - gap for low in above)])
        lowest.append((left + width, place))
        axes.annotate(
            text, (x, y), (5, place - height - 2), textcoords="offset points", fontsize=6
        )  # fmt: skip


def scaling(rows: list[Row]) -> Any:
    """Time per read over length, batch, tiles and threads."""
    shown = [row for row in rows if row.section == "scaling"]
    if not shown:
        return None
    figure, panels = plt.subplots(
        1, len(AXES), figsize=(10, 2.8), layout="constrained", sharey=True
    )
    for axes, (kind, word) in zip(panels, AXES.items(), strict=True):
        points = []
        for row in shown:
            label, _, rest = row.case.partition(": ")
            if label == kind:
                parts = rest.split(", ")
                part = next(
                    p for p in parts if (p.endswith(" tiles") if not word else p.startswith(word))
                )
                number = int(part.removeprefix(word).removesuffix(" tiles"))
                points.append((number, row.seconds / row.work * 1e9))
        axes.plot(*zip(*sorted(points), strict=True), "o-")
        axes.set(xscale="log", xlabel=kind)
        axes.set_xticks([x for x, _ in points], [str(x) for x, _ in points], fontsize=7)
        axes.minorticks_off()
    panels[0].set(
        ylabel="ns per read", ylim=(0, 1.1 * max(r.seconds / r.work * 1e9 for r in shown))
    )
    return figure
