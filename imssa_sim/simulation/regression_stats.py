"""Statistics of a run that is a regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.simulation.regression import Goodness, Regression

Entry = tuple[str, float | int | str | None, str, str]
UNITS = {"r2": "1", "rmse": "target", "mse": "target2"}
"""Of the measures; ``target`` stands for the unit of the targets."""
_WORDS = {
    "r2": "R², coefficient of determination",
    "rmse": "root of the mean squared error",
    "mse": "mean squared error",
}


def regression_entries(found: Regression) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of how near the values come to the targets."""
    yield "regression.samples", found.samples, "", "test sequences evaluated"
    yield "regression.analog.samples", found.analog_samples, "", "of them on each chip instance"
    yield "regression.outputs", found.outputs, "", "values of a target"
    if found.steps > 1:
        yield "regression.steps", found.steps, "", "most targets of a sequence, one a step"
    yield "regression.targets", found.targets, "", "targets of all sequences"
    yield "regression.spread", found.spread, "target", "RMSE of always giving the targets' mean"
    for measure, unit in UNITS.items():
        yield from _measure(found, measure, unit)
    if found.outputs > 1:
        yield from _outputs(found)


def _measure(found: Regression, measure: str, unit: str) -> Iterator[Entry]:
    of = ""
    if found.outputs > 1:  # errors mean something where the outputs share a unit
        of = {"r2": ", mean over the outputs", "mse": ", mean over outputs of one unit",
              "rmse": ", of the mean over outputs of one unit"}[measure]  # fmt: skip
    words = f"{_WORDS[measure]}{of}"
    name = f"regression.{measure}"
    for execution, held, who in (
        ("float", found.float_, "float network"),
        ("digital", found.digital, "quantised network, exact integers"),
        ("analog", found.analog, "on the chip, mean over chip instances"),
    ):
        own = f"{name}.analog.mean" if execution == "analog" else f"{name}.{execution}"
        estimate = None if held is None else getattr(held, measure)
        yield own, _number(estimate and estimate.value), unit, f"{words}: {who}"
        if estimate is not None:
            bounds = f"{name}.{execution}"
            meaning = "bound of 95 % by bootstrap over test sequences"
            yield f"{bounds}.low", _number(estimate.low), unit, f"{measure}: lower {meaning}"
            yield f"{bounds}.high", _number(estimate.high), unit, f"{measure}: upper {meaning}"
    spread = found.deviation(measure)
    meaning = "sample standard deviation over chip instances"
    yield f"{name}.analog.deviation", _number(spread), unit, f"{measure}: {meaning}"
    for chip, held in enumerate(found.chips):
        value = _number(getattr(held, measure).value)
        yield f"{name}.analog.chip{chip}", value, unit, f"{measure} on chip instance {chip}"


def _outputs(found: Regression) -> Iterator[Entry]:
    executions: tuple[tuple[str, Goodness | None], ...] = (
        ("float", found.float_), ("digital", found.digital), ("analog.mean", found.analog),
    )  # fmt: skip
    for output in range(found.outputs):
        for execution, held in executions:
            if held is not None:
                name = f"regression.output{output}"
                r2, mse = _number(held.r2_of[output]), held.mse_of[output]
                yield f"{name}.r2.{execution}", r2, "1", f"R² of output {output} alone"
                yield f"{name}.rmse.{execution}", math.sqrt(mse), "target", "its RMSE"
        spread = found.spread_of[output]
        yield f"regression.output{output}.spread", spread, "target", "RMSE of its targets' mean"


def _number(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
