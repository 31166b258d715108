"""Statistics of a network in passes; none for a run without ``hardware.partition.passes``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

Entry = tuple[str, float | int | str | None, str, str]


def passes_entries(result: RunResult) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of tiles that are written for each batch."""
    found = result.passes
    if found is None:
        return
    partition, tick = result.loaded.config.hardware.partition, found.timing.tick
    rewriting, wear = found.rewriting, found.wear
    yield "passes", partition.passes, "", "parts that the same tiles are written with in turn"
    yield "passes.batch", partition.batch, "", "sequences that go through each part together"
    yield "passes.time", found.timing.end_to_end, "s", "of a batch, writing included"
    for number, part in enumerate(found.parts):
        name, text = f"passes.part{number}", f"part {number}"
        yield f"{name}.writing", part.writing * tick, "s", f"until the weights of {text} are there"
        yield f"{name}.through", part.through * tick, "s", f"until the batch is through {text}"
    writing = sum(part.writing for part in found.parts) * tick
    share = writing / found.timing.end_to_end
    yield "passes.writing_share", share, "1", "of the time of a batch"
    yield "passes.energy", rewriting.energy, "J", "writing and calibrating all parts, of a batch"
    at = "back to back" if partition.rate is None else "at hardware.partition.rate"
    yield "passes.writings_per_day", wear.writings, "", f"of the most written cells, {at}"
    yield "passes.pulses_per_day", wear.pulses, "", "write pulses of them"
    yield "passes.endurance", rewriting.endurance, "", "write pulses that a cell bears"
    yield "passes.life", wear.life, "s", f"until it has had as many, {at}"
