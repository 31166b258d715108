"""How well an adaptive evaluation knows the accuracy, in one sentence and in the manifest."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imssa_sim.simulation.adaptive import Reached


def adaptive_line(reached: Reached) -> str:
    """Return the interval, what it comes from, and whether it is as narrow as was asked."""
    found = reached.accuracy
    parts = (
        f"± {math.sqrt(variance):.1%} {whose}"
        for variance, whose in (
            (found.of_chips, "chips"),
            (found.of_sequences, "sequences"),
            (found.of_both, "both"),
        )
    )
    text = (
        f"95 % interval {found.share.low:.1%} to {found.share.high:.1%}, ± {found.half:.2%} with "
        f"{found.chips} chips on {found.sequences} sequences (standard errors: {', '.join(parts)})"
    )
    if reached.end:
        text += f"; NOT the ± {reached.wanted:.2%} of evaluate.until: {reached.end}"
    return text


def adaptive_tree(reached: Reached) -> dict[str, Any]:
    """Return it for the manifest, with the settings of a run that gives the same numbers."""
    found = reached.accuracy
    return {
        **asdict(reached),
        "same_numbers": [
            "evaluate.until=null",
            f"evaluate.chips={found.chips}",
            f"evaluate.samples={found.sequences}",
        ],
    }
