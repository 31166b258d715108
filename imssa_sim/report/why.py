"""What a study of a workload's accuracy shows: table, screen, file."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from imssa_sim.ablation.findings import findings, no_influence, settings
from imssa_sim.ablation.variations import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imssa_sim.ablation.study import Outcome, Study

WIDTH = 80
NAME = 26
"""Columns of the first column."""
BASE = "as it is"


def rows_of(study: Study) -> list[dict[str, Any]]:
    """Return one row a run: what was changed, accuracy and gain with their intervals, costs.

    Accuracies and gains from 0 to 1 with the bounds of their 95 % intervals; energy per inference
    [J], latency end to end [s], area [m²]; ``set`` is what ``--set`` takes, ``error`` why a change
    has no result. Numbers that are not there are NaN.
    """
    return [_row(outcome) for outcome in (study.base, *study.outcomes, *study.combined)]


def _row(outcome: Outcome) -> dict[str, Any]:
    nan = float("nan")
    v, a, gain = outcome.variation, outcome.accuracy, outcome.gain
    return {
        "part": v.part if v else BASE,
        "change": v.words if v else "",
        "accuracy": a.value if a else nan,
        "accuracy_low": a.low if a else nan,
        "accuracy_high": a.high if a else nan,
        "gain": gain.value if gain else nan,
        "gain_low": gain.value - gain.half if gain else nan,
        "gain_high": gain.value + gain.half if gain else nan,
        "energy": outcome.energy,
        "latency": outcome.latency,
        "area": outcome.area,
        "set": settings(outcome),
        "error": outcome.error,
    }


def screen(study: Study, width: int = WIDTH) -> str:
    """Return tables and findings as plain text for a terminal of 80 columns or more."""
    parts = (_head, _effects, _changes, _together, _found)
    lines = [line for part in parts for line in part(study, width)]
    return "\n".join(line.rstrip() for line in lines)


def _head(study: Study, width: int) -> Iterator[str]:
    base, config = study.base.accuracy, study.loaded.config
    assert base is not None  # the workload ran
    others = [
        f"{name} {share.value:.1%}"
        for name, share in (("quantised", study.digital), ("float", study.ideal))
        if share is not None
    ]
    others.append(f"guessing {study.guessing:.1%}")
    yield "─" * width
    yield from _wrapped(
        f"{config.workload}: {base.value:.1%} on the chip ({_span(study.base)}); "
        + ", ".join(others), width
    )  # fmt: skip
    chips = f"{study.chips} chip{'s' if study.chips > 1 else ''}"
    text = f"{study.runs} runs of {study.sequences} sequences on {chips} in {study.seconds:.0f} s"
    if study.skipped:
        text += f"; {study.skipped} left out"
        whole = study.seconds * (study.runs + study.skipped) / study.runs
        text += f", with which it takes about {whole:.0f} s (--seconds, --runs)"
    yield from _wrapped(text + ("; interrupted" if study.interrupted else ""), width)
    yield "─" * width


def _effects(study: Study, width: int) -> Iterator[str]:
    off = [o for o in study.outcomes if o.variation and o.variation.part == "effect off"]
    alone = {
        o.variation.words: o
        for o in study.outcomes
        if o.variation and o.variation.part == "effect alone"
    }
    if not off:
        yield "effects: none is on"
        return
    quiet = no_influence(study)
    yield f"{'effect':<{NAME}}{'accuracy without it':<27}alone, all others off"
    if NONE in alone:
        yield f"{NONE:<{NAME}}{'':<27}{_accuracy(alone[NONE])}"
    for outcome in off:
        words = outcome.variation.words if outcome.variation else ""
        if words not in quiet:
            other = _accuracy(alone[words]) if words in alone else ""
            yield f"{words[: NAME - 1]:<{NAME}}{_accuracy(outcome):<27}{other}"
    if quiet:
        both = "no clear difference" if NONE in alone else "no clear difference without it"
        yield from _wrapped(f"{both}: {', '.join(quiet)}", width)
    yield ""


def _changes(study: Study, width: int) -> Iterator[str]:
    shown = [
        o for o in study.outcomes
        if o.variation and o.variation.part not in ("effect off", "effect alone")
    ]  # fmt: skip
    if not shown:
        return
    yield _heading("change")
    yield _line(study, study.base)
    for outcome in shown:
        if outcome.accuracy:
            yield _line(study, outcome)
    failed = [o.variation.words for o in shown if o.error and o.variation]
    if failed:
        yield from _wrapped("not possible (why.csv says why): " + ", ".join(failed), width)
    yield ""


def _together(study: Study, width: int) -> Iterator[str]:
    if not study.path:
        return
    yield _heading("together")
    for outcome in study.path:
        if outcome.variation:
            yield from _wrapped(outcome.variation.words, width)
            yield _line(study, outcome, "")
    yield from _wrapped(settings(study.path[-1]), width, "  ")
    yield ""


def _found(study: Study, width: int) -> Iterator[str]:
    for text in findings(study):
        yield from textwrap.wrap(text, width, initial_indent="• ", subsequent_indent="  ")


def _heading(first: str) -> str:
    columns = ("energy", "time", "area")
    return f"{first:<{NAME}}{'accuracy, 95 %':<19}{'difference':>14}" + "".join(
        f"{name:>7}" for name in columns
    )


def _line(study: Study, outcome: Outcome, name: str | None = None) -> str:
    words = (outcome.variation.words if outcome.variation else BASE) if name is None else name
    gain, base = outcome.gain, study.base
    change = f"{100 * gain.value:+.1f} ± {100 * gain.half:.1f}" if gain else ""
    ratios = (
        _times(outcome.energy / base.energy),
        _times(outcome.latency / base.latency),
        _times(outcome.area / base.area),
    )
    return (
        f"{words[: NAME - 1]:<{NAME}}{_accuracy(outcome):<19}{change:>14}"
        + "".join(f"{text:>7}" for text in ratios)
    )  # fmt: skip


def _times(ratio: float) -> str:
    return f"×{ratio:.2f}" if ratio < 100 else f"×{ratio:.0f}"


def _accuracy(outcome: Outcome) -> str:
    a = outcome.accuracy
    return "-" if a is None else f"{a.value:>6.1%} {_span(outcome):<11}"


def _span(outcome: Outcome) -> str:
    a = outcome.accuracy
    return "" if a is None else f"{100 * a.low:.1f}–{100 * a.high:.1f}"


def _wrapped(text: str, width: int, indent: str = "") -> Sequence[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent + "  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
