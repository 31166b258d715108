"""An interconnect: a ring, on which a word passes half of the tiles."""

from __future__ import annotations

from imssa_sim.components.parameters import Number, Parameters


class Ring:
    """Energy per bit = energy_per_hop · tiles / 2."""

    def energy(self, p: Parameters, tiles: int) -> Number:
        """Energy per bit sent [J]."""
        return p["energy_per_hop"] * (tiles / 2)

    def area(self, p: Parameters, width: int, tiles: int) -> Number:
        """Area of one link [m^2]."""
        return p["area_per_wire"] * (width * tiles)

    def leakage(self, p: Parameters, width: int, tiles: int) -> Number:
        """Power of one idle link [W]."""
        return 0.0
