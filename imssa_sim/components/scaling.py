"""Technology scaling of digital circuits over node and supply (Stillmaker and Baas 2017).

Digital parts only: converters and memory cells do not scale this way.
"""

from __future__ import annotations

import numpy as np

from imssa_sim.cards import Card
from imssa_sim.components.parameters import FloatArray, Number, check_valid, log_interpolate
from imssa_sim.errors import ValidityError


class Scaling:
    """Ratios of energy, delay, area and leakage from one node and supply to another.

    Parameters
    ----------
    card : Card
        Of kind "scaling".
    """

    def __init__(self, card: Card) -> None:
        self.card = card
        self._nodes = np.asarray(card["nodes"].array)
        self._energy = np.asarray(card["energy"].table)
        self._delay = np.asarray(card["delay"].table)
        self._area_nodes = np.asarray(card["area_nodes"].array)
        self._area = np.asarray(card["area"].array)

    def energy(self, node: float, supply: Number, to_node: float, to_supply: float) -> Number:
        """Return the ratio of the energies of an operation; nodes [m], supplies [V].

        Raises
        ------
        ValidityError
            For a node or supply outside the card's range.
        """
        return self._ratio(self._energy, node, supply, to_node, to_supply)

    def delay(self, node: float, supply: Number, to_node: float, to_supply: float) -> Number:
        """Return the ratio of the delays."""
        return self._ratio(self._delay, node, supply, to_node, to_supply)

    def area(self, node: float, to_node: float) -> float:
        """Return the ratio of the areas of a circuit."""
        check_valid(self.card, node=node)
        check_valid(self.card, node=to_node)
        scale = [log_interpolate(n, self._area_nodes, self._area) for n in (node, to_node)]
        return float(scale[1] / scale[0])

    def leakage(self, node: float, to_node: float) -> float:
        """Return the ratio of the leakage of a circuit: that of its area.

        The source has no leakage; a constant leakage per area is taken.
        """
        return self.area(node, to_node)

    def _ratio(
        self, table: FloatArray, node: float, supply: Number, to_node: float, to_supply: float
    ) -> Number:
        return self._factor(table, to_node, to_supply) / self._factor(table, node, supply)

    def _factor(self, table: FloatArray, node: float, supply: Number) -> Number:
        check_valid(self.card, node=node)
        for extreme in (np.min(supply), np.max(supply)):
            check_valid(self.card, supply=float(extreme))
        bracket = self._bracket(node)
        factors = np.stack([np.polyval(table[i], supply) for i in bracket], axis=-1)
        if np.any(factors <= 0):
            raise ValidityError(
                f"card '{self.card.name}': the scaling factor at {node * 1e9:g} nm and "
                f"{np.min(supply):g} V is not positive; the fit does not hold at this supply"
            )
        if len(bracket) == 1:
            return factors[..., 0] if factors.ndim > 1 else float(factors[0])
        return log_interpolate(node, self._nodes[bracket], factors)

    def _bracket(self, node: float) -> list[int]:
        """Return the rows of the two tabulated nodes about a node, or of the node itself."""
        same = np.flatnonzero(np.isclose(self._nodes, node, rtol=1e-9, atol=0))
        if same.size:
            return [int(same[0])]
        above = int(np.flatnonzero(self._nodes > node)[-1])  # nodes fall along the table
        return [above, above + 1]
