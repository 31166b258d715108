"""Layers over several chips, or in passes over one, in the order of the flow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from imssa_sim.components.off_chip import check_link
from imssa_sim.components.path import ComponentPath
from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.mapping.program import TileUse


def chip_of(path: str, layers: int, chips: int) -> int:
    """Return the number of the chip that a stage or a set of tiles stands on.

    Layers are dealt out evenly; what comes before them is on the first chip, what follows on the
    last.

    Parameters
    ----------
    path : str
        Such as chip.layer3.kernel.
    layers, chips : int
        Of the network; of the hardware.
    """
    place = ComponentPath(path)
    if place.layer_number is not None:
        return place.layer_number * chips // layers
    return 0 if place.layer in ("encoder", "input") else chips - 1


def tiles_needed(hardware: HardwareConfig, layers: int, use: Sequence[TileUse]) -> int:
    """Return the tiles that a network takes: those of its largest part, if written in passes."""
    passes = hardware.partition.passes
    needed: Counter[int] = Counter()
    for entry in use:
        needed[chip_of(entry.path, layers, passes)] += entry.tiles
    return max(needed.values(), default=0)


def check_partition(hardware: HardwareConfig, layers: int, use: Sequence[TileUse]) -> None:
    """Refuse what does not fit on the chips, or in passes.

    Raises
    ------
    InputError
        More chips or passes than layers, too many tiles on one of them, or a link of unknown speed.
    """
    chips, fixed = hardware.partition.chips, hardware.chip.tiles
    if hardware.partition.passes > layers:
        raise InputError(
            f"hardware.partition.passes: {hardware.partition.passes} passes for {layers} layers; a "
            f"layer is written whole, give at most {layers}"
        )
    if chips == 1:
        return
    if chips > layers:
        raise InputError(
            f"hardware.partition.chips: {chips} chips for {layers} layers; a layer stays on one "
            f"chip, give at most {layers}"
        )
    check_link(hardware)
    needed: Counter[int] = Counter()
    for entry in use:
        needed[chip_of(entry.path, layers, chips)] += entry.tiles
    if fixed == "auto" or all(tiles <= fixed for tiles in needed.values()):
        return
    each = ", ".join(f"chip {chip} {needed[chip]}" for chip in range(chips))
    raise InputError(
        f"hardware.chip.tiles: each of {chips} chips has {fixed} tiles, but its layers need more "
        f"({each}); give more hardware.partition.chips or larger hardware.chip.tiles"
    )
