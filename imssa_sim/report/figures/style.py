"""One look for all figures, and how they are saved."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Given = ParamSpec("Given")

_RC: Any = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "svg.hashsalt": "imssa_sim",
    "svg.fonttype": "none",  # letters as letters: half the file, and they can be searched
    "text.hinting": "none",
    "text.parse_math": False,  # names of runs and workloads may hold a $
}


_OPTIONS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "png": {"pil_kwargs": {"compress_level": 1}},
}

PARTIAL = ".partial"
"""Suffix of a file that takes its final name when it is whole."""


def look(draw: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """Let a function draw its figure in the look of all."""

    @wraps(draw)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> Figure:
        with mpl.rc_context(_RC):
            return draw(*args, **kwargs)

    return drawn


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5 of each decade."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def canvas(width: float = 7.0, height: float = 4.0) -> tuple[Figure, Axes]:
    """Return a figure with one set of axes, on about ``width`` × ``height`` [inch].

    `save` takes as much room around the axes as their labels and legends need.
    """
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``width`` × ``height`` [inch], and its axes row by row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def save(figure: Figure, paths: Iterable[Path]) -> None:
    """Write the figure to each path; the suffix, that before ``.partial``, chooses the format."""
    with mpl.rc_context(_RC):
        # The room that all takes is measured once for all formats.
        FigureCanvasAgg(figure)
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine(None)
        room = figure.get_tightbbox().padded(0.08)
        for path in paths:
            kind = path.suffixes[0 if path.suffix == PARTIAL else -1].removeprefix(".")
            options = _OPTIONS.get(kind, {})
            figure.savefig(path, format=kind, bbox_inches=room, **options)
