"""What a run says of itself: the same for one that just ended and for one read from its directory.

A record gives statistics, settings and tables; the files of a run directory are its parts, and the
figures are drawn from its tables alone.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from imssa_sim.cards import METHODS, cite_cards
from imssa_sim.config import dump_resolved
from imssa_sim.config.cards import cards_used
from imssa_sim.config.dump import plain
from imssa_sim.ledger.rows import with_nan
from imssa_sim.report.manifest import manifest
from imssa_sim.report.real_time import input_table, states_table
from imssa_sim.report.screen import WIDTH, screen
from imssa_sim.report.stream import stream_table
from imssa_sim.report.tables import flat, layers_table, settings_table, sources_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from imssa_sim.simulation.result import RunResult
    from imssa_sim.simulation.stats import Stat, Value

Rows = list[dict[str, Any]]
TABLES = ("ledger", "area", "layers", "predictions", "latency", "timeline", "sources")
"""Tables of every run; ``settings`` of all but old ones; of some ``stream``, ``input`` and
``power_states``.

Without accuracy, there are no ``predictions``.
"""


EVALUATED = ("accuracy.samples", "regression.samples")
"""Statistics of runs that computed values, not costs alone: one of them is there."""


class Record(Protocol):
    """What a run says of itself."""

    @property
    def name(self) -> str:
        """Name of the run's directory, or of its workload where it has none."""

    @property
    def values(self) -> Mapping[str, Value]:
        """Statistics by name, in SI."""

    @property
    def stats(self) -> tuple[Stat, ...]:
        """Statistics with units and meaning."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Resolved configuration, by dotted path."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Version, libraries, command, data, seed and wall times."""

    @property
    def citations(self) -> str:
        """BibTeX of what the run rests on."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of its tables."""

    def table(self, name: str) -> Rows:
        """Return a table, one mapping a row; the columns are those of the file ``NAME.csv``."""

    def summary(self, width: int = WIDTH) -> str:
        """Return the screen that ends a run."""

    @property
    def uncertainty(self) -> Mapping[str, Any] | None:
        """Intervals of totals and what drives them, as ``uncertainty.json`` holds them."""


class LiveRecord:
    """The record of a run that just ended.

    Parameters
    ----------
    result : RunResult
    stats : sequence of Stat
        Its statistics (`imssa_sim.simulation.stats.collect`).
    command : sequence of str
        What started it, for the manifest.
    path : Path, optional
        Its directory, where it has one.
    uncertainty : mapping, optional
        What ``uncertainty.json`` holds.
    """

    def __init__(
        self,
        result: RunResult,
        stats: Sequence[Stat],
        command: Sequence[str],
        path: Path | None = None,
        uncertainty: Mapping[str, Any] | None = None,
    ) -> None:
        self.result, self.path, self.stats = result, path, tuple(stats)
        self.uncertainty = uncertainty
        self._command = tuple(command)
        self._tables: dict[str, Rows] = {}

    def at(self, path: Path) -> LiveRecord:
        """Return the same record with another directory."""
        other = copy(self)
        other.path = path
        return other

    @property
    def name(self) -> str:
        """Name of the run's directory, or of its workload where it has none."""
        return self.path.name if self.path is not None else self.result.loaded.config.workload

    @cached_property
    def values(self) -> dict[str, Value]:
        """Statistics by name, in SI."""
        return {stat.name: stat.value for stat in self.stats}

    @cached_property
    def config(self) -> dict[str, Any]:
        """Resolved configuration, by dotted path."""
        return flat(plain(self.result.loaded.config))

    @property
    def resolved(self) -> str:
        """Resolved configuration as a workload file."""
        return dump_resolved(self.result.loaded)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Version, libraries, command, data, seed and wall times."""
        return manifest(self.result, self._command)

    @cached_property
    def citations(self) -> str:
        """BibTeX of what the run rests on."""
        cards = cards_used(self.result.loaded.config).values()
        return cite_cards(cards, (*METHODS, *self.result.citations))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of its tables."""
        none = () if self.result.evaluated else ("predictions",)
        stream = () if self.result.stream is None else ("stream",)
        fed = () if self.result.real_time is None else ("input", "power_states")
        return (*(name for name in TABLES if name not in none), "settings", *stream, *fed)

    def table(self, name: str) -> Rows:
        """Return a table, one mapping a row; the columns are those of the file ``NAME.csv``."""
        if name not in self._tables:
            self._tables[name] = _table(self.result, name)
        return self._tables[name]

    def summary(self, width: int = WIDTH) -> str:
        """Return the screen that ends a run, at most ``width`` columns wide."""
        return screen(self.result, self.path, width)


def _table(result: RunResult, name: str) -> Rows:
    match name:
        case "ledger":
            return [dict(vars(row)) for row in result.ledger.rows]
        case "area":
            return [dict(vars(row)) for row in result.ledger.areas]
        case "layers":
            return layers_table(result)
        case "predictions":
            columns = {key: with_nan(v.tolist()) for key, v in result.predictions.items()}
            return [
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]
        case "latency":
            return [
                {"stage": row.stage, "component": row.component, "kind": row.kind,
                 "action": row.action, "service_s": row.service, "waiting_s": row.waiting}
                for row in result.timing.latency
            ]  # fmt: skip
        case "timeline":
            return [
                {"path": row.path, "action": row.action, "token": row.token,
                 "start_s": row.start, "end_s": row.end}
                for row in result.timing.timeline
            ]  # fmt: skip
        case "sources":
            return sources_table(result)
        case "settings":
            return settings_table(result)
        case "stream" if result.stream is not None:
            return stream_table(result.stream)
        case "input" if result.real_time is not None:
            return input_table(result.real_time)
        case "power_states" if result.duty is not None:
            return states_table(result.duty)
        case _:
            raise KeyError(name)
