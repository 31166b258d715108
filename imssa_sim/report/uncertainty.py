"""Intervals of a run's totals: files, lines for the screen, and the comparison with the GPUs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

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
    tree = {
        "draws": found.draws,
        "seed": found.seed,
        "level": found.level,
        "intervals": {
            name: {"unit": UNITS[name], **asdict(values)}
            for name, values in found.intervals.items()
        },
        "baselines": [asdict(advantage) for advantage in advantages],
        "with_all_entries_at_their_medians": dict(found.centres),
        "drivers": {
            name: [asdict(driver) for driver in drivers] for name, drivers in found.drivers.items()
        },
    }
    text = json.dumps(tree, indent=1) + "\n"
    directory.file("uncertainty.json").write_text(text, encoding="utf-8")
    if not figures:
        return
    from imssa_sim.report.figures.style import save
    from imssa_sim.report.figures.tornado import tornado

    for total, unit in (("energy", "J"), ("area", "m²")):
        paths = [directory.file(f"tornado_{total}.{suffix}") for suffix in ("png", "svg")]
        save(tornado(found, total, unit), paths)


def uncertainty_lines(found: Uncertainty, advantages: Sequence[Advantage]) -> list[str]:
    """Return the lines that the screen shows below its summary."""
    inside = f"{found.level:.0%} of {found.draws:,} draws of the cards' ranged and assumed numbers"
    lines = [f"uncertainty: {inside}"]
    for name, title in (
        ("energy", "energy per inference"),
        ("power", "average power"),
        ("area", "area"),
    ):
        i = found.intervals[name]
        low, own, high = (format_si(x, UNITS[name]) for x in (i.low, i.nominal, i.high))
        lines.append(f"  {title:<22}{low} to {high} (cards' own numbers: {own})")
    i = found.intervals["efficiency_useful"]
    low, own, high = (f"{x / 1e12:.3g}" for x in (i.low, i.nominal, i.high))
    lines.append(f"  {'TOPS/W, useful MACs':<22}{low} to {high} ({own})")
    for advantage in advantages:
        ratio = advantage.ratio
        lines.append(
            f"  energy of {advantage.baseline}: {ratio.low:.3g} to {ratio.high:.3g} times "
            f"the chip's ({ratio.nominal:.3g})"
        )
    strongest = ", ".join(f"{d.card} {d.entry}" for d in found.drivers["energy"][:SHOWN])
    lines.append(f"  strongest: {strongest}")
    return lines
