"""A network in passes: what writing the tiles for each batch takes, and how long the cells bear it.

Every part is written once a batch, so that a tile which all parts use is written as often as there
are parts. A write pulse counts as one of those that the cell's card says a cell bears.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imssa_sim.cards import load_card
from imssa_sim.components.off_chip import off_chip
from imssa_sim.components.parameters import weakest
from imssa_sim.components.registry import component_of
from imssa_sim.errors import InputError
from imssa_sim.ledger.one_off import OneOffLine, one_off
from imssa_sim.mapping.partition import chip_of
from imssa_sim.timing.durations import durations
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.costs.model import CostModel
    from imssa_sim.ledger.one_off import Upkeep
    from imssa_sim.mapping.program import Program

DAY = 86400.0
WORD = 8
"""Bits of a word in which weights come from beyond the chip."""


@dataclass(frozen=True)
class Rewriting:
    """What a batch's writing takes.

    Attributes
    ----------
    entries : tuple of OneOffLine
        Actions of one batch: ``rewrite``, ``calibrate``, and ``load`` of weights from beyond the
        chip, where a card says what that takes.
    times : tuple of float
        Of writing and calibrating each part, or of loading its weights where that is longer [s].
    pulses_per_cell : float
        Write pulses of one writing, mean.
    endurance : float
        Write pulses that a cell bears.
    """

    entries: tuple[OneOffLine, ...]
    times: tuple[float, ...]
    pulses_per_cell: float
    endurance: float

    @property
    def energy(self) -> float:
        """Of one batch [J]."""
        return math.fsum(entry.energy for entry in self.entries)


@dataclass(frozen=True)
class Wear:
    """How fast the cells of the tile that is written most often wear.

    Attributes
    ----------
    writings : float
        Per day.
    pulses : float
        Write pulses per day.
    life : float
        Until a cell has had as many as it bears [s].
    """

    writings: float
    pulses: float
    life: float


def wear_of(
    hardware: HardwareConfig, rate: float, pulses_per_cell: float, endurance: float
) -> Wear:
    """Return how fast cells wear at so many sequences per second [Hz]."""
    writings = hardware.partition.passes * rate / hardware.partition.batch * DAY
    pulses = writings * pulses_per_cell
    return Wear(writings, pulses, DAY * endurance / pulses if pulses else math.inf)


def check_wear(hardware: HardwareConfig, pulses_per_cell: float | None = None) -> None:
    """Refuse a chip in passes whose cells cannot be written so often.

    Parameters
    ----------
    hardware : HardwareConfig
    pulses_per_cell : float, optional
        Of one writing; by default the mean of the cell's card.

    Raises
    ------
    InputError
        The card states no write pulses or no endurance, or cells wear out within ``life``.
    """
    partition, name = hardware.partition, hardware.chip.tile.cell
    if partition.passes == 1:
        return
    card = load_card(name)
    for entry, what in (
        ("write_pulses", "no write pulses: what writing tiles anew takes is not known"),
        ("write_endurance", "no write_endurance: how often its cells can be written is not known"),
    ):
        if entry not in card:
            raise InputError(
                f"hardware.partition.passes: card '{name}' states {what}; take another "
                "hardware.chip.tile.cell, for example cells/hfox_neurram, or add it to a card of "
                "your own"
            )
    if partition.rate is None or partition.life is None:
        return
    endurance = float(card["write_endurance"].si)
    pulses = float(card["write_pulses"].si) if pulses_per_cell is None else pulses_per_cell
    wear = wear_of(hardware, partition.rate, pulses, endurance)
    if wear.life < partition.life:
        least = math.ceil(partition.batch * partition.life / wear.life)
        raise InputError(
            f"hardware.partition.life: {format_si(partition.life, 's')} are not reached: "
            f"{partition.passes} passes and {format_si(partition.rate, 'Hz')} in batches of "
            f"{partition.batch} write a cell {wear.writings:,.0f} times a day with {pulses:.3g} "
            f"pulses each, and '{name}' bears {endurance:.3g} of them: cells wear out after "
            f"{format_si(wear.life, 's')}; give a hardware.partition.batch of {least} or more, a "
            "lower rate, fewer passes or SRAM cells (cells/sram_charge_65nm)"
        )


def rewriting_of(program: Program, costs: CostModel, upkeep: Upkeep) -> Rewriting:
    """Return what writing the tiles for one batch takes.

    Each part takes the time of its slowest tile set, or of all where one cell of the chip is
    written at a time, and then that of its calibration.

    Raises
    ------
    InputError
        See `check_wear`; nothing stands on tiles.
    """
    hardware = costs.hardware
    passes, layers = hardware.partition.passes, len(program.network.layers)
    if not program.use:
        raise InputError(
            "hardware.partition.passes: no part of the network stands on tiles; leave it out"
        )
    account = one_off(program, costs, upkeep)
    check_wear(hardware, account.pulses_per_cell if account.simulated else None)
    assert account.endurance is not None  # check_wear asked the card
    pulses = account.pulses_per_cell if account.simulated else None
    if pulses is None:
        pulses = float(costs.card(hardware.chip.tile.cell)["write_pulses"].si)
    entries = [e for e in account.entries if e.action in ("program", "calibrate")]
    loads = _loads(program, costs)
    times = []
    for part in range(passes):
        own = [e for e in entries if chip_of(e.stage, layers, passes) == part]
        writing = [e.time for e in own if e.action == "program"]
        reading: dict[str, list[float]] = {}
        for e in own:
            if e.action == "calibrate":
                reading.setdefault(e.stage, []).append(e.time)
        serial = hardware.programming.parallel == "none"
        written = math.fsum(writing) if serial else max(writing, default=0.0)
        read = max((math.fsum(each) for each in reading.values()), default=0.0)
        times.append(max(written + read, loads[part].time if loads else 0.0))
    lines = [
        OneOffLine(e.component, e.kind, "rewrite" if e.action == "program" else e.action, e.stage,
                   e.count, e.time, e.energy, e.status)
        for e in entries
    ]  # fmt: skip
    return Rewriting((*lines, *loads), tuple(times), pulses, account.endurance)


def _loads(program: Program, costs: CostModel) -> Sequence[OneOffLine]:
    """Return the transfer of each part's weights from beyond the chip; none without its card."""
    hardware = costs.hardware
    if hardware.off_chip.card is None:
        return ()
    passes, layers = hardware.partition.passes, len(program.network.layers)
    bits = [0] * passes
    for node in program.graph:
        path, operation = f"chip.{node.name}", node.operation
        if path in costs.tiles:
            part = chip_of(path, layers, passes)
            bits[part] += operation.stored_bits(False) - operation.stored_bits(True)
    found = []
    for number in bits:
        words = math.ceil(number / WORD)
        action, place = off_chip(hardware, words, WORD), program.stages[0]
        (cost,) = component_of(action.kind).energy(action, costs, place)
        table = durations([replace(place, actions=(action,))], hardware).table
        found.append(
            OneOffLine(
                action.component, action.kind, "load", "", words, float(table[action].seconds),
                words * float(cost.energy), weakest(tuple(u for t in cost.terms for u in t.uses)),
            )
        )  # fmt: skip
    return found
