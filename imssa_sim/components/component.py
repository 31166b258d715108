"""What a component of a chip is: how long its actions take, what they cost, how large it is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from imssa_sim.components.action import Action
from imssa_sim.components.duration import Duration, nanoseconds
from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.terms import Account, ActionCost, Term
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.cards import Card
    from imssa_sim.components.digital import Digital
    from imssa_sim.config.schema import HardwareConfig

Key = tuple[str | float, ...]
"""What a price depends on beside the chip's own settings."""

Phase = Literal["drive", "read", "convert", "compute", "move", "off_chip"]
"""Part of a step that an energy belongs to."""


class Place(Protocol):
    """The stage that an action belongs to."""

    @property
    def path(self) -> str:
        """Dotted path."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions of the stage for a token."""

    @property
    def buffer_tokens(self) -> int:
        """Capacity of the FIFO behind the stage."""


class PricedChip(Protocol):
    """What prices rest on: cards and operating points, and terms that note the entries read."""

    @property
    def hardware(self) -> HardwareConfig:
        """The configured chip."""

    @property
    def tiles_available(self) -> int:
        """Crossbar tiles on the chip."""

    @property
    def weight_bytes(self) -> float:
        """Bytes of the weights that digital multiply-accumulates read."""

    def card(self, name: str) -> Card:
        """Return a card."""

    def term(
        self, card: Card, price: Callable[[Parameters], Number], key: Key | None = None
    ) -> Term:
        """Return a price with the card entries that it rests on; once for equal keys."""

    def pair(
        self,
        card: Card,
        area: Callable[[Parameters], Number],
        leakage: Callable[[Parameters], Number],
        key: Key,
    ) -> tuple[Term, Term]:
        """Return area and leakage."""

    def array_term(self, price: Callable[[Parameters, Parameters], Number], key: Key) -> Term:
        """Return a price of the array and wire cards."""

    def digital(self, p: Parameters) -> Digital:
        """Return digital costs at the chip's node and supply."""

    def digital_term(self, price: Callable[[Digital], Number], key: Key) -> Term:
        """Return a price of the digital card."""

    def memory_term(self, size: float, bits: int) -> Term:
        """Return the energy of one access to ``bits`` bits of a memory of ``size`` bytes."""

    def memory_pair(self, size: float) -> tuple[Term, Term]:
        """Return area and leakage of a memory of ``size`` bytes."""

    def conductance(self, place: Place, action: Action) -> float:
        """Return the conductance of all cells of a tile that an action reads [S]."""


class Component(ABC):
    """One kind of component, ``kind`` of its actions and rows.

    Attributes
    ----------
    kind : str
        As actions and the ledger name it.
    phase : str
        Part of a step that its energy belongs to.
    retains : bool
        Never gated: it holds values, or decides what is gated.
    reads : bool
        Takes part in the read of a tile, up to its codes.
    """

    kind: ClassVar[str]
    phase: ClassVar[Phase] = "compute"
    retains: ClassVar[bool] = False
    reads: ClassVar[bool] = False

    def duration(self, action: Action, hardware: HardwareConfig, cycle: Fraction) -> Duration:
        """Return how long an action occupies the component; ``cycle`` is that of the clock [s].

        By default ``serial`` cycles, times ``<verb>_cycles`` of the action's card if it has that
        parameter; without it one cycle per action and lane is assumed.
        """
        each, assumed = _cycles_per_action(action)
        cycles = action.waits * each
        text = f"{cycles} cycles of {nanoseconds(cycle)}" + (
            " (one per action assumed)" if assumed else ""
        )
        return Duration(cycles * cycle, text, assumed)

    @abstractmethod
    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield what one action costs: first itself, then what is booked beside it."""

    @abstractmethod
    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term] | None:
        """Return area [m^2] and leakage [W] of one instance; None if it is not on the chip."""


def cost(action: Action, *terms: Term, account: Account = "dynamic") -> ActionCost:
    """Return the cost of an action itself."""
    return ActionCost(action.component, action.kind, action.verb, 1, account, terms)


def beside(component: str, kind: str, verb: str, term: Term, per: int = 1) -> ActionCost:
    """Return the cost of what an action entails elsewhere."""
    return ActionCost(component, kind, verb, per, "dynamic", (term,))


def _cycles_per_action(action: Action) -> tuple[int, bool]:
    if action.card is None:
        return 1, True
    from imssa_sim.cards import load_card

    entry = load_card(action.card).parameters.get(f"{action.verb}_cycles")
    if entry is None:
        return 1, True
    cycles = entry.si
    if cycles < 1 or not math.isfinite(cycles) or cycles != int(cycles):
        raise InputError(
            f"{action.card}: parameters.{action.verb}_cycles: {cycles} is no number of clock "
            "cycles; give a whole number from 1 on"
        )
    return int(cycles), entry.status == "assumed"
