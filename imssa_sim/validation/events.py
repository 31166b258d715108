"""Short event simulations of a published chip's product, on the project's timing engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from imssa_sim.components.action import Action, ComponentKind
from imssa_sim.components.duration import Duration, exact
from imssa_sim.mapping.program import Stage
from imssa_sim.timing.durations import Durations
from imssa_sim.timing.result import TimingResult
from imssa_sim.timing.simulate import simulate_stages


@dataclass(frozen=True)
class Step:
    """Something that one component does: ``serial`` actions of ``seconds`` one after another."""

    component: str
    kind: ComponentKind
    action: str
    serial: int
    seconds: float
    instances: int = 1


def pipelined(steps: Sequence[Step], tokens: int) -> TimingResult:
    """Time tokens through steps that work side by side, each on its own component.

    Parameters
    ----------
    steps : sequence of Step
        In the order of the flow.
    tokens : int
        Items, for example bit planes of one input.
    """
    return _simulate(steps, tokens, loop=0)


def one_after_another(steps: Sequence[Step], tokens: int = 1) -> TimingResult:
    """Time tokens through steps of which only one works at a time."""
    return _simulate(steps, tokens, loop=len(steps))


def _simulate(steps: Sequence[Step], tokens: int, loop: int) -> TimingResult:
    actions = tuple(
        Action(s.component, s.kind, s.action, s.serial * s.instances, s.instances, s.serial, 8)
        for s in steps
    )
    table = {
        action: Duration(Fraction(step.serial) * exact(step.seconds), "published", False)
        for action, step in zip(actions, steps, strict=True)
    }
    stage = Stage("chip.product", actions, loop, 1, False, "step")
    return simulate_stages([stage], [], tokens, Durations.from_seconds(table), engine="event")
