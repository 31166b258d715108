"""From a quantised network and a chip to a Program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.errors import InputError
from imssa_sim.mapping.kernels.registry import KERNEL_MAPPINGS
from imssa_sim.mapping.partition import check_partition
from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program
from imssa_sim.mapping.stages import build_stages
from imssa_sim.mapping.tiles import (
    TileShape,
    kernel_tiles,
    linear_tiles,
    rows_and_columns,
    tile_shape,
    tile_use,
)
from imssa_sim.program.integers import graph_of, integer_parameters
from imssa_sim.program.operations.head import Head
from imssa_sim.program.operations.linear_map import LinearMap
from imssa_sim.program.operations.recurrence import KernelRecurrence

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.program.graph import Graph, Node


def build_program(
    network: QuantisedNetwork, hardware: HardwareConfig, sequence_length: int | None = None
) -> Program:
    """Place a quantised network on a chip.

    Parameters
    ----------
    network : QuantisedNetwork
        Its kernels' output form must suit ``hardware.mapping.kernel``.
    hardware : HardwareConfig
        Tile, mapping and the parts beside the tiles.
    sequence_length : int, optional
        Steps per inference; that of the network by default.

    Raises
    ------
    InputError
        A chip of fixed size has too few tiles, or a tile cannot hold a single mode.
    """
    length = network.sequence_length if sequence_length is None else sequence_length
    shape = tile_shape(hardware.chip.tile)
    graph = graph_of(network)
    placed = _place(network, graph, hardware, shape)
    use = tuple(tile_use(tiles, shape, hardware.chip.tile) for tiles in placed)
    needed = sum(entry.tiles for entry in use)
    fixed = hardware.chip.tiles
    check_partition(hardware, len(network.layers), use)
    available = needed if fixed == "auto" else fixed * hardware.partition.chips
    if needed > available:
        raise InputError(_too_small(network, needed, available, placed, shape))
    stages, bypasses = build_stages(graph, hardware, length, {p.path: p for p in placed})
    return Program(
        network=network,
        graph=graph,
        sequence_length=length,
        kernels=tuple(p for p in placed if isinstance(p, KernelTiles)),
        linears=tuple(p for p in placed if isinstance(p, LinearTiles)),
        stages=stages,
        bypasses=bypasses,
        use=use,
        tiles_needed=needed,
        tiles_available=available,
        useful_macs=graph.useful_macs(length),
        array_macs=sum(_array_macs(p, length) for p in placed),
    )


def _place(
    network: QuantisedNetwork, graph: Graph, hardware: HardwareConfig, shape: TileShape
) -> list[KernelTiles | LinearTiles]:
    """Return the tiles of all recurrences and linear maps that stand on crossbars."""
    kernels = KERNEL_MAPPINGS[hardware.mapping.kernel]
    parameters = integer_parameters(network)
    placed: list[KernelTiles | LinearTiles] = []
    for node in graph:
        if node.layer in hardware.mapping.digital_layers:
            continue
        path, held, operation = f"chip.{node.name}", parameters[node.name], node.operation
        site = _site(node, len(network.layers))
        if isinstance(operation, KernelRecurrence) and kernels.reads:
            placed.append(
                kernel_tiles(
                    held, shape, kernels, path=path, site=site, layer=node.layer or 0,
                    reverse=operation.reverse,
                )
            )  # fmt: skip
        elif isinstance(operation, LinearMap) and _place_of(node, hardware) == "analog":
            weights = held.linear if isinstance(operation, Head) else held
            placed.append(linear_tiles(weights, shape, path=path, site=site))
    return placed


def _place_of(node: Node, hardware: HardwareConfig) -> str:
    """Return where a linear map stands; B and C of a state that mixes channels, as kernels do."""
    mapping, operation = hardware.mapping, node.operation
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


def _array_macs(tiles: KernelTiles | LinearTiles, length: int) -> int:
    """Return driven rows x converted logical columns, over all reads of one inference."""
    rows, columns = rows_and_columns(tiles)
    if isinstance(tiles, LinearTiles):
        reads = 1 if tiles.path == "chip.decoder" else length
        return int((rows * columns).sum()) * reads
    return int((rows * columns).sum()) * (length + tiles.mapping.delay)


def _too_small(
    network: QuantisedNetwork,
    needed: int,
    available: int,
    placed: list[KernelTiles | LinearTiles],
    shape: TileShape,
) -> str:
    kernels = [p for p in placed if isinstance(p, KernelTiles)]
    per_layer = ", ".join(f"{p.path} {p.tiles}" for p in placed)
    # The widest kernel block decides how large a tile would have to be to hold it whole.
    remedies = ["hardware.chip.tiles: auto or a larger number"]
    if kernels:
        side = shape.side(max(layer.kernel.modes for layer in network.layers))
        if side > min(shape.rows, shape.columns):
            lines = shape.bit_lines(side)
            remedies.append(
                f"hardware.chip.tile of at least {side * shape.lines_per_row} rows and {lines} bit "
                "lines, which holds a kernel whole"
            )
        remedies.append("hardware.mapping.kernel: digital")
    if any(isinstance(p, LinearTiles) and p.path.endswith(".linear") for p in placed):
        remedies.append("hardware.mapping.linear: digital")
    return (
        f"hardware.chip.tiles: the network needs {needed} tiles, the chip has {available} "
        f"({per_layer}); give {'; or '.join(remedies)}"
    )
