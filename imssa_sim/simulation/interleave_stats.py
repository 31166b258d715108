"""Statistics of sequences that take turns; none for a run without ``hardware.interleave``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imssa_sim.simulation.result import RunResult

Entry = tuple[str, float | int | str | None, str, str]


def interleave_entries(result: RunResult) -> Iterator[Entry]:
    """Yield (name, value, unit, description) of several sequences in turn."""
    found = result.interleaved
    if found is None:
        return
    number, area = found.sequences, result.ledger.area
    alone, each = energies_back_to_back(result)
    added = result.ledger.area_by_kind().get("register", 0.0) * (number - 1) / number
    more = found.throughput / result.timing.throughput
    yield "interleave.sequences", number, "", "independent sequences that take turns"
    yield "interleave.interval", found.interval, "s", "between time steps of any of them"
    yield "interleave.throughput", found.throughput, "1/s", "sequences per second, back to back"
    yield "interleave.speedup", more, "1", "over time.throughput, of one after the other"
    yield "interleave.latency", found.latency, "s", "from the first input of all to the last class"
    yield "interleave.energy", each, "J", "per sequence, back to back, leakage of all components"
    yield "interleave.energy_alone", alone, "J", "the same of one sequence after the other"
    yield "interleave.area", area / number, "m2", "of the chip, per sequence"
    yield "interleave.area_registers", added, "m2", "of the further state registers"


def energies_back_to_back(result: RunResult) -> tuple[float, float]:
    """Return the energy per sequence [J], one after the other and in turn, without power gating."""
    ledger = result.ledger
    accounts = ledger.by_account()
    actions = accounts.get("dynamic", 0.0) + accounts.get("off_chip", 0.0)
    rates = [result.timing.throughput]
    if result.interleaved is not None:
        rates.append(result.interleaved.throughput)
    energies = [actions + ledger.leakage_power / rate for rate in rates]
    return energies[0], energies[-1]
