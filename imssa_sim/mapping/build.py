"""From a quantised network and a chip to a Program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.errors import InputError
from imssa_sim.mapping.partition import check_partition, tiles_needed
from imssa_sim.mapping.placements import Placements
from imssa_sim.mapping.program import KernelTiles, LinearTiles, Program
from imssa_sim.mapping.stages import build_stages
from imssa_sim.mapping.tiles import TileShape, rows_and_columns, tile_shape, tile_use

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.placements import Placed
    from imssa_sim.model.quantised import QuantisedNetwork


def build_program(
    network: QuantisedNetwork,
    hardware: HardwareConfig,
    sequence_length: int | None = None,
    placements: Placements | None = None,
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
    placements : Placements, optional
        What further programs of this network share.

    Raises
    ------
    InputError
        A chip of fixed size has too few tiles, or a tile cannot hold a single mode.
    """
    length = network.sequence_length if sequence_length is None else sequence_length
    shape = tile_shape(hardware.chip.tile)
    placements = placements or Placements(network)
    graph, placed = placements.graph, placements.placed(hardware, shape)
    use = tuple(tile_use(tiles, shape, hardware.chip.tile) for tiles in placed)
    needed = tiles_needed(hardware, len(network.layers), use)
    fixed = hardware.chip.tiles
    check_partition(hardware, len(network.layers), use)
    available = needed if fixed == "auto" else fixed * hardware.partition.chips
    if needed > available:
        raise InputError(_too_small(network, hardware, needed, available, placed, shape))
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


def _array_macs(tiles: KernelTiles | LinearTiles, length: int) -> int:
    """Return driven rows x converted logical columns, over all reads of one inference."""
    rows, columns = rows_and_columns(tiles)
    if isinstance(tiles, LinearTiles):
        reads = 1 if tiles.path == "chip.decoder" else length
        return int((rows * columns).sum()) * reads
    return int((rows * columns).sum()) * (length + tiles.mapping.delay)


def _too_small(
    network: QuantisedNetwork,
    hardware: HardwareConfig,
    needed: int,
    available: int,
    placed: Placed,
    shape: TileShape,
) -> str:
    kernels = [p for p in placed if isinstance(p, KernelTiles)]
    per_layer = ", ".join(f"{p.path} {p.tiles}" for p in placed)
    passes = hardware.partition.passes
    # The widest kernel block decides how large a tile would have to be to hold it whole.
    remedies = ["hardware.chip.tiles: auto or a larger number"]
    if hardware.partition.chips == 1 and passes < len(network.layers):
        remedies.append(f"hardware.partition.passes: {passes + 1} or more")
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
        f"hardware.chip.tiles: {'the network' if passes == 1 else 'the largest part'} needs "
        f"{needed} tiles, the chip has {available} "
        f"({per_layer}); give {'; or '.join(remedies)}"
    )
