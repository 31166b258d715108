"""Which shipped cost models of a converter hold where a chip operates it.

Published models of converters disagree by more than their own parameters vary, so which one is
right is an uncertainty of its own. Its prior is uniform over the chip's own card and every shipped
one that holds at the chip's resolution and rate, and whose node (where it is tied to one) is less
than a generation away, a factor of √2 in length.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imssa_sim.cards import Card, list_cards
from imssa_sim.components.adc import adc_point, check_adc
from imssa_sim.errors import ValidityError

if TYPE_CHECKING:
    from imssa_sim.components.adc.form import AdcPoint
    from imssa_sim.config.schema import HardwareConfig

GENERATION = math.sqrt(2)
"""Factor between the nodes of two generations: half the area."""


def adc_choice(hardware: HardwareConfig) -> tuple[str, ...]:
    """Return the names of the cards, the chip's own first, the others by name."""
    own, at = hardware.adc.card, adc_point(hardware)
    others = (card.name for card in list_cards("adc") if _holds(card, at))
    return (own, *sorted(name for name in others if name != own))


def with_adc(hardware: HardwareConfig, card: str) -> HardwareConfig:
    """Return the same chip with another card of its converters."""
    return hardware.model_copy(update={"adc": hardware.adc.model_copy(update={"card": card})})


def _holds(card: Card, at: AdcPoint) -> bool:
    try:
        check_adc(card, at)
    except ValidityError:
        return False
    if "node" not in card:
        return True
    ratio = card["node"].si / at.node
    return 1 / GENERATION < ratio < GENERATION
