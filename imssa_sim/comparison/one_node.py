"""A chip's energy and area with its digital parts at another node; all else as it is.

Scaled by the ratios of Stillmaker and Baas are the parts that the digital card prices. Converters,
cells, drivers, lines and memories do not follow digital logic and stay as they are; so do all
times, which the chip's clock, pulses and converters set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.cards import load_card
from imssa_sim.components.registry import scales
from imssa_sim.components.scaling import Scaling

if TYPE_CHECKING:
    from imssa_sim.config.schema import ChipConfig
    from imssa_sim.ledger.ledger import Ledger


@dataclass(frozen=True)
class LogicNode:
    """A node [m] and a supply [V]."""

    technology: float
    supply: float


@dataclass(frozen=True)
class AtNode:
    """A chip with its digital parts at another node.

    Attributes
    ----------
    energy : float
        Per inference [J].
    area : float
        [m²]
    digital_energy, digital_area : float
        Digital shares before scaling, 0 to 1.
    """

    energy: float
    area: float
    digital_energy: float
    digital_area: float


def at_node(ledger: Ledger, chip: ChipConfig, node: LogicNode) -> AtNode:
    """Return energy and area of a chip with its digital parts at a node.

    Parameters
    ----------
    ledger : Ledger
        Of one inference on the chip.
    chip : ChipConfig
        Its node, supply and scaling card.
    node : LogicNode
        The one to scale to.

    Raises
    ------
    ValidityError
        A node or supply is outside of what the scaling holds for.
    """
    scaling = Scaling(load_card(chip.scaling))
    there = (node.technology, node.supply)
    dynamic = float(scaling.energy(chip.technology, chip.supply, *there))
    leaking = scaling.leakage(chip.technology, node.technology)
    space = scaling.area(chip.technology, node.technology)
    rows = [row for row in ledger.rows if row.account != "programming" and scales(row.kind)]
    spent = math.fsum(row.energy for row in rows)
    scaled = math.fsum(
        row.energy * (leaking if row.account == "leakage" else dynamic) for row in rows
    )
    covered = math.fsum(row.area for row in ledger.areas if scales(row.kind))
    return AtNode(
        energy=ledger.energy - spent + scaled,
        area=ledger.area - covered + covered * space,
        digital_energy=spent / ledger.energy,
        digital_area=covered / ledger.area,
    )
