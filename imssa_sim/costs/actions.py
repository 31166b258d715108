"""Energy of every action of a Program, and of what it entails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imssa_sim.components.registry import component_of
from imssa_sim.components.terms import ActionCost
from imssa_sim.costs.pricing import Pricing

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.mapping.program import Bypass, Stage


class ActionPrices(Pricing):
    """Prices of actions; parameters as for `Pricing`."""

    def _priced(self, action: Action, stage: Stage) -> Iterator[ActionCost]:
        return component_of(action.kind).energy(action, self, stage)

    def bypass_actions(self) -> Iterator[tuple[Bypass, ActionCost]]:
        """Yield the FIFOs beside stages, and the cost of one word written to or read from each."""
        for bypass in self.program.bypasses:
            term = self.memory_term(bypass.bytes, bypass.bits)
            for action in ("write", "read"):
                path = f"{bypass.target}.{bypass.part}"
                yield bypass, ActionCost(path, "buffer", action, 1, "dynamic", (term,))
