"""Costs of a Program on a chip: energy of every action, area and leakage of every component."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.components.terms import ActionCost
from imssa_sim.costs.actions import ActionPrices
from imssa_sim.costs.components import ComponentPrices

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.components.parameters import Draws
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import Program, Stage


class CostModel(ActionPrices, ComponentPrices):
    """Prices the actions and components of a Program.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
        Names the cards, the node, the supply and the operating points.
    draws : mapping, optional
        Card entries that are drawn from distributions (see `imssa_sim.costs.uncertainty`);
        energies, areas and leakages are then arrays over the draws.

    Raises
    ------
    InputError
        For a card that is missing or of the wrong form.
    ValidityError
        For an operating point outside a card's range.
    """

    def __init__(
        self, program: Program, hardware: HardwareConfig, draws: Draws | None = None
    ) -> None:
        super().__init__(program, hardware, draws)
        self._prices: dict[tuple[str, Action], tuple[ActionCost, ...]] = {}

    @property
    def citations(self) -> tuple[str, ...]:
        """Bibliography keys of all entries that the costs rest on."""
        for stage in self.program.stages:
            for action in stage.actions:
                self.actions(action, stage)
        _ = self.components, self.programming, tuple(self.bypass_actions())
        keys = {key for use in self._uses for key in use.sources}
        return tuple(sorted(keys | set(self.scaling.card.sources)))

    def actions(self, action: Action, stage: Stage) -> tuple[ActionCost, ...]:
        """Return what one action entails.

        The first entry stands for the action itself; others are booked beside it (charging of
        lines, reads of weights).
        """
        key = stage.path, action
        if key not in self._prices:
            self._prices[key] = tuple(self._priced(action, stage))
        return self._prices[key]
