"""Bars as elements of HTML: their letters keep their size at any width of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.report.colours import kind_colour
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from imssa_sim.report.page.scales import Scale

SMALLEST = 0.05
"""Segments below this share of the axis [%] are not drawn."""


@dataclass(frozen=True)
class BarSegment:
    """Part of a bar: its kind (which colours it), its size, its words, where a click leads."""

    kind: str
    value: float
    tip: str
    target: str = ""


def stacked(rows: Sequence[tuple[str, Sequence[BarSegment]]], unit: str, label: str) -> Markup:
    """Return stacked bars, one a row, on one common scale from zero.

    Parameters
    ----------
    rows : sequence of (name, segments)
    unit : str
        Of the values; their sum stands behind each bar.
    label : str
        What a screen reader says of the whole.
    """
    sums = [sum(segment.value for segment in segments) for _, segments in rows]
    most = max(sums, default=0.0) or 1.0
    drawn = [
        element(
            "div",
            element("div", name, class_="bar-name"),
            element("div", (_segment(s, most) for s in segments), class_="bar-track"),
            element("div", format_si(total, unit), class_="bar-sum"),
            class_="bar-row",
            role="listitem",
        )
        for (name, segments), total in zip(rows, sums, strict=True)
    ]
    return element("div", drawn, class_="bars", role="list", aria_label=label)


def _segment(segment: BarSegment, most: float) -> Markup | None:
    width = 100 * segment.value / most
    if width < SMALLEST:
        return None
    return element(
        "span",
        class_="seg",
        style=f"width:{width:.3f}%;background:{kind_colour(segment.kind)}",
        data_kind=segment.kind,
        data_tip=segment.tip,
        aria_label=segment.tip,
        data_goto=segment.target or None,
        tabindex=0 if segment.target else None,
        role="button" if segment.target else "img",
    )


def legend(kinds: Iterable[str]) -> Markup:
    """Return the colours of kinds; a pointer on one brings it out in its figure."""
    return element(
        "ul",
        (
            element(
                "li",
                element("i", style=f"background:{kind_colour(kind)}"),
                kind.replace("_", " "),
                data_legend=kind,
            )
            for kind in kinds
        ),
        class_="legend",
    )


@dataclass(frozen=True)
class Span:
    """A number with its interval, or a range without a number."""

    name: str
    low: float
    high: float
    value: float | None
    text: str
    colour: str = "var(--accent)"


def spans(
    rows: Sequence[Span], scale: Scale, show: Callable[[float], str], label: str,
    marks: Sequence[tuple[float, str]] = (),
) -> Markup:  # fmt: skip
    """Return ranges with a dot at their number, over one axis; ``marks`` are lines across all."""
    drawn = [
        element(
            "div",
            element("div", row.name, class_="bar-name"),
            element("div", _span(row, scale), _marks(marks, scale), class_="bar-track open"),
            element("div", row.text, class_="bar-sum"),
            class_="bar-row",
            role="listitem",
        )
        for row in rows
    ]
    return element("div", drawn, axis(scale, show), class_="bars", role="list", aria_label=label)


def _span(row: Span, scale: Scale) -> list[Markup]:
    left, right = scale(row.low), scale(row.high)
    style = f"left:{left:.3f}%;width:{max(right - left, 0.3):.3f}%;background:{row.colour}"
    parts = [element("span", class_="range", style=style, data_tip=f"{row.name}: {row.text}")]
    if row.value is not None:
        place = f"left:{scale(row.value):.3f}%;background:{row.colour}"
        parts.append(element("span", class_="dot", style=place, data_tip=f"{row.name}: {row.text}"))
    return parts


def _marks(marks: Sequence[tuple[float, str]], scale: Scale) -> list[Markup]:
    return [
        element("span", class_="mark", style=f"left:{scale(value):.3f}%", data_tip=tip)
        for value, tip in marks
    ]


def axis(scale: Scale, show: Callable[[float], str]) -> Markup:
    """Return the ticks below bars."""
    ticks = [
        tick(scale(value), show(value)) for value in scale.ticks() if -0.1 <= scale(value) <= 100.1
    ]
    return element(
        "div", element("div", class_="bar-name"), element("div", ticks, class_="bar-axis"),
        element("div", class_="bar-sum"), class_="bar-row axis-row", aria_hidden="true",
    )  # fmt: skip


def tick(place: float, text: str) -> Markup:
    """Return the number at a place [%] of an axis, inside of it at both ends."""
    end = "first" if place < 3 else "last" if place > 95 else None
    return element("span", text, style=f"left:{place:.3f}%", class_=end)
