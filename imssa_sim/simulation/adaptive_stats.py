"""Statistics of an adaptive evaluation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.simulation.result import RunResult


def adaptive_entries(result: RunResult) -> Iterator[tuple[str, float | int, str, str]]:
    """Yield the interval of the analog accuracy and its parts; nothing without evaluate.until."""
    reached = result.reached
    if reached is None:
        return
    found, name = reached.accuracy, "accuracy.analog"
    yield f"{name}.low", found.share.low, "1", "lower bound of 95 %, further chips and sequences"
    yield f"{name}.high", found.share.high, "1", "upper bound"
    yield f"{name}.half", found.half, "1", "half of that interval"
    yield f"{name}.until", reached.wanted, "1", "half that was asked for"
    met = reached.end or "it was reached"
    yield f"{name}.until_met", int(not reached.end), "", f"1 if so narrow: {met}"
    yield f"{name}.looks", reached.looks, "", "times that the interval was looked at"
    yield f"{name}.instances", found.chips, "", "chip instances evaluated"
    yield f"{name}.degrees", found.degrees, "", "of freedom of the interval (Satterthwaite)"
    for part, variance, words in (
        ("chips", found.of_chips, "which chips were drawn"),
        ("sequences", found.of_sequences, "which sequences were drawn"),
        ("both", found.of_both, "what chips make of single sequences beyond both"),
    ):
        yield f"{name}.error.{part}", math.sqrt(variance), "1", f"standard error of: {words}"
