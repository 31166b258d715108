"""What a study shows, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imssa_sim.ablation.variations import NONE
from imssa_sim.simulation.intervals import difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imssa_sim.ablation.study import Outcome, Study

NAMED = 4
"""Causes and remedies that are named."""
SMALLEST = 0.01
"""Differences of accuracy below are not named, as a share."""
CHEAPER = 0.9
"""Share of the workload's energy from which a change is named as cheaper."""


def causes(study: Study) -> list[tuple[str, float, float]]:
    """Return effects by what they take: words, gain without it, loss with it alone, as shares.

    The largest first; those that take nothing clearly are left out. An accuracy at guessing hides
    what single effects take, one at the quantised network's what they take alone: so both.
    """
    alone = {o.variation.words: o for o in _of(study, "effect alone") if o.variation}
    none = alone.get(NONE)
    found = []
    for outcome in _of(study, "effect off"):
        assert outcome.variation is not None  # a variation's
        words = outcome.variation.words
        gain = outcome.gain.value if outcome.gain and helps(outcome) else 0.0
        loss = _loss(none, alone.get(words))
        if max(gain, loss) >= SMALLEST:
            found.append((words, gain, loss))
    return sorted(found, key=lambda row: (-max(row[1], row[2]), row[0]))


def remedies(study: Study) -> list[Outcome]:
    """Return what can be built and helps clearly, the most helpful first."""
    helpful = [o for o in study.outcomes if o.variation and o.variation.built and helps(o)]
    return sorted(helpful, key=lambda o: -o.gain.value if o.gain else 0.0)


def helps(outcome: Outcome) -> bool:
    """Tell whether a change raises the accuracy clearly."""
    return outcome.gain is not None and outcome.gain.clear and outcome.gain.value >= SMALLEST


def findings(study: Study) -> list[str]:
    """Return sentences: what the accuracy dies of, what brings it back, and at which cost."""
    lines = [
        *_level(study),
        *_causes(study),
        *_remedies(study),
        *_together(study),
        *_cheaper(study),
    ]
    return lines or ["nothing that was tried changes the accuracy clearly"]


def _level(study: Study) -> Iterator[str]:
    a = study.base.accuracy
    if a is not None and a.low <= study.guessing:
        yield f"the chip guesses: {a.value:.1%}, where a guess gives {study.guessing:.1%}"
    if study.digital is not None and a is not None and study.digital.low <= study.guessing:
        yield "the quantised network guesses too: its weights or bits.* come before the chip"
    elif study.digital is not None and a is not None and a.high >= study.digital.value:
        yield "the chip reaches the quantised network: the arrays take nothing that can be told"


def _causes(study: Study) -> Iterator[str]:
    found = causes(study)[:NAMED]
    parts = []
    for words, gain, loss in found:
        told = [f"without it {gain:+.1%}"] if gain else []
        told += [f"alone it takes {loss:.1%}"] if loss else []
        parts.append(f"{words} ({', '.join(told).replace('%', ' points')})")
    if parts:
        yield f"it dies of {_listed(parts)}"
    none = next((o for o in _of(study, "effect alone") if o.variation.words == NONE), None)  # type: ignore[union-attr]
    goal = study.digital
    if none is not None and none.accuracy and goal and none.accuracy.high < goal.value:
        yield (
            f"without any effect it is {none.accuracy.value:.1%}: converters and mapping take the "
            f"rest to {goal.value:.1%}"
        )
    young = [o for o in _of(study, "age") if helps(o)]
    if young:
        best = max(young, key=lambda o: o.gain.value if o.gain else 0.0)
        assert best.variation is not None  # a variation's
        yield f"{best.variation.words} it is {_share(best)}: the chip's age matters"


def _remedies(study: Study) -> Iterator[str]:
    found = remedies(study)
    analog = [o for o in found if o.variation and not o.variation.digital][:NAMED]
    for outcome in analog:
        yield f"{_words(outcome)}: {_share(outcome)}{costs(study, outcome)}"
    digital = [o for o in found if o.variation and o.variation.digital]
    if digital:
        best = digital[0]
        yield f"out of the arrays, {_words(best)}: {_share(best)}{costs(study, best)}"


def _together(study: Study) -> Iterator[str]:
    for best in study.path[-1:]:
        yield f"together, {_words(best)}: {_share(best)}{costs(study, best)}"


def _cheaper(study: Study) -> Iterator[str]:
    """Yield the cheapest change that keeps an accuracy which is one."""
    a = study.base.accuracy
    if a is None or a.low <= study.guessing:
        return
    kept = [
        o
        for o in study.outcomes
        if o.variation and o.variation.built and o.gain and o.gain.value > -SMALLEST
        and o.energy < CHEAPER * study.base.energy
    ]  # fmt: skip
    if kept:
        best = min(kept, key=lambda o: o.energy)
        yield f"as accurate for less, {_words(best)}: {_share(best)}{costs(study, best)}"


def costs(study: Study, outcome: Outcome) -> str:
    """Return by what energy, latency and area a change multiplies those of the workload."""
    base = study.base
    parts = [
        f"{name} ×{ratio:.3g}"
        for name, ratio in (
            ("energy", outcome.energy / base.energy),
            ("latency", outcome.latency / base.latency),
            ("area", outcome.area / base.area),
        )
        if not math.isclose(ratio, 1.0, abs_tol=5e-3)
    ]
    return f", {', '.join(parts)}" if parts else ", at the same cost"


def settings(outcome: Outcome) -> str:
    """Return a change as what ``--set`` takes."""
    if outcome.variation is None:
        return ""
    return " ".join(f"--set {path}={_text(v)}" for path, v in outcome.variation.set.items())


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}'" if " " in text else text


def no_influence(study: Study) -> list[str]:
    """Return the effects that change no prediction, neither off nor alone."""
    told = {words for words, _, _ in causes(study)}
    return [
        o.variation.words
        for o in _of(study, "effect off")
        if o.variation and o.variation.words not in told
    ]


def _of(study: Study, part: str) -> Sequence[Outcome]:
    return [o for o in study.outcomes if o.variation and o.variation.part == part and o.accuracy]


def _loss(none: Outcome | None, alone: Outcome | None) -> float:
    if none is None or alone is None or none.right is None or alone.right is None:
        return 0.0
    lost = difference(none.right, alone.right)
    return lost.value if lost.clear else 0.0


def _words(outcome: Outcome) -> str:
    return outcome.variation.words if outcome.variation else "as it is"


def _share(outcome: Outcome) -> str:
    a = outcome.accuracy
    return "-" if a is None else f"{a.value:.1%} ({a.low:.1%} to {a.high:.1%})"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
