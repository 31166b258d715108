"""A network in passes on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.simulation.result import RunResult


def passes_lines(result: RunResult) -> Iterator[tuple[str, str]]:
    """Yield label and text of tiles that are written for each batch; nothing without them."""
    found = result.passes
    if found is None:
        return
    hardware, tick, wear = result.loaded.config.hardware, found.timing.tick, found.wear
    partition, batch = hardware.partition, found.timing.batch
    writing = sum(part.writing for part in found.parts) * tick
    through = sum(part.through for part in found.parts) * tick
    energy = format_si(found.rewriting.energy / batch, "J")
    yield (
        "passes",
        f"{partition.passes} parts of the network in turn on the same tiles, {batch} sequences "
        f"through each: {format_si(writing, 's')} to write, {format_si(through, 's')} to compute; "
        f"{energy} per inference to write",
    )
    weights = (
        f"weights come over {hardware.off_chip.card}"
        if hardware.off_chip.card is not None
        else "where weights come from is not charged (hardware.off_chip.card)"
    )
    at = "back to back" if partition.rate is None else f"at {format_si(partition.rate, 'Hz')}"
    yield (
        "",
        f"{at} a cell is written {wear.writings:,.0f} times a day with "
        f"{found.rewriting.pulses_per_cell:.3g} pulses each; it bears "
        f"{found.rewriting.endurance:.3g} of them ({hardware.chip.tile.cell}), which is "
        f"{format_si(wear.life, 's')}; {weights}",
    )
