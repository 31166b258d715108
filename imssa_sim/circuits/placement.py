"""Which physical cells stand for the weights of tiles, and their draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.circuits import draws
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.circuits.faults import (
    GOOD,
    OPEN,
    STUCK_ON,
    FaultMap,
    FaultRates,
    assign_columns,
    draw_faults,
)
from imssa_sim.circuits.weights import Scheme, physical_lines
from imssa_sim.devices.cell import Cell

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Placement:
    """Where the cells of tiles stand on the chip, and so what they draw.

    Parameters
    ----------
    where : Coordinates
    weights : int array (T, R, C)
    rows_used, columns_used : int array (T,)
    scheme : str
    spares : int
        Spare logical columns S behind the C others.
    devices : int
        Cells in parallel, on neighbouring bit lines.
    """

    def __init__(
        self,
        where: Coordinates,
        weights: IntArray,
        rows_used: IntArray,
        columns_used: IntArray,
        scheme: Scheme,
        spares: int,
        devices: int = 1,
    ) -> None:
        self.where, self.scheme, self.spares, self.devices = where, scheme, spares, devices
        self.rows_used, self.columns_used = rows_used, columns_used
        tiles, rows, self.columns = weights.shape
        self.shape = (tiles, rows, physical_lines(self.columns + spares, scheme) * devices)
        self._lines = self._assigned(np.zeros(self.shape, dtype=np.int8))

    def _assigned(self, kinds: NDArray[np.int8]) -> IntArray | None:
        """Return the bit lines that stand for the logical columns; None: each for itself."""
        if not self.spares:
            return None
        return assign_columns(
            kinds, self.rows_used, self.columns_used, self.columns, self.spares, self.scheme,
            self.devices,
        )  # fmt: skip

    def with_faults(self, cell: Cell, rates: FaultRates) -> FaultMap:
        """Draw the faults, move columns to spare ones, and return the faults of those in use."""
        found = draw_faults(cell, rates, self.where, self.shape)
        self._lines = self._assigned(found.kinds)
        return FaultMap(self._chosen(found.kinds), self._chosen(found.conductance))

    def pristine(self, cell: Cell, found: FaultMap, formed: NDArray[np.bool_]) -> FaultMap:
        """Return the faults where cells are not formed: those of the card's pristine ones.

        A pristine cell that fails is stuck on; dead lines are dead.
        """
        if formed.all():
            return found
        kinds = np.where(formed | (found.kinds == OPEN), found.kinds, np.int8(GOOD))
        conductance = found.conductance
        if cell.unformed_stuck and cell.faults is not None:
            from scipy.special import ndtr

            luck, value = (ndtr(self.normals(f"unformed_{name}")) for name in ("kind", "value"))
            stuck = ~formed & (kinds == GOOD) & (luck < cell.unformed_stuck)
            kinds = np.where(stuck, np.int8(STUCK_ON), kinds)
            on = cell.faults.conductance(np.ones_like(kinds), value)
            conductance = np.where(stuck, on, conductance)
        return FaultMap(kinds, conductance)

    def normals(self, purpose: str, where: Coordinates | None = None) -> FloatArray:
        """Return standard normals of the cells (T, R, P), at other coordinates where given."""
        tiles, *shape = self.shape
        drawn = [draws.normals(where or self.where, t, purpose, *shape) for t in range(tiles)]
        return self._chosen(np.reshape(drawn, self.shape))

    def _chosen(self, values: NDArray[Any]) -> NDArray[Any]:
        if self._lines is None:
            return values
        return np.take_along_axis(values, self._lines[:, None, :], axis=2)
