"""FIFOs between stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imssa_sim.components.action import Action, busiest
from imssa_sim.components.component import Component, Place, PricedChip, cost
from imssa_sim.components.terms import ActionCost, Term

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig


def _bytes(action: Action, place: Place) -> float:
    """Return the size of the FIFO that an action writes or reads."""
    return place.buffer_tokens * action.count * action.bits / 8


class Buffer(Component):
    """SRAM behind a stage; verbs ``write`` and ``read``: one word."""

    kind = "buffer"
    phase = "move"
    retains = True

    def energy(self, action: Action, chip: PricedChip, place: Place) -> Iterator[ActionCost]:
        """Yield the access to one word."""
        yield cost(action, chip.memory_term(_bytes(action, place), action.bits))

    def size(self, action: Action, chip: PricedChip, place: Place) -> tuple[Term, Term]:
        """Return area and leakage of a FIFO of the stage's capacity."""
        return chip.memory_pair(_bytes(action, place))


def fifo(hardware: HardwareConfig, path: str, words: int, bits: int) -> tuple[Action, Action]:
    """Return the write to, and the read from, the FIFO behind a stage."""
    beats = busiest(words * bits, hardware.bus.width)
    component, card = f"{path}.buffer", hardware.memory.card
    return (
        Action(component, "buffer", "write", words, 1, beats, bits, card),
        Action(component, "buffer", "read", words, 1, beats, bits, card),
    )
