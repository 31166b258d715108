"""Intervals of a run's totals: files, lines for the screen, and the comparison with the GPUs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.baselines.equal_rate import at_equal_rate, energy_at_rate
from imssa_sim.baselines.gpu import baseline_samples, shape_of
from imssa_sim.ledger.uncertainty import (
    UNITS,
    Interval,
    Uncertainty,
    evaluate_uncertainty,
    interval,
)
from imssa_sim.simulation.stats import Stat
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.report.run_directory import RunDirectory
    from imssa_sim.simulation.result import RunResult

SHOWN = 6


@dataclass(frozen=True)
class Advantage:
    """A baseline beside the chip, the cards' entries of both drawn independently.

    ``ratio``: the baseline's energy per inference over the chip's; as both are held to the same
    useful operations, also the ratio of TOPS/W. ``efficiency``: of the baseline [op/J].
    ``equal_rate``: the ratio at ``rate`` sequences per second, which the slower of both sustains
    with the cards' own numbers; the other waits, and draws power.
    """

    baseline: str
    ratio: Interval
    efficiency: Interval
    rate: float
    equal_rate: Interval


def run_uncertainty(result: RunResult) -> tuple[Uncertainty, tuple[Advantage, ...]]:
    """Return intervals of a run's totals, and of its advantage over each baseline."""
    config = result.loaded.config
    found = evaluate_uncertainty(result.program, config.hardware, result.ledger, seed=config.seed)
    shape = shape_of(config, result.program.sequence_length)
    advantages = []
    for number, baseline in enumerate(result.baselines):
        seed = config.seed + 1 + number
        drawn = baseline_samples(baseline, shape, found.draws, seed)
        energy, of_chip = drawn.energy, found.samples
        nominal = baseline.energy / result.ledger.energy
        equal = at_equal_rate(result.ledger, result.timing.throughput, baseline)
        actions = of_chip["dynamic"] + of_chip["off_chip"]
        chip = energy_at_rate(actions, of_chip["leakage_power"], 0.0, equal.rate)
        # A draw whose GPU is too slow for the rate never waits, it falls behind.
        busy = np.minimum(drawn.latency / baseline.batch, 1 / equal.rate)
        gpu = energy_at_rate(energy, drawn.idle_power, busy, equal.rate)
        advantages.append(
            Advantage(
                f"{baseline.card} {baseline.mode} batch {baseline.batch}",
                interval(nominal, energy / of_chip["energy"], found.level),
                interval(baseline.efficiency, baseline.operations / energy, found.level),
                equal.rate,
                interval(equal.ratio, np.asarray(gpu / chip), found.level),
            )
        )
    return found, tuple(advantages)


def write_uncertainty(
    directory: RunDirectory,
    found: Uncertainty,
    advantages: Sequence[Advantage],
    figures: bool = True,
) -> None:
    """Write ``uncertainty.json`` and, if wanted, the tornado charts of energy and area."""
    text = json.dumps(uncertainty_tree(found, advantages), indent=1) + "\n"
    directory.file("uncertainty.json").write_text(text, encoding="utf-8")
    if not figures:
        return
    from imssa_sim.report.figures.style import save
    from imssa_sim.report.figures.tornado import tornado

    for total, unit in (("energy", "J"), ("area", "m²")):
        paths = [directory.file(f"tornado_{total}.{suffix}") for suffix in ("png", "svg")]
        save(tornado(found, total, unit), paths)


def uncertainty_tree(found: Uncertainty, advantages: Sequence[Advantage]) -> dict[str, Any]:
    """Return intervals, what drives them and the baselines as ``uncertainty.json`` holds them."""
    return {
        "draws": found.draws,
        "seed": found.seed,
        "level": found.level,
        "intervals": {
            name: {"unit": UNITS[name], **asdict(values)}
            for name, values in found.intervals.items()
        },
        "intervals_of_parameters_alone": {
            name: {"unit": UNITS[name], **asdict(values)}
            for name, values in found.parameters.items()
        },
        "adc_models_with_all_entries_at_their_medians": {
            model.card: dict(model.centres) for model in found.models
        },
        "baselines": [asdict(advantage) for advantage in advantages],
        "with_all_entries_at_their_medians": dict(found.centres),
        "drivers": {
            name: [asdict(driver) for driver in drivers] for name, drivers in found.drivers.items()
        },
    }


def uncertainty_lines(found: Uncertainty, advantages: Sequence[Advantage]) -> list[str]:
    """Return the lines that the screen shows below its summary."""
    inside = f"{found.level:.0%} of {found.draws:,} draws of the cards' ranged and assumed numbers"
    lines = [f"uncertainty: {inside}", f"  {_which(found)}"]
    for name, title in (
        ("energy", "energy per inference"),
        ("power", "average power"),
        ("area", "area"),
        ("efficiency_useful", "TOPS/W, useful MACs"),
    ):
        i = found.intervals[name]
        lines.append(
            f"  {title:<22}{_shown(name, i.low)} to {_shown(name, i.high)} "
            f"(cards' own numbers: {_shown(name, i.nominal)})"
        )
        lines += [f"    {part}" for part in _parts(found, name)]
    for advantage in advantages:
        ratio = advantage.ratio
        lines.append(
            f"  energy of {advantage.baseline}: {ratio.low:.3g} to {ratio.high:.3g} times "
            f"the chip's ({ratio.nominal:.3g})"
        )
    strongest = ", ".join(f"{d.card} {d.entry}" for d in found.drivers["energy"][:SHOWN])
    lines.append(f"  strongest: {strongest}")
    return lines


def uncertainty_stats(found: Uncertainty) -> tuple[Stat, ...]:
    """Return the intervals as statistics: of both, of the entries alone, of the ADC model alone."""
    stats = []
    for name, unit in UNITS.items():
        both, alone = found.intervals[name], found.parameters[name]
        first, last = (model.centres[name] for model in found.span(name))
        for which, low, high, of in (
            ("", both.low, both.high, "entries and ADC model drawn"),
            (".parameters", alone.low, alone.high, "entries drawn, the chip's own ADC model"),
            (".adc_model", first, last, "entries at their medians, lowest and highest ADC model"),
        ):
            stats += [
                Stat(f"uncertainty.{name}{which}.low", low, unit, of),
                Stat(f"uncertainty.{name}{which}.high", high, unit, of),
            ]
    return tuple(stats)


def _which(found: Uncertainty) -> str:
    if len(found.models) == 1:
        return f"no shipped ADC model holds here beside {found.models[0].card}"
    return f"and of which of {len(found.models)} ADC models that hold here is right"


def _shown(name: str, value: float) -> str:
    if UNITS[name] == "op/J":
        return f"{value / 1e12:.3g}"
    return format_si(value, UNITS[name])


def _parts(found: Uncertainty, name: str) -> list[str]:
    """Return what the entries and the choice of the ADC model do by themselves."""
    alone, (first, last) = found.parameters[name], found.span(name)
    if len(found.models) == 1:
        return []
    low, high = (_shown(name, model.centres[name]) for model in (first, last))
    return [
        f"numbers alone:   {_shown(name, alone.low)} to {_shown(name, alone.high)}",
        f"ADC model alone: {low} ({first.card}) to {high} ({last.card})",
    ]
