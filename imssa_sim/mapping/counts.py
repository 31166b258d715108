"""How often each action happens in one inference, by arithmetic over the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.mapping.program import Program, Stage


def repeats(stage: Stage, action: int, sequence_length: int) -> int:
    """Return how often an action (by its position in the stage) runs per inference.

    Extra reads at the end of a sequence repeat the loop only; their results are the last token's.
    """
    if stage.per == "sequence":
        return 1
    return sequence_length + (stage.extra_steps if action < stage.loop else 0)


def action_counts(program: Program) -> dict[tuple[str, str], int]:
    """Return the actions of one inference, by (component, action)."""
    counts: dict[tuple[str, str], int] = {}
    for stage in program.stages:
        for i, action in enumerate(stage.actions):
            key = (action.component, action.verb)
            number = action.count * repeats(stage, i, program.sequence_length)
            counts[key] = counts.get(key, 0) + number
    return counts
