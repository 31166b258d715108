"""Counts of the actions that an execution really performed, by (component, action)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imssa_sim.mapping.program import Program
    from imssa_sim.program.operation import DigitalWork


class ActionCounter:
    """Adds up executed actions under the keys of a Program's actions.

    Parameters
    ----------
    program : Program
        Its stages say which component performs an action; an action that no stage plans is an
        error, so that values and timing cannot drift apart unnoticed.
    """

    def __init__(self, program: Program) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._component: dict[tuple[str, str, str], str] = {}
        for stage in program.stages:
            for action in stage.actions:
                self.counts[action.component, action.verb] = 0
                self._component[stage.path, action.kind, action.verb] = action.component

    def add(self, component: str, action: str, count: int) -> None:
        """Count actions of a component that is named in full.

        Raises
        ------
        InternalError
            No stage of the Program plans this action.
        """
        if (component, action) not in self.counts:
            if count == 0:
                return
            raise InternalError(f"executed {count} x {component} {action}, which no stage plans")
        self.counts[component, action] += int(count)

    def at(self, stage: str, kind: str, action: str, count: int) -> None:
        """Count actions of whichever component does them for a stage (a shared vector unit)."""
        component = self._component.get((stage, kind, action))
        if component is None:
            raise InternalError(f"executed {count} x {kind} {action}, which {stage} does not plan")
        self.counts[component, action] += int(count)

    def work(self, stage: str, work: Iterable[DigitalWork], tokens: int) -> None:
        """Count what digital units do for ``tokens`` tokens of a stage."""
        for part in work:
            self.at(stage, part.unit, part.verb, part.count * tokens)

    def hand_over(self, stage: str, words: int) -> None:
        """Count what carries a stage's result on: bus and link, where it crosses one, and FIFO."""
        for kind, verb in (("bus", "transfer"), ("off_chip", "send")):
            if (stage, kind, verb) in self._component:
                self.at(stage, kind, verb, words)
        self.at(stage, "buffer", "write", words)
        self.at(stage, "buffer", "read", words)
