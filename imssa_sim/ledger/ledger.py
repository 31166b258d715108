"""Rows of energy and of area, their sums and groupings, and the figures of merit from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imssa_sim.components.registry import phase_of
from imssa_sim.components.terms import Account
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.ledger.one_off import OneOff

ACCOUNTS: tuple[Account, ...] = (
    "dynamic", "leakage", "programming", "off_chip", "reprogramming",
)  # fmt: skip
STATUSES = ("measured", "fitted", "derived", "assumed")
OPERATIONS_PER_MAC = 2
Rule = Literal["useful", "array"]


@dataclass(frozen=True)
class Row:
    """Energy of one kind of action of one component in one stage, for one inference.

    Attributes
    ----------
    component : str
        Dotted path.
    kind, action : str
    account : {"dynamic", "leakage", "programming", "off_chip", "reprogramming"}
        ``programming`` is spent on a chip, not on an inference, and not in the totals;
        ``reprogramming`` is an inference's share of what is written for each batch.
    stage, layer : str
        Path of the stage, empty for what all share; its layer (``layer0``, …), encoder, pool,
        decoder, or ``shared``.
    count : int
        Actions; 0 for leakage.
    time : float
        Occupation of the busiest instance for a whole component [s], given with the component's
        first row only; elapsed time for leakage.
    energy : float
        [J]
    measured, fitted, derived, assumed : float
        Its parts by the weakest status of the card entries that they rest on [J].
    """

    component: str
    kind: str
    action: str
    account: Account
    stage: str
    layer: str
    count: int
    time: float
    energy: float
    measured: float = 0.0
    fitted: float = 0.0
    derived: float = 0.0
    assumed: float = 0.0


@dataclass(frozen=True)
class AreaRow:
    """Area [m^2] and leakage [W] of all equal components at one path."""

    component: str
    kind: str
    layer: str
    instances: int
    area: float
    leakage: float
    area_status: str


@dataclass(frozen=True)
class Ledger:
    """All rows of one inference.

    Attributes
    ----------
    rows : tuple of Row
    areas : tuple of AreaRow
    elapsed : float
        Time of one inference, from its first input to its result, or of a batch [s].
    useful_macs, array_macs : int
        Multiply-accumulates of the network; of all cells in use.
    power_gated : bool
        Whether components leak only while they work.
    leakage_ungated, leakage_gated : float
        Leakage energy of the inference either way [J].
    array_estimate : mapping
        Component -> energy of its array reads from the fixed activity [J], beside the energy from
        the real inputs that the rows hold.
    array_measured : mapping
        Component -> energy of its array reads from the real inputs [J]; empty if none were run.
    one_off : OneOff
        Programming and calibration, and what keeps the chip so over a stream.
    batch : int
        Inferences that share ``elapsed``.
    """

    rows: tuple[Row, ...]
    areas: tuple[AreaRow, ...]
    elapsed: float
    useful_macs: int
    array_macs: int
    power_gated: bool
    leakage_ungated: float
    leakage_gated: float
    array_estimate: Mapping[str, float]
    array_measured: Mapping[str, float]
    one_off: OneOff
    batch: int = 1

    # Totals

    @property
    def energy(self) -> float:
        """Energy per inference [J]: all accounts but what is spent once on a chip."""
        return math.fsum(row.energy for row in self.rows if row.account != "programming")

    @property
    def programming_energy(self) -> float | None:
        """Energy of writing the weights, once [J]; None where it is not modelled."""
        return self._one_off("program") if self.one_off.modelled else None

    @property
    def programming_time(self) -> float | None:
        """Time of writing the weights, once [s]; None where it is not modelled."""
        return self.one_off.programming_time

    @property
    def calibration_energy(self) -> float:
        """Energy of calibrating the chip before its first inference [J]."""
        return self._one_off("calibrate")

    @property
    def stream_energy(self) -> float | None:
        """Energy of what keeps the chip programmed and calibrated over a stream [J].

        None where it includes writing that is not modelled.
        """
        if self.one_off.upkeep.rewritings and not self.one_off.modelled:
            return None
        return self._one_off("reprogram", "recalibrate")

    def _one_off(self, *actions: str) -> float:
        rows = (row for row in self.rows if row.account == "programming")
        return math.fsum(row.energy for row in rows if row.action in actions)

    @property
    def area(self) -> float:
        """Area of the chip [m^2]."""
        return math.fsum(row.area for row in self.areas)

    @property
    def leakage_power(self) -> float:
        """Leakage of all components, ungated [W]."""
        return math.fsum(row.leakage for row in self.areas)

    @property
    def average_power(self) -> float:
        """Energy over time of one inference, or of a batch [W]."""
        return self.energy * self.batch / self.elapsed

    @property
    def peak_power(self) -> float:
        """Upper bound of the power [W]: every component works at once, and all leak."""
        spent: dict[str, list[float]] = {}
        busy: dict[str, float] = {}
        for row in self.rows:
            if row.account in ("dynamic", "off_chip"):
                spent.setdefault(row.component, []).append(row.energy)
                busy[row.component] = busy.get(row.component, 0.0) + row.time
        working = [
            math.fsum(energies) / (busy[component] or self.elapsed)
            for component, energies in spent.items()
        ]
        return math.fsum([*working, self.leakage_power])

    @property
    def energy_delay_product(self) -> float:
        """Energy of one inference times its latency [J s]."""
        return self.energy * self.elapsed

    @property
    def assumed_share(self) -> float:
        """Share of the energy per inference that rests on assumed numbers, 0 to 1."""
        rows = [row for row in self.rows if row.account != "programming"]
        total = self.energy
        return math.fsum(row.assumed for row in rows) / total if total else 0.0

    def operations(self, rule: Rule) -> int:
        """Return the operations of one inference, two per multiply-accumulate.

        Parameters
        ----------
        rule : {"useful", "array"}
            Those that the network needs, or those of all cells in use.
        """
        return OPERATIONS_PER_MAC * (self.useful_macs if rule == "useful" else self.array_macs)

    def efficiency(self, rule: Rule) -> float:
        """Return operations per energy [op/J]; 1e12 op/J is 1 TOPS/W."""
        return self.operations(rule) / self.energy

    def throughput(self, rule: Rule) -> float:
        """Return operations per second of one inference, or one batch, at a time [op/s]."""
        return self.operations(rule) * self.batch / self.elapsed

    def density(self, rule: Rule) -> float:
        """Return operations per second and area [op/s/m^2]; 1e18 is 1 TOPS/mm²."""
        return self.throughput(rule) / self.area

    # Groupings

    def by_account(self) -> dict[str, float]:
        """Return the energy of each account [J]."""
        return self._grouped(self.rows, lambda row: row.account)

    def by_kind(self) -> dict[str, float]:
        """Return the energy per inference of each kind of component [J], leakage under its kind."""
        return self._grouped(self._running, lambda row: row.kind)

    def by_phase(self) -> dict[str, float]:
        """Return the energy per inference of each phase of a step [J]; leakage apart.

        Phases: drive (drivers, word lines), read (cells, bit lines), convert, compute (digital),
        move (buffers, buses, memories), off_chip, leakage, reprogramming.
        """
        apart = "leakage", "reprogramming"
        return self._grouped(
            self._running,
            lambda row: row.account if row.account in apart else phase_of(row.kind),
        )

    def by_layer(self) -> dict[str, float]:
        """Return the energy per inference of each layer [J]."""
        return self._grouped(self._running, lambda row: row.layer)

    def by_component(self) -> dict[str, float]:
        """Return the energy per inference of each component [J]."""
        return self._grouped(self._running, lambda row: row.component)

    def by_layer_and_kind(self) -> dict[tuple[str, str], float]:
        """Return the energy per inference by layer and kind [J]."""
        return self._grouped(self._running, lambda row: (row.layer, row.kind))

    def by_status(self) -> dict[str, float]:
        """Return the energy per inference by the status of what it rests on [J]."""
        return {s: math.fsum(getattr(row, s) for row in self._running) for s in STATUSES}

    def area_by_kind(self) -> dict[str, float]:
        """Return the area of each kind of component [m^2]."""
        return self._grouped(self.areas, lambda row: row.kind, lambda row: row.area)

    def area_by_layer(self) -> dict[str, float]:
        """Return the area of each layer [m^2]."""
        return self._grouped(self.areas, lambda row: row.layer, lambda row: row.area)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return the number of actions by (component, action)."""
        found: dict[tuple[str, str], int] = {}
        for row in self.rows:
            if row.account in ("dynamic", "off_chip"):
                key = row.component, row.action
                found[key] = found.get(key, 0) + row.count
        return found

    @property
    def _running(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.account != "programming")

    @staticmethod
    def _grouped(
        rows: Iterable[Any],
        key: Callable[[Any], Any],
        value: Callable[[Any], float] = lambda row: row.energy,
    ) -> dict[Any, float]:
        groups: dict[Any, list[float]] = {}
        for row in rows:
            groups.setdefault(key(row), []).append(value(row))
        return {name: math.fsum(values) for name, values in groups.items()}

    # Closure and export

    def check(self) -> None:
        """Verify that the parts make up the whole.

        Raises
        ------
        InternalError
            If a sum over accounts, layers, kinds, components or statuses differs from the total by
            more than rounding, or a number is negative or not finite.
        """
        total = self.energy
        for row in self.rows:
            if row.count < 0 or not math.isfinite(row.energy) or row.energy < 0:
                raise InternalError(
                    f"ledger: {row.component} {row.action}: {row.count} actions of {row.energy} J"
                )
            parts = math.fsum((row.measured, row.fitted, row.derived, row.assumed))
            _same(f"{row.component} {row.action}: parts by status", parts, row.energy)
        accounts = self.by_account()
        accounts.pop("programming", None)
        for name, group in (
            ("accounts", accounts),
            ("kinds", self.by_kind()),
            ("phases", self.by_phase()),
            ("layers", self.by_layer()),
            ("components", self.by_component()),
            ("statuses", self.by_status()),
        ):
            _same(f"energy over {name}", math.fsum(group.values()), total)
        _same("area over kinds", math.fsum(self.area_by_kind().values()), self.area)
        _same("power x time", self.average_power * self.elapsed, total * self.batch)

    def write_parquet(self, path: Path) -> None:
        """Write the rows as Parquet."""
        from pyarrow import Table, parquet

        columns = {
            field.name: _column([getattr(row, field.name) for row in self.rows], str(field.type))
            for field in fields(Row)
        }
        parquet.write_table(Table.from_pydict(columns), path)


def _column(values: Sequence[Any], kind: str) -> Any:
    """Return a column for Arrow from bare memory.

    Whatever takes Python objects imports pandas first, and whatever reads starts threads, which
    may abort a process that ends soon afterwards (https://github.com/apache/arrow/issues/34314).
    """
    from pyarrow import Array, float64, int64, py_buffer, string

    if kind in ("int", "float"):
        numbers = np.array(values, np.int64 if kind == "int" else np.float64)
        form = int64() if kind == "int" else float64()
        return Array.from_buffers(form, len(values), [None, py_buffer(numbers)])
    texts = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    buffers = [None, py_buffer(ends), py_buffer(b"".join(texts))]
    return Array.from_buffers(string(), len(texts), buffers)


def _same(what: str, found: float, expected: float) -> None:
    if not math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-300):
        raise InternalError(f"ledger does not close: {what}: {found!r} against {expected!r}")
