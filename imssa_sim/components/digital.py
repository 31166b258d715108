"""Digital operations, composed of adders, multipliers, comparators and registers of one card.

Adders, comparators and registers cost in proportion to their bits, a multiplier to the product of
its two widths. Widths that follow from this project's arithmetic (docs/decisions/0001) stand here
as constants; counts that a circuit could do otherwise stand in the card, as assumed.
"""

from __future__ import annotations

from copy import copy

from imssa_sim.components.parameters import Number, Parameters
from imssa_sim.components.scaling import Scaling

REQUANTISER_MULTIPLIER_BITS = 24
"""Width of a requantiser's multiplier (imssa_sim.model.quantised.Requantiser)."""

TERM_BITS = 8
"""Bits that a sum of up to 256 products needs beyond those of one product."""


def accumulator_bits(bits: int) -> int:
    """Return the width of a sum of products of two ``bits``-wide words."""
    return 2 * bits + TERM_BITS


class Digital:
    """Energy [J], area [m^2] and leakage [W] of digital operations at a node and supply.

    Parameters
    ----------
    p : Parameters
        Of a card of kind "digital".
    scaling : Scaling
    node : float
        Node of the chip [m].
    supply : float
        Supply of the chip [V].
    """

    def __init__(self, p: Parameters, scaling: Scaling, node: float, supply: float) -> None:
        own = p.card["node"].si
        self._energy = scaling.energy(own, p.peek("supply"), node, supply)
        self._area = scaling.area(own, node)
        self._leakage = scaling.leakage(own, node)
        self._p = p

    def reading(self, p: Parameters) -> Digital:
        """Return the same with another reader of the same card and draws."""
        other = copy(self)
        other._p = p
        return other

    # Energies

    def add(self, bits: float) -> Number:
        """Energy of an addition of two ``bits``-wide words [J]."""
        return self._p["add_energy"] * (bits / self._word) * self._energy

    def multiply(self, bits: float, by: float) -> Number:
        """Energy of a product of a ``bits``-wide and a ``by``-wide word [J]."""
        return self._p["multiply_energy"] * (bits * by / self._word**2) * self._energy

    def compare(self, bits: float) -> Number:
        """Energy of a comparison [J]."""
        return self._p["compare_energy"] * (bits / self._word) * self._energy

    def register(self, bits: float) -> Number:
        """Energy of writing one word into a register [J]."""
        return self._p["register_energy"] * bits * self._energy

    def requantise(self, bits: int) -> Number:
        """Energy of a requantised word that comes in ``bits`` wide [J].

        One product with the 24-bit multiplier; rounding and the barrel shifter at an addition
        each, clipping at two comparisons, all as wide as the product.
        """
        wide = bits + REQUANTISER_MULTIPLIER_BITS
        product = self.multiply(bits, REQUANTISER_MULTIPLIER_BITS)
        return product + 2 * self.add(wide) + 2 * self.compare(wide)

    def round_and_clip(self, bits: int) -> Number:
        """Energy of a requantiser whose gain is a power of two [J].

        A converter whose step is the quantiser's times ``2^-j`` leaves an addition of half and a
        shift by wiring; clipping at two comparisons.
        """
        return self.add(bits) + 2 * self.compare(bits)

    def accumulate(self, bits: int) -> Number:
        """Energy of an addition to a word that makes a quarter turn and saturates [J].

        Two comparisons beside the addition. The turn takes a multiplexer and an exclusive or for
        each bit, assumed to cost another addition (they have fewer gates), and a register that
        keeps one part of a state while the other is written.
        """
        return 2 * self.add(bits) + 2 * self.compare(bits) + self.register(bits)

    def mac(self, bits: int) -> Number:
        """Energy of a multiply-accumulate without its weight's read [J]."""
        return self.multiply(bits, bits) + self.add(accumulator_bits(bits))

    def normalise(self, bits: int) -> Number:
        """Energy of one element of a normalisation [J].

        The card's counts of products, additions and divisions per element, at the accumulator's
        width; a division costs one addition per bit.
        """
        wide = accumulator_bits(bits)
        p = self._p
        additions = p["norm_adds"] + p["norm_divides"] * wide
        return p["norm_multiplies"] * self.multiply(wide, bits) + additions * self.add(wide)

    # Areas and leakages of one unit that does one operation a cycle

    def add_size(self, bits: float) -> tuple[Number, Number]:
        """Area and leakage of an adder."""
        return self._size("add", bits / self._word)

    def multiply_size(self, bits: float, by: float) -> tuple[Number, Number]:
        """Area and leakage of a multiplier."""
        return self._size("multiply", bits * by / self._word**2)

    def register_size(self, bits: float) -> tuple[Number, Number]:
        """Area and leakage of a register."""
        return self._size("register", bits)

    def requantise_size(self, bits: int) -> tuple[Number, Number]:
        """Area and leakage of a requantiser."""
        wide = bits + REQUANTISER_MULTIPLIER_BITS
        product = self.multiply_size(bits, REQUANTISER_MULTIPLIER_BITS)
        add, compare = self.add_size(wide), self._compare_size(wide)
        area, leakage = (p + 2 * a + 2 * c for p, a, c in zip(product, add, compare, strict=True))
        return area, leakage

    def round_and_clip_size(self, bits: int) -> tuple[Number, Number]:
        """Area and leakage of a requantiser whose gain is a power of two."""
        add, compare = self.add_size(bits), self._compare_size(bits)
        return add[0] + 2 * compare[0], add[1] + 2 * compare[1]

    def accumulate_size(self, bits: int) -> tuple[Number, Number]:
        """Area and leakage of an adder that saturates, with what a quarter turn takes."""
        add, compare = self.add_size(bits), self._compare_size(bits)
        area, leakage = (2 * a + 2 * c for a, c in zip(add, compare, strict=True))
        kept = self.register_size(bits)
        return area + kept[0], leakage + kept[1]

    def mac_size(self, bits: int) -> tuple[Number, Number]:
        """Area and leakage of a multiplier, an adder and the accumulator's register."""
        wide = accumulator_bits(bits)
        parts = self.multiply_size(bits, bits), self.add_size(wide), self.register_size(wide)
        return sum(a for a, _ in parts), sum(w for _, w in parts)

    def normalise_size(self, bits: int) -> tuple[Number, Number]:
        """Area and leakage of one lane of a normaliser: a multiplier, three adders, registers."""
        wide = accumulator_bits(bits)
        add = self.add_size(wide)
        multiply, register = self.multiply_size(wide, bits), self.register_size(2 * wide)
        return multiply[0] + 3 * add[0] + register[0], multiply[1] + 3 * add[1] + register[1]

    def _compare_size(self, bits: float) -> tuple[Number, Number]:
        """Area and leakage of a comparator, which leaks as much per area as an adder."""
        area = self._p["compare_area"] * (bits / self._word) * self._area
        add = self.add_size(bits)
        return area, area * (add[1] / add[0])

    @property
    def _word(self) -> float:
        return self._p.card["word"].si

    def _size(self, cell: str, share: float) -> tuple[Number, Number]:
        area = self._p[f"{cell}_area"] * share * self._area
        return area, self._p[f"{cell}_leakage"] * share * self._leakage
