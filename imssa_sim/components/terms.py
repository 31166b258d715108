"""What a cost is made of: terms that rest on card entries, actions, components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imssa_sim.cards.entry import Status
from imssa_sim.components.parameters import Number, Use, weakest

Account = Literal["dynamic", "leakage", "programming", "off_chip", "reprogramming"]


@dataclass(frozen=True)
class Term:
    """Part of a quantity, with the card entries that it rests on."""

    value: Number
    uses: tuple[Use, ...]

    @property
    def status(self) -> Status:
        """The weakest status among the entries."""
        return weakest(self.uses)


@dataclass(frozen=True)
class ActionCost:
    """Energy of an action of the Program, or of something that it entails.

    Attributes
    ----------
    component, kind, action : str
        Where it is booked.
    per : int
        How often it happens for one such action.
    account : {"dynamic", "off_chip"}
    terms : tuple of Term
        Energies [J] of one such action.
    """

    component: str
    kind: str
    action: str
    per: int
    account: Account
    terms: tuple[Term, ...]

    @property
    def energy(self) -> Number:
        """Energy of one action [J]."""
        return sum(term.value for term in self.terms)


@dataclass(frozen=True)
class ComponentCost:
    """Area [m^2] and leakage [W] of all equal components at a path together.

    ``stage`` is the path of the stage that they belong to, empty for shared ones.
    """

    component: str
    kind: str
    stage: str
    instances: int
    area: Term
    leakage: Term


@dataclass(frozen=True)
class ProgrammingCost:
    """Writing the weights into the cells of one tile set, once.

    ``pulses`` write pulses on ``cells`` cells; ``energy`` [J] in all; ``time`` [s] with as many
    cells at a time as ``hardware.programming.parallel`` says.
    """

    component: str
    stage: str
    cells: int
    pulses: int
    energy: Term
    time: Number
