"""The one-off account: writing and calibrating a chip, and keeping it so over a stream.

Nothing of it belongs to an inference. All tiles are calibrated side by side, as tokens go through
them; how many cells are written at a time is ``hardware.programming.parallel``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imssa_sim.components.parameters import Parameters, weakest
from imssa_sim.components.registry import component_of
from imssa_sim.timing.durations import durations

if TYPE_CHECKING:
    from imssa_sim.circuits.programming import ProgrammingEffort
    from imssa_sim.components.action import Action
    from imssa_sim.costs.model import CostModel
    from imssa_sim.mapping.program import Program, Stage


@dataclass(frozen=True)
class Writing:
    """One simulated programming of a tile set, mean over chip instances.

    Attributes
    ----------
    cells : int
        Cells in use; cells beyond them are not written.
    pulses : float
        Write pulses in all.
    energy : float
        [J]
    failed : float
        Cells that were given up.
    times : mapping
        By `hardware.programming.parallel`: the time that the set takes [s].
    """

    cells: int
    pulses: float
    energy: float
    failed: float
    times: Mapping[str, float]


@dataclass(frozen=True)
class Upkeep:
    """What was done to a chip beside inferences.

    Attributes
    ----------
    written : mapping
        Simulated programming by path of the tile set; empty: by the card's mean pulse number.
    calibration_reads, recalibration_reads : int
        Reads of every tile for calibration: before the first inference, and in the stream.
    rewritings : int
        Times that all weights were written again in the stream.
    """

    written: Mapping[str, Writing] = field(default_factory=dict)
    calibration_reads: int = 0
    recalibration_reads: int = 0
    rewritings: int = 0


@dataclass(frozen=True)
class OneOffLine:
    """One line of the account: ``count`` actions that take ``time`` [s] and ``energy`` [J]."""

    component: str
    kind: str
    action: str
    stage: str
    count: int
    time: float
    energy: float
    status: str


@dataclass(frozen=True)
class OneOff:
    """The account of a chip.

    Attributes
    ----------
    entries : tuple of OneOffLine
        Actions ``program`` and ``calibrate`` before the first inference, ``reprogram`` and
        ``recalibrate`` in the stream.
    programming_time : float or None
        Of writing the chip once [s]; None: not modelled.
    calibration_time : float
        Of calibrating the chip once [s].
    stream_time : float or None
        Of all that is done in the stream [s]; None: it includes writing, which is not modelled.
    cells : int
        Cells written once.
    pulses : int or None
        Their pulses; None: not modelled.
    modelled : bool
        Whether the cell's card says what writing takes; if not, time, energy and pulses of writing
        are not known.
    simulated : bool
        Whether a write-verify loop was simulated.
    failed : float or None
        Cells that the loop gave up, mean over chip instances; None where it was not simulated.
    endurance : float or None
        Write pulses that a cell bears, where its card says so.
    upkeep : Upkeep
    """

    entries: tuple[OneOffLine, ...]
    programming_time: float | None
    calibration_time: float
    stream_time: float | None
    cells: int
    pulses: int | None
    modelled: bool
    simulated: bool
    failed: float | None
    endurance: float | None
    upkeep: Upkeep

    @property
    def success(self) -> float | None:
        """Share of the cells that the loop brought into their windows."""
        return None if self.failed is None or not self.cells else 1.0 - self.failed / self.cells

    @property
    def pulses_per_cell(self) -> float | None:
        """Mean number of write pulses of one writing; None where it is not modelled."""
        if self.pulses is None:
            return None
        return self.pulses / self.cells if self.cells else 0.0


def mean_writing(costs: Iterable[ProgrammingEffort]) -> Writing:
    """Return the mean of one tile set's programming over chip instances."""
    found = list(costs)

    def mean(values: Iterable[float]) -> float:
        return math.fsum(values) / len(found)

    return Writing(
        cells=int(found[0].cells.sum()),
        pulses=mean(float(c.pulses.sum()) for c in found),
        energy=mean(float(c.energy.sum()) for c in found),
        failed=mean(float(c.failed.sum()) for c in found),
        times={
            "none": mean(float(c.time.sum()) for c in found),
            "tiles": mean(float(c.time.max(initial=0.0)) for c in found),
            "rows": mean(float(c.row_time.max(initial=0.0)) for c in found),
        },
    )


def one_off(program: Program, costs: CostModel, upkeep: Upkeep) -> OneOff:
    """Return the one-off account of a chip.

    Parameters
    ----------
    program : Program
    costs : CostModel
        Of this Program, without draws.
    upkeep : Upkeep
        What was done.
    """
    written = upkeep.written
    once = list(_by_simulation(costs, written) if written else _by_card(costs))
    times = [entry.time for entry in once]
    serial = costs.hardware.programming.parallel == "none"
    writing_time = math.fsum(times) if serial else max(times, default=0.0)
    entries = [*once, *_again(once, upkeep.rewritings)]
    found, calibration_time = _calibration(program, costs, upkeep.calibration_reads, "calibrate")
    entries += found
    found, again_time = _calibration(program, costs, upkeep.recalibration_reads, "recalibrate")
    entries += found
    cells = (w.cells for w in written.values()) if written else (u.cells for u in program.use)
    modelled = bool(written) or costs.writing_modelled or not program.use
    return OneOff(
        entries=tuple(entries),
        programming_time=writing_time if modelled else None,
        calibration_time=calibration_time,
        stream_time=(
            upkeep.rewritings * writing_time + again_time
            if modelled or not upkeep.rewritings
            else None
        ),
        cells=sum(cells),
        pulses=sum(entry.count for entry in once) if modelled else None,
        modelled=modelled,
        simulated=bool(written),
        failed=math.fsum(w.failed for w in written.values()) if written else None,
        endurance=_endurance(costs),
        upkeep=upkeep,
    )


def _endurance(costs: CostModel) -> float | None:
    card = costs.card(costs.hardware.chip.tile.cell)
    return float(card["write_endurance"].si) if "write_endurance" in card else None


def _by_card(costs: CostModel) -> Iterator[OneOffLine]:
    for c in costs.programming:
        yield OneOffLine(
            c.component, "array", "program", c.stage, c.pulses, float(c.time),
            float(c.energy.value), c.energy.status,
        )  # fmt: skip


def _by_simulation(costs: CostModel, written: Mapping[str, Writing]) -> Iterator[OneOffLine]:
    parallel = costs.hardware.programming.parallel
    card = costs.card(costs.hardware.chip.tile.cell)
    parameters = Parameters(card)  # a simulation uses all that the card says of writing
    for name in card.parameters:
        if name.startswith("write_") and name not in ("write_form", "write_endurance"):
            _ = parameters[name]
    status = weakest(parameters.uses)
    for path, w in written.items():
        yield OneOffLine(
            f"{path}.array", "array", "program", path, round(w.pulses), w.times[parallel],
            w.energy, status,
        )  # fmt: skip


def _again(entries: Iterable[OneOffLine], times: int) -> Iterator[OneOffLine]:
    for e in entries:
        if times:
            yield OneOffLine(
                e.component, e.kind, "reprogram", e.stage, e.count * times, e.time * times,
                e.energy * times, e.status,
            )  # fmt: skip


def _calibration(
    program: Program, costs: CostModel, reads: int, booked_as: str
) -> tuple[list[OneOffLine], float]:
    """Return the entries of so many calibration reads of each tile, and their time [s].

    A read is priced as the reads of a token, the cells at their fixed activity; the digital
    work of fitting is not.
    """
    entries: list[OneOffLine] = []
    longest = 0.0
    for stage, actions in _reading(program) if reads else ():
        table = durations([stage], costs.hardware).table
        each = math.fsum(float(table[action].seconds) for action in actions)
        longest = max(longest, reads * each)
        for action in actions:
            time = reads * float(table[action].seconds)
            for cost in costs.actions(action, stage):
                count = reads * action.count * cost.per
                status = weakest(tuple(use for term in cost.terms for use in term.uses))
                entries.append(
                    OneOffLine(cost.component, cost.kind, booked_as, stage.path, count, time,
                          count * float(cost.energy), status)
                )  # fmt: skip
                time = 0.0
    return entries, longest


def _reading(program: Program) -> Iterator[tuple[Stage, list[Action]]]:
    for stage in program.stages:
        actions = [action for action in stage.actions if component_of(action.kind).reads]
        if actions:
            yield stage, actions
