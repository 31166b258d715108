"""A network in passes over one chip: time, writing and wear of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.errors import InputError
from imssa_sim.ledger.passes import Rewriting, Wear, rewriting_of, wear_of
from imssa_sim.timing.passes import PassTime, in_passes, time_parts
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.costs.model import CostModel
    from imssa_sim.ledger.one_off import Upkeep
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.result import TimingResult


@dataclass(frozen=True)
class InPasses:
    """What a batch takes.

    Attributes
    ----------
    timing : TimingResult
        Of the batch.
    parts : tuple of PassTime
        In the order of the flow.
    rewriting : Rewriting
    wear : Wear
        At the stated rate, or back to back.
    """

    timing: TimingResult
    parts: tuple[PassTime, ...]
    rewriting: Rewriting
    wear: Wear


def run_passes(
    program: Program,
    hardware: HardwareConfig,
    costs: CostModel,
    timing: TimingResult,
    upkeep: Upkeep,
    engine: str = "auto",
) -> InPasses:
    """Return time, writing and wear of a network in passes.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
        With ``partition.passes``.
    costs : CostModel
        Of this Program, without draws.
    timing : TimingResult
        Of one sequence.
    upkeep : Upkeep
        What was done to the chips for one writing.
    engine : {"auto", "event", "recurrence"}

    Raises
    ------
    InputError
        The card does not say what writing takes, cells wear out within the stated life, or the chip
        does not give results at the stated rate.
    """
    partition = hardware.partition
    rewriting = rewriting_of(program, costs, upkeep)
    parts = time_parts(program, hardware, timing, rewriting.times, engine)
    whole = in_passes(timing, parts, partition.batch)
    rate = partition.rate or whole.throughput
    if rate > whole.throughput * (1 + 1e-9):
        raise InputError(
            f"hardware.partition.rate: {format_si(rate, 'Hz')}, but a batch of {partition.batch} "
            f"takes {format_si(whole.end_to_end, 's')}, which is "
            f"{format_si(whole.throughput, 'Hz')}; give a larger hardware.partition.batch or a "
            "lower rate"
        )
    wear = wear_of(hardware, rate, rewriting.pulses_per_cell, rewriting.endurance)
    return InPasses(whole, parts, rewriting, wear)
