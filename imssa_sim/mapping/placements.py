"""What the programs of one network share: its graph, its integers, and where its tiles stand."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from imssa_sim.kept import Kept
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.tiles import kernel_tiles, linear_tiles
from imssa_sim.program.integers import graph_of, integer_parameters
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.recurrence import KernelRecurrence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.config.schema.chip import MappingConfig
    from imssa_sim.mapping.kernels.base import KernelMapping
    from imssa_sim.mapping.program import KernelTiles, LinearTiles
    from imssa_sim.mapping.tiles import TileShape
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.program.graph import Graph, Node

    Placed = tuple[KernelTiles | LinearTiles, ...]

_LARGEST = 16
"""Ways of placing a network that are kept."""


class Placements:
    """What the programs of one network share, for runs that differ in the chip alone.

    What the cells of tiles hold is made anew for each program, and only where it asks for it: it
    takes far more memory than all the rest. Sums over it stay.

    Parameters
    ----------
    network : QuantisedNetwork
    """

    def __init__(self, network: QuantisedNetwork) -> None:
        self.network = network
        self._placed: Kept[Placed] = Kept(_LARGEST)

    @cached_property
    def graph(self) -> Graph:
        """The network's graph."""
        return graph_of(self.network)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """Integers of each node, by its name."""
        return integer_parameters(self.network)

    def placed(self, hardware: HardwareConfig, shape: TileShape) -> Placed:
        """Return the tiles of all recurrences and linear maps that stand on crossbars.

        Raises
        ------
        InputError
            A tile cannot hold a single mode.
        """
        kernels = KERNEL_MAPPINGS[hardware.mapping.kernel]
        key = shape, hardware.mapping, kernels
        found = self._placed.of(key, lambda: tuple(self._place(*key)))
        return tuple(tiles.emptied() for tiles in found)

    def _place(
        self, shape: TileShape, mapping: MappingConfig, kernels: KernelMapping
    ) -> Iterator[KernelTiles | LinearTiles]:
        for node in self.graph:
            if node.layer in mapping.digital_layers:
                continue
            path, held, operation = f"chip.{node.name}", self.parameters[node.name], node.operation
            site = _site(node, len(self.network.layers))
            if isinstance(operation, KernelRecurrence) and kernels.reads:
                yield kernel_tiles(
                    held, shape, kernels, path=path, site=site, layer=node.layer or 0,
                    reverse=operation.reverse,
                )  # fmt: skip
            elif isinstance(operation, LinearMap) and _place_of(node, mapping) == "analog":
                weights = held.linear if isinstance(operation, Head) else held
                yield linear_tiles(weights, shape, path=path, site=site)


def _place_of(node: Node, mapping: MappingConfig) -> str:
    """Return where a linear map stands; B and C of a state that mixes channels, as kernels do."""
    operation = node.operation
    if isinstance(operation, LinearMap) and operation.tensor != "linear":
        return "analog" if KERNEL_MAPPINGS[mapping.kernel].reads else "digital"
    places = {"encoder": mapping.encoder, "decoder": mapping.decoder}
    return places.get(node.name, mapping.linear)


def _site(node: Node, layers: int) -> int:
    """Return the number that enters the noise coordinates, in the order of the flow.

    It counts analog and digital layers alike, so that moving one layer off the tiles leaves the
    noise of the others as it was.
    """
    if node.layer is None:
        return 1 + 3 * layers if node.name == "decoder" else 0
    operation = node.operation
    if isinstance(operation, LinearMap):  # B and C stand in the places of kernels
        inside = {"B": 0, "C": 1}.get(operation.tensor, 2)
    else:
        inside = int(isinstance(operation, KernelRecurrence) and operation.reverse)
    return 1 + 3 * node.layer + inside
