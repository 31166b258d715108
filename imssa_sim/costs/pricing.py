"""What the prices of a Program share: its cards, operating points, sizes, and terms."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.circuits.slices import cut_weights
from imssa_sim.circuits.weights import formed_cells, targets, unit_conductance
from imssa_sim.components.component import Place
from imssa_sim.costs.card_prices import CardPrices
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.components.action import Action
    from imssa_sim.components.parameters import Draws
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program


class Pricing(CardPrices):
    """Prices of a Program; parameters and exceptions as for `imssa_sim.costs.model.CostModel`."""

    def __init__(
        self, program: Program, hardware: HardwareConfig, draws: Draws | None = None
    ) -> None:
        super().__init__(hardware, draws)
        self.program = program

    @property
    def tiles_available(self) -> int:
        """Crossbar tiles on the chip."""
        return self.program.tiles_available

    @cached_property
    def tiles(self) -> dict[str, KernelTiles | LinearTiles]:
        """Tile sets by path."""
        tiles: dict[str, KernelTiles | LinearTiles] = {k.path: k for k in self.program.kernels}
        tiles.update({t.path: t for t in self.program.linears})
        return tiles

    @cached_property
    def weight_bytes(self) -> float:
        """Bytes of the weights that digital multiply-accumulates read, all layers."""
        bits = sum(
            node.operation.stored_bits(f"chip.{node.name}" in self.tiles)
            for node in self.program.graph
        )
        return bits / 8

    def conductance(self, place: Place, action: Action) -> float:
        """Return the conductance of all cells of a tile that an action reads [S]."""
        tiles = self.tiles.get(place.path)
        if tiles is None:
            raise InternalError(f"{action.component}: reads tiles, but none stand at {place.path}")
        return self.tile_conductance(tiles)

    def tile_conductance(self, tiles: KernelTiles | LinearTiles) -> float:
        """Return the conductance of all cells of a tile, mean over the tiles [S]."""
        tile, cell = self.hardware.chip.tile, self.card(self.hardware.chip.tile.cell)
        low, high = cell["g_min"].si, cell["g_max"].si

        def pristine() -> float:
            return cell.quantity("unformed_conductance", "conductance")

        rest = pristine() if "unformed_conductance" in cell else None
        key = tile.slices, tile.weights, tile.weight_scale, tile.unformed, low, high, rest

        def found() -> float:
            held = cut_weights(tiles.weights, tile.slices, tile.weights, tile.weight_scale).weights
            scheme, unformed = tile.weights, tile.unformed
            scale = unit_conductance(held, scheme, tile.weight_scale, low, high, unformed)
            meant = targets(held, scale, scheme, low, high, unformed)
            formed = formed_cells(held, scheme, unformed)
            if not formed.all():
                meant = np.where(formed, meant, pristine())
            return float(meant.sum())

        return tiles.total(key, found) * tile.devices / tiles.tiles
