"""How well a run did, as the screen shows it: accuracy of classes, R² and errors of values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imssa_sim.report.adaptive import adaptive_line
from imssa_sim.report.screen_parts import Paragraph
from imssa_sim.simulation.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.report.screen_parts import ScreenPart
    from imssa_sim.simulation.regression import Goodness, Regression
    from imssa_sim.simulation.result import Accuracy, RunResult


def evaluated(result: RunResult) -> Iterator[ScreenPart]:
    """Yield how well the executions did: accuracies, or how near values come to targets."""
    if result.accuracy is not None:
        yield from _accuracy(result, result.accuracy)
    elif result.regression is not None:
        yield from _regression(result, result.regression)
    else:
        yield Paragraph("accuracy", "not evaluated: costs alone")


def _accuracy(result: RunResult, a: Accuracy) -> Iterator[ScreenPart]:
    shares = [
        f"{name} {correct / a.decisions:.1%}"
        for name, correct in (("float", a.float_correct), ("quantised", a.digital_correct))
        if correct is not None
    ]
    if a.analog_mean is not None:
        spread = f" ± {a.analog_deviation:.1%}" if a.analog_deviation is not None else ""
        low, high = (
            right / a.analog_decisions for right in (min(a.analog_correct), max(a.analog_correct))
        )
        chips = len(a.analog_correct)
        which = f"{chips} chips, {low:.1%} to {high:.1%}" if chips > 1 else "1 chip"
        shares.append(f"analog {a.analog_mean:.1%}{spread} ({which})")
    yield Paragraph("accuracy", "   ".join(shares))
    if result.reached is not None:
        yield Paragraph("", adaptive_line(result.reached))
    each = "" if a.analog_samples == a.samples else f", {a.analog_samples} of them on each chip"
    of_steps = f", {a.steps} results each" if a.steps > 1 else ""
    if a.analog_draw is not None:
        each = (
            f", each chip its own {a.analog_samples} (the draw alone gives ± {a.analog_draw:.1%})"
        )
    guess = 1 / result.loaded.config.model.results
    yield Paragraph(
        "",
        f"{a.samples} of {result.data.test_size} test sequences{of_steps}{each}{_clipped(result)}; "
        f"guessing gives {guess:.1%}",
    )
    if near_guessing(a, guess):
        yield Paragraph("", "near guessing: `imssa_sim why` tells what the accuracy dies of")


def near_guessing(accuracy: Accuracy, guess: float) -> bool:
    """Tell whether a chip cannot be told from a guess, and the quantised network can."""
    mean, digital = accuracy.analog_mean, accuracy.digital_correct
    if mean is None or wilson(mean, accuracy.analog_decisions).low > guess:
        return False
    return digital is None or wilson(digital / accuracy.decisions, accuracy.decisions).low > guess


def _clipped(result: RunResult) -> str:
    """Say which share of conversions, and of sums, was cut off."""
    conversions = sum(s.conversions for s in result.saturation)
    clipped = sum(s.low + s.high for s in result.saturation)
    share = f"; {clipped / conversions:.2%} of conversions clip" if conversions else ""
    if result.overflow is not None:
        share += f", {result.overflow:.2%} of sums exceed an accumulator"
    return share


def _regression(result: RunResult, r: Regression) -> Iterator[ScreenPart]:
    scores = [f"{name} {_shown(g.r2.value)}" for name, g in _executions(r) if name != "analog"]
    if r.analog is not None:
        scores.append(f"analog {_shown(r.analog.r2.value)}{_over_chips(r, 'r2')}")
    of = f" (mean of {r.outputs} outputs)" if r.outputs > 1 else ""
    yield Paragraph("R²", "   ".join(scores) + of)
    if r.analog is not None and not math.isnan(r.analog.r2.low):
        low, high = r.analog.r2.low, r.analog.r2.high
        yield Paragraph(
            "", f"analog {low:.4g} to {high:.4g}: 95 %, by bootstrap over test sequences"
        )
    if any(math.isnan(g.r2.value) for _, g in _executions(r)):
        yield Paragraph("", "R² has no value where all targets of an output are equal")
    for output, spread in enumerate(r.spread_of):
        errors = []
        for name, g in _executions(r):
            more = _over_chips(r, "rmse") if name == "analog" and r.outputs == 1 else ""
            errors.append(f"{name} {math.sqrt(g.mse_of[output]):.4g}{more}")
        which = f"output {output}: " if r.outputs > 1 else ""
        text = f"{which}{'   '.join(errors)}   always the mean {spread:.4g}"
        yield Paragraph("" if output else "RMSE", text)
    each_chip = "" if r.analog_samples == r.samples else f", {r.analog_samples} on each chip"
    of_steps = f", {r.targets:,} targets" if r.steps > 1 else ""
    yield Paragraph(
        "",
        f"{r.samples} of {result.data.test_size} test sequences{of_steps}{each_chip}"
        f"{_clipped(result)}",
    )
    if r.analog is not None and r.analog.r2.high <= 0:
        yield Paragraph("", "the chip is no better than the mean of the targets")


def _executions(r: Regression) -> list[tuple[str, Goodness]]:
    named = (("float", r.float_), ("quantised", r.digital), ("analog", r.analog))
    return [(name, found) for name, found in named if found is not None]


def _over_chips(r: Regression, measure: str) -> str:
    each = [getattr(chip, measure).value for chip in r.chips]
    spread = r.deviation(measure)
    if spread is None:
        return " (1 chip)"
    return f" ± {spread:.3g} ({len(each)} chips, {min(each):.4g} to {max(each):.4g})"


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
