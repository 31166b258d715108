"""How near the values of a regression come to their targets, in a run's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.report.colours import PALETTE
from imssa_sim.report.page.bars import Span, spans
from imssa_sim.report.page.markup import Markup, element
from imssa_sim.report.page.scales import fitted
from imssa_sim.report.page.sections import number

if TYPE_CHECKING:
    from imssa_sim.report.record import Record

GOODNESS = "Dots are of all test sequences, bars their 95 % intervals by bootstrap over sequences."
_EXECUTIONS = (
    ("float", "float", PALETTE[8]), ("digital", "quantised", PALETTE[7]),
    ("analog", "chip", PALETTE[0]),
)  # fmt: skip


def goodness(record: Record) -> Markup:
    """Return R² and RMSE of all executions with their intervals."""
    samples = int(number(record, "regression.samples") or 0)
    spread = number(record, "regression.spread") or 0.0
    note = (
        f"{samples} test sequences; on the chip the mean over the chip instances. Always giving "
        "the mean of the targets has R² 0."
    )
    outputs = int(number(record, "regression.outputs") or 1)
    errors: list[Markup] = [
        element("h3", "RMSE"), _measure(record, "rmse", [(spread, "mean of the targets")])
    ]  # fmt: skip
    if outputs > 1:  # which may have units of their own
        errors = []
        for output in range(outputs):
            path = f"output{output}."
            alone = number(record, f"regression.{path}spread") or 0.0
            marks = [(alone, "mean of the targets")]
            errors += [
                element("h3", f"RMSE of output {output}"), _measure(record, "rmse", marks, path)
            ]  # fmt: skip
    return element(
        "div", element("h3", "R²"), _measure(record, "r2", [(0.0, "mean of the targets")]),
        *errors, element("p", note, class_="hint"),
    )  # fmt: skip


def _measure(
    record: Record, measure: str, marks: list[tuple[float, str]], path: str = ""
) -> Markup:
    rows = []
    for name, words, colour in _EXECUTIONS:
        place = f"regression.{path}{measure}.{name}"
        value = number(record, f"{place}.mean" if name == "analog" else place)
        if value is not None:
            low, high = (number(record, f"{place}.{end}") for end in ("low", "high"))
            low, high = (value if end is None else end for end in (low, high))
            text = f"{value:.4g}" if path else f"{value:.4g} ({low:.4g}–{high:.4g})"
            rows.append(Span(words, low, high, value, text, colour))
    if not rows:
        return element("p", "All targets of an output are equal: no value.", class_="hint")
    scale = fitted([end for row in rows for end in (row.low, row.high)], 0.15)
    shown = [mark for mark in marks if scale.low <= mark[0] <= scale.high]
    return spans(rows, scale, lambda value: f"{value:.4g}", f"{measure} of the executions", shown)
