"""What a trace is made from: the graph of a run, its tick and clock, and the energy of actions."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from imssa_sim.components.duration import exact
from imssa_sim.costs.model import CostModel
from imssa_sim.timing.build import build_graph
from imssa_sim.timing.durations import durations

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.mapping.program import Program
    from imssa_sim.timing.graph import Station, TimedAction, TimingGraph
    from imssa_sim.timing.result import TimingResult


@dataclass(frozen=True)
class TraceSource:
    """A finished run, as traces see it.

    Attributes
    ----------
    program : Program
    hardware : HardwareConfig
    timing : TimingResult
        Of the run; a trace must agree with it.
    ledger : Ledger
        Of the run.
    """

    program: Program
    hardware: HardwareConfig
    timing: TimingResult
    ledger: Ledger

    @cached_property
    def _built(self) -> tuple[Fraction, TimingGraph]:
        program = self.program
        table = durations(program.stages, self.hardware)
        graph = build_graph(
            program.stages,
            program.bypasses,
            program.sequence_length,
            table.ticks,
            self.hardware.chip.arbitration,
        )
        return table.tick, graph

    @property
    def tick(self) -> Fraction:
        """Length of a tick [s]."""
        return self._built[0]

    @property
    def graph(self) -> TimingGraph:
        """The timed event graph of one sequence."""
        return self._built[1]

    @property
    def cycle(self) -> Fraction:
        """Length of a clock cycle [s]."""
        return 1 / exact(self.hardware.chip.clock)

    @cached_property
    def _energies(self) -> dict[tuple[str, str, str], float]:
        """Energy of one action with what it entails [J], by stage, component and action."""
        rows: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for row in self.ledger.rows:
            if row.account in ("dynamic", "off_chip") and row.count:
                held = rows[row.stage, row.component, row.action]
                held[0] += row.energy
                held[1] += row.count
        costs = CostModel(self.program, self.hardware)
        sums: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for stage in self.program.stages:
            for action in stage.actions:
                held = sums[stage.path, action.component, action.verb]
                held[1] += action.count
                for cost in costs.actions(action, stage):
                    energy, count = rows[stage.path, cost.component, cost.action]
                    held[0] += action.count * cost.per * energy / count if count else 0.0
        return {key: energy / count for key, (energy, count) in sums.items() if count}

    def energy(self, station: Station, part: TimedAction) -> float:
        """Return the energy of one occupancy, with what its actions entail [J]."""
        return self._energies[station.stage, part.component, part.action] * part.count

    @cached_property
    def background(self) -> float:
        """Mean power of what no occupancy shows: leakage, and actions that take no time [W]."""
        shown = math.fsum(
            station.firings * self.energy(station, part)
            for station in self.graph.stations
            for phase in station.phases
            for part in phase.parts
        )
        return (self.ledger.energy - shown) / self.timing.end_to_end
