"""The report of a sweep: parallel coordinates, the Pareto front, the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imssa_sim.report.page.document import Chapter, document, table
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import Scale, decades, fitted
from imssa_sim.report.page.sections import percent
from imssa_sim.report.sweep_rows import METRICS, R2, main_metrics
from imssa_sim.sweeps.plan import label, varying
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imssa_sim.sweeps.store import PointResult

WIDE = 20.0
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""


@dataclass(frozen=True)
class Axis:
    """An axis of the parallel coordinates: a place [%] for each point, and its ticks."""

    words: str
    places: tuple[float | None, ...]
    ticks: tuple[tuple[float, str], ...]


def sweep_page(name: str, results: Sequence[PointResult]) -> str:
    """Return the report of a sweep as one HTML file.

    Parameters
    ----------
    name : str
    results : sequence of PointResult
        In whatever order they were stored.
    """
    good = [result for result in results if not result.error]
    paths = varying([result.point for result in results])
    found = []
    if good:
        axes = [*(_of_path(good, path) for path in paths), *_of_metrics(good)]
        found = [
            Chapter("pareto", "Accuracy and energy", _pareto(good, paths),
                    "The line joins the points that no other one beats in both."),
            Chapter("parallel", "All axes", _parallel(good, axes),
                    "Drag along an axis to keep the points there; a point lights up in both."),
        ]  # fmt: skip
    found.append(Chapter("points", "Points", _points(results, paths)))
    failed = len(results) - len(good)
    about = f"{len(results)} runs over {', '.join(paths) or 'one point'}"
    head = element(
        "div", element("h1", name), element("p", about, class_="about"),
        element("p", f"{failed} of them have no result", class_="about") if failed else None,
        class_="head",
    )  # fmt: skip
    messages = dict.fromkeys(result.message for result in results if result.message)
    foot = element("div", [element("p", message) for message in messages])
    return document(f"{name} · imssa_sim", head, found, foot)


def _value(result: PointResult, statistic: str) -> float | None:
    value = result.stats.get(statistic)
    return float(value) if isinstance(value, int | float) else None


def _show(unit: str) -> Callable[[float], str]:
    if unit == "%":
        return percent
    if unit:
        return lambda value: format_si(value, {"m2": "m^2"}.get(unit, unit), 3)
    return lambda value: f"{value:.3g}"


def scale_of(values: Sequence[float]) -> Scale:
    """Return a scale of values, logarithmic where they are positive and far apart."""
    if min(values) > 0 and max(values) > WIDE * min(values):
        return decades(values)
    return fitted(values)


def _of_path(results: Sequence[PointResult], path: str) -> Axis:
    """Return the axis of a setting: its values in their order, evenly spaced."""
    texts = [label(result.point, path) for result in results]
    known = sorted(set(texts), key=_order)
    step = 100 / max(1, len(known) - 1)
    place = {text: step * n if len(known) > 1 else 50.0 for n, text in enumerate(known)}
    ticks = tuple((where, text.rsplit("/", 1)[-1]) for text, where in place.items())
    return Axis(_brief(path), tuple(place[text] for text in texts), ticks)


def _brief(path: str) -> str:
    """Return a path without its first part, which most share."""
    return path.split(".", 1)[-1]


def _order(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


def _of_metrics(results: Sequence[PointResult]) -> list[Axis]:
    found = []
    for metric in main_metrics(results):
        values = [_value(result, metric.statistic) for result in results]
        known = [value for value in values if value is not None]
        if len(set(known)) > 1:
            scale, show = scale_of(known), _show(metric.unit)
            places = tuple(None if value is None else scale(value) for value in values)
            ticks = tuple((scale(tick), show(tick)) for tick in scale.ticks(5))
            found.append(Axis(metric.words, places, ticks))
    return found


def _parallel(results: Sequence[PointResult], axes: Sequence[Axis]) -> Markup:
    step = 100 / max(1, len(axes) - 1)
    accuracies = [_value(result, main_metrics(results)[0].statistic) for result in results]
    known = [value for value in accuracies if value is not None]
    lines = [
        _line(number, result, axes, step, _shade(value, known))
        for number, (result, value) in enumerate(zip(results, accuracies, strict=True))
    ]
    poles = [
        element(
            "div", element("b", axis.words),
            [element("span", text, style=f"bottom:{at:.2f}%") for at, text in axis.ticks],
            class_="pole", style=f"left:{n * step:.3f}%",
        )
        for n, axis in enumerate(axes)
    ]  # fmt: skip
    drawn = element(
        "svg", lines, viewBox="0 0 100 100", preserveAspectRatio="none", role="img",
        aria_label=f"{len(results)} points over {len(axes)} axes; the table below has them all",
    )  # fmt: skip
    words = ", ".join(axis.words for axis in axes)
    return element(
        "div", element("button", "show all", type="button", data_clear=True),
        element("div", element("div", drawn, *poles, class_="parallel",
                               style=f"--axes:{len(axes)}"), class_="pans", tabindex=0,
                role="region", aria_label=f"parallel coordinates: {words}"),
    )  # fmt: skip


def _line(
    number: int, result: PointResult, axes: Sequence[Axis], step: float, colour: str
) -> Markup | None:
    places = [axis.places[number] for axis in axes]
    if any(place is None for place in places):
        return None
    at = [float(place or 0.0) for place in places]
    path = " ".join(f"{'L' if n else 'M'}{n * step:.3f} {100 - y:.3f}" for n, y in enumerate(at))
    return element(
        "path", d=path, stroke=colour, data_line=number, data_at=" ".join(f"{y:.2f}" for y in at),
        data_tip=_told(result),
    )  # fmt: skip


def _shade(value: float | None, known: Sequence[float]) -> str:
    """Return a colour from orange (the lowest accuracy or R²) over grey to blue (the highest)."""
    if value is None or not known or max(known) == min(known):
        return "#0072B2"
    place = (value - min(known)) / (max(known) - min(known))
    low, middle, high = (213, 94, 0), (160, 160, 160), (0, 114, 178)
    start, end, part = (low, middle, 2 * place) if place < 0.5 else (middle, high, 2 * place - 1)
    return "#" + "".join(
        f"{round(a + (b - a) * part):02x}" for a, b in zip(start, end, strict=True)
    )


def _told(result: PointResult) -> str:
    settings = ", ".join(f"{_brief(path)} {label(result.point, path)}" for path in result.point)
    numbers = [
        f"{_show(metric.unit)(value)} {metric.heading}"
        for metric in (R2, *METRICS)
        if (value := _value(result, metric.statistic)) is not None
    ]
    return f"{settings}: {', '.join(numbers)}"


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places of the points that no other one beats: small first, large second number.

    In the order of the first number.
    """
    order = sorted(range(len(points)), key=lambda n: (points[n][0], -points[n][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1]:
            front.append(place)
    return front


def _pareto(results: Sequence[PointResult], paths: Sequence[str]) -> Markup:
    up, across, *_ = main_metrics(results)
    numbered = [
        (number, x, y, result)
        for number, result in enumerate(results)
        if (x := _value(result, across.statistic)) is not None
        and (y := _value(result, up.statistic)) is not None
    ]
    if not numbered:
        return element("p", "No point has a result of the chip.", class_="hint")
    pairs = [(x, y) for _, x, y, _ in numbered]
    horizontal, vertical = scale_of([x for x, _ in pairs]), fitted([y for _, y in pairs], 0.1)
    if up is not R2:
        vertical = Scale(max(0.0, vertical.low), min(1.0, vertical.high))
    show_up = percent if up is not R2 else _show("")
    front = pareto(pairs)
    places = [(horizontal(x), vertical(y)) for x, y in pairs]
    line = " ".join(f"{places[n][0]:.2f},{100 - places[n][1]:.2f}" for n in front)
    dots = [
        element(
            "button", class_=f"point{' best' if n in front else ''}", type="button",
            style=f"left:{places[n][0]:.2f}%;bottom:{places[n][1]:.2f}%", data_point=number,
            data_tip=_told(result), aria_label=_told(result),
        )
        for n, (number, _, _, result) in enumerate(numbered)
    ]  # fmt: skip
    shown = [
        [_shown(result, paths), _show(up.unit)(y), format_si(x, "J")]
        for x, y, result in ((numbered[n][1], numbered[n][2], numbered[n][3]) for n in front)
    ]
    return element(
        "div",
        element(
            "div", _ticks(horizontal, "x", _show("J")), _ticks(vertical, "y", show_up),
            element("div", across.words, class_="title-x"),
            element("div", up.words, class_="title-y"),
            element("svg", element("polyline", points=line, class_="front"),
                    viewBox="0 0 100 100", preserveAspectRatio="none", aria_hidden="true"),
            *dots, class_="plot", role="group", aria_label=f"{up.words} against {across.words}",
        ),
        element("h3", "The front"),
        table(("", up.words, across.words), shown, "points on the front", numbers=(1, 2)),
    )  # fmt: skip


def _shown(result: PointResult, paths: Sequence[str]) -> str:
    return ", ".join(f"{_brief(path)} {label(result.point, path)}" for path in paths)


def _ticks(scale: Scale, side: str, show: Callable[[float], str]) -> Markup:
    where = "left" if side == "x" else "bottom"
    parts: list[Any] = []
    for tick in scale.ticks():
        style = f"{where}:{scale(tick):.2f}%"
        parts.append(element("span", show(tick), style=style))
        if side == "y":
            parts.append(element("i", style=style))
    return element("div", parts, class_=side, aria_hidden="true")


def _points(results: Sequence[PointResult], paths: Sequence[str]) -> Markup:
    metrics = main_metrics(results)
    head = [*(_brief(path) for path in paths), *(m.words for m in metrics), ""]
    rows: list[list[str | Markup]] = []
    for result in results:
        row: list[str | Markup] = [label(result.point, path) for path in paths]
        for metric in metrics:
            value = _value(result, metric.statistic)
            row.append("–" if value is None else _show(metric.unit)(value))
        row.append(result.error)
        rows.append(row or [""])
    numbers = range(len(paths), len(paths) + len(metrics))
    return table(head, rows, "points", numbers=numbers, searched=True)
