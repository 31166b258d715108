"""What a cost model of a link is, on the chip or beyond it: energy per bit, area, idle power."""

from __future__ import annotations

from typing import Protocol

from imssa_sim.components.parameters import Number, Parameters


class LinkForm(Protocol):
    """A cost model of a link; pure functions of a card, the width in bits and the tiles joined."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        """Energy per bit sent [J]."""

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        """Area of one link [m^2]."""

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        """Power of one idle link [W]."""
