"""How far the totals of a ledger move when the cards' ranged and assumed numbers vary.

The counts and times of a finished run stand; only prices vary. So a Monte Carlo run over the cards
is one evaluation of the cost model with arrays in the place of numbers
(`imssa_sim.costs.distributions` says which distribution each entry gets). The energy of array reads
that were executed with real inputs is not varied; an estimated one varies with its activity.

Which cost model of the converters is right is drawn too (`imssa_sim.costs.adc_choice` states the
prior), and what it does by itself is kept apart from what the parameters do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.components.parameters import Draws, FloatArray
from imssa_sim.costs.adc_choice import adc_choice, with_adc
from imssa_sim.costs.distributions import Varied, draws_at, latin_hypercube, varied_entries
from imssa_sim.costs.model import CostModel
from imssa_sim.errors import InputError
from imssa_sim.ledger.build import booked, is_array_read

if TYPE_CHECKING:
    from imssa_sim.config.schema import HardwareConfig
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.mapping.program import Program

DRAWS = 10_000
LEVEL = 0.9
UNITS = {
    "energy": "J",
    "dynamic": "J",
    "leakage": "J",
    "off_chip": "J",
    "power": "W",
    "leakage_power": "W",
    "area": "m^2",
    "efficiency_useful": "op/J",
    "efficiency_array": "op/J",
    "density_useful": "op/s/m^2",
    "density_array": "op/s/m^2",
}
"""Totals and their units; ``energy`` is per inference, the next three are its accounts."""


@dataclass(frozen=True)
class Interval:
    """A total's central interval, median, mean, and its value with the cards' own numbers."""

    nominal: float
    low: float
    median: float
    high: float
    mean: float


@dataclass(frozen=True)
class Driver:
    """A card entry and what it does to a total.

    ``low``, ``high``: the total with this entry alone at the ends of its central interval, the
    others at their medians.
    ``rank``: Spearman's correlation of the entry's draws with the total's.
    """

    card: str
    entry: str
    low: float
    high: float
    rank: float

    @property
    def swing(self) -> float:
        """Distance of the two totals."""
        return abs(self.high - self.low)


@dataclass(frozen=True)
class AdcModel:
    """A cost model of the converters: its card, and the totals with every entry at its median."""

    card: str
    centres: Mapping[str, float]


@dataclass(frozen=True)
class Uncertainty:
    """Intervals of all totals and the drivers of each, strongest first.

    ``samples`` holds the totals of every draw, ``level`` the probability inside of the intervals,
    ``centres`` the totals with every entry at its median, where the drivers' bars start.
    ``parameters`` holds the intervals of the entries alone, with the chip's own ADC card;
    ``models`` the ADC models that were drawn, the own one first. The drivers are entries, of the
    cards that the chip names.
    """

    draws: int
    seed: int
    level: float
    intervals: Mapping[str, Interval]
    drivers: Mapping[str, tuple[Driver, ...]]
    centres: Mapping[str, float]
    samples: Mapping[str, FloatArray]
    parameters: Mapping[str, Interval]
    models: tuple[AdcModel, ...]

    def span(self, total: str) -> tuple[AdcModel, AdcModel]:
        """Return the ADC models with the lowest and the highest of a total."""
        ordered = sorted(self.models, key=lambda model: model.centres[total])
        return ordered[0], ordered[-1]


class LedgerModel:
    """The totals of a ledger as a function of card entries.

    Parameters
    ----------
    program : Program
    hardware : HardwareConfig
    ledger : Ledger
        Of a finished run: gives times, and the measured energies of array reads.
    """

    def __init__(self, program: Program, hardware: HardwareConfig, ledger: Ledger) -> None:
        self.program, self.hardware, self.ledger = program, hardware, ledger
        self._nominal = CostModel(program, hardware)
        self.varied: tuple[Varied, ...] = varied_entries(self._nominal.cards)
        self._leaking = {
            (row.component, row.kind): row.time for row in ledger.rows if row.account == "leakage"
        }

    def totals(self, draws: Draws, number: int) -> dict[str, FloatArray]:
        """Return each total (see `UNITS`) for ``number`` draws, shape (number,)."""
        costs = CostModel(self.program, self.hardware, draws)
        accounts = {name: np.zeros(number) for name in ("dynamic", "off_chip", "leakage")}
        measured = self.ledger.array_measured
        accounts["dynamic"] += sum(measured.values())
        for _, cost, count in booked(self.program, costs):
            if measured and is_array_read(cost.kind, cost.action):
                continue
            accounts[cost.account] += count * np.asarray(cost.energy)
        area, leakage_power = np.zeros(number), np.zeros(number)
        for component in costs.components:
            area += component.area.value
            time = self._leaking.get((component.component, component.kind), 0.0)
            leakage_power += component.leakage.value
            accounts["leakage"] += np.asarray(component.leakage.value) * time
        energy = accounts["dynamic"] + accounts["leakage"] + accounts["off_chip"]
        energy = energy + self._rewriting(costs)
        elapsed = self.ledger.elapsed / self.ledger.batch
        totals = {"energy": energy, **accounts, "area": area}
        totals["power"] = energy / elapsed
        totals["leakage_power"] = leakage_power
        for rule in ("useful", "array"):
            operations = self.ledger.operations(rule)
            totals[f"efficiency_{rule}"] = operations / energy
            totals[f"density_{rule}"] = operations / elapsed / area
        return {name: totals[name] for name in UNITS}

    def _rewriting(self, costs: CostModel) -> FloatArray | float:
        """Return an inference's share of what is written for each batch [J].

        Calibration, weights from beyond the chip, and writing that was simulated, do not vary.
        """
        rows = [row for row in self.ledger.rows if row.account == "reprogramming"]
        priced = not self.ledger.one_off.simulated
        fixed = sum(row.energy for row in rows if not (priced and row.action == "rewrite"))
        if not (priced and rows):
            return fixed
        written = sum(np.asarray(cost.energy.value) for cost in costs.programming)
        return np.asarray(fixed + written / self.ledger.batch)

    def at(self, u: FloatArray) -> dict[str, FloatArray]:
        """Return the totals at cumulative probabilities of the varied entries, (draws, entries)."""
        return self.totals(draws_at(self.varied, u), len(u))

    def centres(self) -> dict[str, float]:
        """Return the totals with every entry at its median."""
        middle = self.at(np.full((1, len(self.varied)), 0.5))
        return {name: float(values[0]) for name, values in middle.items()}


def evaluate_uncertainty(
    program: Program,
    hardware: HardwareConfig,
    ledger: Ledger,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> Uncertainty:
    """Return intervals of the totals of a finished run, and what drives them.

    Parameters
    ----------
    program, hardware, ledger
        Of the run.
    draws : int
        Draws of a Latin hypercube; at least 100.
    seed : int
        Same seed, same intervals.
    level : float
        Probability inside of an interval.

    Raises
    ------
    InputError
        Too few draws, or a level that is no probability.
    """
    if draws < 100:
        raise InputError(f"draws: {draws} are too few for an interval; give at least 100")
    if not 0 < level < 1:
        raise InputError(f"level: {level} is not between 0 and 1")
    model = LedgerModel(program, hardware, ledger)
    u = latin_hypercube(draws, len(model.varied), seed)
    own = model.at(u)
    tails = ((1 - level) / 2, (1 + level) / 2)
    nominal = model.totals({}, 1)

    def intervals(samples: Mapping[str, FloatArray]) -> dict[str, Interval]:
        return {
            name: interval(float(nominal[name][0]), values, level)
            for name, values in samples.items()
        }

    others = [
        LedgerModel(program, with_adc(hardware, card), ledger) for card in adc_choice(hardware)[1:]
    ]
    samples = _mixed(model, others, u, own, seed)
    models = tuple(AdcModel(m.hardware.adc.card, m.centres()) for m in (model, *others))
    drivers = _drivers(model, u, own, tails)
    return Uncertainty(
        draws, seed, level, intervals(samples), drivers, models[0].centres, samples,
        intervals(own), models,
    )  # fmt: skip


def _mixed(
    model: LedgerModel,
    others: Sequence[LedgerModel],
    u: FloatArray,
    own: Mapping[str, FloatArray],
    seed: int,
) -> dict[str, FloatArray]:
    """Return the totals with the ADC model drawn too, each as often as any other.

    The entries that both cards' chips share keep their draws ``u``; those of the other ADC cards
    and the choice come from a stream of their own, so that the entries' draws do not depend on
    which models are shipped.
    """
    samples = {name: values.copy() for name, values in own.items()}
    shared = {v.name: i for i, v in enumerate(model.varied)}
    further = sorted({v.name for other in others for v in other.varied} - set(shared))
    columns = shared | {name: len(shared) + i for i, name in enumerate(further)}
    drawn = latin_hypercube(len(u), len(further) + 1, seed, stream=1)
    whole = np.hstack([u, drawn])
    chosen = (drawn[:, -1] * (1 + len(others))).astype(int)
    for number, other in enumerate(others, start=1):
        mine = np.flatnonzero(chosen == number)
        of_other = np.array([columns[v.name] for v in other.varied], dtype=int)
        for name, values in other.at(whole[np.ix_(mine, of_other)]).items():
            samples[name][mine] = values
    return samples


def interval(nominal: float, values: FloatArray, level: float) -> Interval:
    """Return the central interval of draws that holds ``level`` of them."""
    tails = ((1 - level) / 2, (1 + level) / 2)
    low, median, high = np.quantile(values, (tails[0], 0.5, tails[1]))
    return Interval(nominal, float(low), float(median), float(high), float(values.mean()))


def _swings(model: LedgerModel, tails: tuple[float, float]) -> dict[str, FloatArray]:
    """Return each total with one entry at either tail, the others at their medians, (k, 2)."""
    number = len(model.varied)
    u = np.full((2 * number, number), 0.5)
    for i in range(number):
        u[2 * i, i], u[2 * i + 1, i] = tails
    return {name: values.reshape(number, 2) for name, values in model.at(u).items()}


def _drivers(
    model: LedgerModel, u: FloatArray, samples: Mapping[str, FloatArray], tails: tuple[float, float]
) -> dict[str, tuple[Driver, ...]]:
    swings = _swings(model, tails)
    # Quantiles are monotonic in u, so the ranks of u are the ranks of the entries.
    ranked = np.argsort(np.argsort(u, axis=0), axis=0).astype(float)
    ranked = (ranked - ranked.mean(axis=0)) / ranked.std(axis=0)
    drivers = {}
    for name, values in samples.items():
        of_total = np.argsort(np.argsort(values)).astype(float)
        spread = of_total.std()
        of_total = (of_total - of_total.mean()) / spread
        correlation = ranked.T @ of_total / len(values)
        found = [
            Driver(v.card, v.entry, float(low), float(high), float(rank))
            for v, (low, high), rank in zip(model.varied, swings[name], correlation, strict=True)
            if low != high
        ]
        drivers[name] = tuple(sorted(found, key=lambda d: (-d.swing, d.card, d.entry)))
    return drivers
