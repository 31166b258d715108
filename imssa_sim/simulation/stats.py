"""The statistics of a run: one list that the screen, the files and the sweeps all read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.baselines.equal_rate import at_equal_rate
from imssa_sim.model.kept import kernels_of
from imssa_sim.simulation.adaptive_stats import adaptive_entries
from imssa_sim.simulation.input_stats import input_entries
from imssa_sim.simulation.interleave_stats import interleave_entries
from imssa_sim.simulation.passes_stats import passes_entries
from imssa_sim.simulation.regression_stats import regression_entries
from imssa_sim.simulation.stream_stats import calibration_entries, stream_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.simulation.result import Accuracy, RunResult

Value = float | int | str | None


@dataclass(frozen=True)
class Stat:
    """One number of a run: dotted name, value in SI (or ``unit``), what it means."""

    name: str
    value: Value
    unit: str
    description: str


def collect(result: RunResult) -> tuple[Stat, ...]:
    """Return all statistics of a run, in a fixed order."""
    return tuple(
        Stat(*entry)
        for part in (
            _accuracy,
            adaptive_entries,
            stream_entries,
            _timing,
            input_entries,
            interleave_entries,
            passes_entries,
            _energy,
            _chip,
            calibration_entries,
            _baselines,
            _validity,
            _host,
        )
        for entry in part(result)
    )


def _validity(result: RunResult) -> Iterator[Entry]:
    if result.extrapolated:
        said = "; ".join(result.extrapolated)
        yield "extrapolated", len(result.extrapolated), "", f"uses outside of validity: {said}"


Entry = tuple[str, Value, str, str]


def _accuracy(result: RunResult) -> Iterator[Entry]:
    yield "data.name", result.data.name, "", "data set that was used"
    yield "data.fallback", int(result.data.fallback), "", "1 if the configured data were absent"
    if result.data.lengths is not None:
        shortest, mean, longest = result.data.lengths
        yield "data.length.shortest", shortest, "", "steps of the shortest evaluated sequence"
        yield "data.length.mean", mean, "", "on average; times, counts, energies: of time.steps"
        yield "data.length.longest", longest, "", "of the longest"
    if result.accuracy is not None:
        yield from _evaluated(result.accuracy)
    if result.regression is not None:
        yield from regression_entries(result.regression)
    if result.evaluated:
        yield from _converters(result)


def _evaluated(a: Accuracy) -> Iterator[Entry]:
    def share(correct: int | None) -> float | None:
        return None if correct is None else correct / a.decisions

    yield "accuracy.samples", a.samples, "", "test sequences evaluated"
    yield "accuracy.analog.samples", a.analog_samples, "", "of them on each chip instance"
    if a.steps > 1:
        yield "accuracy.steps", a.steps, "", "results of each sequence, one a step"
    yield "accuracy.float", share(a.float_correct), "1", "float network"
    yield "accuracy.digital", share(a.digital_correct), "1", "quantised network, exact integers"
    yield "accuracy.analog.mean", a.analog_mean, "1", "on the chip, mean over chip instances"
    yield (
        "accuracy.analog.deviation",
        a.analog_deviation,
        "1",
        "sample standard deviation over chip instances",
    )
    if a.analog_draw is not None:
        yield (
            "accuracy.analog.draw",
            a.analog_draw,
            "1",
            "of that deviation, what the draw of each chip's own sequences gives by itself",
        )
    for chip, correct in enumerate(a.analog_correct):
        share_right = correct / a.analog_decisions
        yield f"accuracy.analog.chip{chip}", share_right, "1", f"on chip instance {chip}"


def _converters(result: RunResult) -> Iterator[Entry]:
    conversions = sum(s.conversions for s in result.saturation)
    clipped = sum(s.low + s.high for s in result.saturation)
    yield (
        "adc.saturated_share",
        clipped / conversions if conversions else 0.0,
        "1",
        "conversions clipped at either end of the ADC range",
    )
    if result.overflow is not None:
        yield (
            "accumulators.saturated_share",
            result.overflow,
            "1",
            "sums of states and increments that an accumulator could not hold",
        )
    if result.loaded.config.hardware.effects.ir_drop:
        yield (
            "array.wire_residual",
            result.wire_residual,
            "1",
            "largest violation of Kirchhoff's laws behind wires, relative to the largest current",
        )


def _timing(result: RunResult) -> Iterator[Entry]:
    t = result.timing
    yield "time.first_output", t.first_output, "s", "first time step leaves the last layer"
    yield "time.interval", t.interval, "s", "between time steps in the steady state"
    yield "time.end_to_end", t.end_to_end, "s", "from the first input to the class"
    yield "time.sequence_interval", t.sequence_interval, "s", "between results, back to back"
    yield "time.throughput", t.throughput, "1/s", "sequences per second, back to back"
    yield "time.steps", result.program.sequence_length, "", "time steps per sequence"
    rate = result.data.sample_rate
    if rate is not None:
        yield "data.sample_rate", rate, "Hz", "steps per second of the recording"
        yield "time.real_time", 1 / (rate * t.interval), "1", "steps done while one is recorded"
    yield "time.bottleneck", t.bottleneck.path, "", t.bottleneck.explanation
    yield "time.tick", t.tick, "s", "length of one tick"
    yield "time.end_to_end_ticks", t.end_to_end_ticks, "tick", "end to end, exactly"
    yield "time.engine", t.engine, "", "timing engine"
    for path, share in sorted(t.utilisation.items()):
        yield f"utilisation.{path}", share, "1", "share of the end-to-end time in use"


def _energy(result: RunResult) -> Iterator[Entry]:
    ledger = result.ledger
    yield "energy.inference", ledger.energy, "J", "dynamic, leakage and off-chip, per inference"
    for account, joules in sorted(ledger.by_account().items()):
        meaning = "once per chip, not in the total" if account == "programming" else "per inference"
        yield f"energy.account.{account}", joules, "J", meaning
    yield "energy.assumed_share", ledger.assumed_share, "1", "share that rests on assumed numbers"
    for status, joules in ledger.by_status().items():
        yield f"energy.status.{status}", joules, "J", f"rests on numbers that are {status} at best"
    yield "energy.leakage_ungated", ledger.leakage_ungated, "J", "leakage without power gating"
    yield "energy.leakage_gated", ledger.leakage_gated, "J", "leakage with power gating"
    if result.evaluated:
        yield (
            "energy.array.real_inputs",
            sum(ledger.array_measured.values()),
            "J",
            "cells, from the actual codes and conductances",
        )
    yield (
        "energy.array.fixed_activity",
        sum(ledger.array_estimate.values()),
        "J",
        "cells, estimated without looking at the inputs",
    )
    for (layer, kind), joules in sorted(ledger.by_layer_and_kind().items()):
        yield f"energy.{layer}.{kind}", joules, "J", "per inference"
    yield "power.average", ledger.average_power, "W", "energy over end-to-end time"
    yield "power.peak", ledger.peak_power, "W", "upper bound: every component at work at once"
    yield "power.leakage", ledger.leakage_power, "W", "all components, not gated"
    yield "edp", ledger.energy_delay_product, "J s", "energy times end-to-end time"
    for rule, meaning in (
        ("useful", "MACs that the network needs"),
        ("array", "MACs of all cells in use"),
    ):
        ops = ledger.operations(rule)  # type: ignore[arg-type]
        yield f"ops.{rule}", ops, "", f"operations per inference, 2 per MAC, {meaning}"
        efficiency = ledger.efficiency(rule) / 1e12  # type: ignore[arg-type]
        yield f"tops_per_watt.{rule}", efficiency, "TOPS/W", meaning
        density = ledger.density(rule) / 1e18  # type: ignore[arg-type]
        yield f"tops_per_mm2.{rule}", density, "TOPS/mm2", meaning


def _chip(result: RunResult) -> Iterator[Entry]:
    program, ledger = result.program, result.ledger
    cells = sum(use.cells for use in program.use)
    kernels = kernels_of(program.network)
    yield "network.kernels", kernels.kernels, "", "S4D kernels, all layers and directions"
    yield "network.kernels_whole", kernels.whole, "", "the same, were none pruned"
    yield "network.states", kernels.states, "", "real states of these kernels"
    yield "area", ledger.area, "m2", "chip"
    for kind, area in sorted(ledger.area_by_kind().items()):
        yield f"area.{kind}", area, "m2", "all components of this kind"
    yield "tiles.needed", program.tiles_needed, "", "crossbar tiles that the network takes"
    yield "tiles.available", program.tiles_available, "", "crossbar tiles on the chip"
    if cells:
        used = sum(use.cells_used for use in program.use)
        useful = sum(use.cells_useful for use in program.use)
        yield "tiles.used_share", used / cells, "1", "cells in used rows and columns"
        yield "tiles.useful_share", useful / cells, "1", "cells that hold a weight"
    yield from _programming(result)


NOT_MODELLED = "not modelled: the cell's card states no write pulses"

_PARALLEL = {
    "none": "one cell of the chip at a time",
    "tiles": "all tiles side by side, each cell after cell",
    "rows": "all tiles side by side, each row after row",
}


def _programming(result: RunResult) -> Iterator[Entry]:
    ledger, account = result.ledger, result.ledger.one_off
    how = _PARALLEL[result.loaded.config.hardware.programming.parallel]
    source = "simulated write-verify" if account.simulated else "by the card's mean"
    energy_of = "write pulses of all weights, once"
    if not account.modelled:
        how = energy_of = source = NOT_MODELLED
    else:
        how = f"writing all weights once, {how}"
    yield "programming.time", ledger.programming_time, "s", how
    yield "programming.energy", ledger.programming_energy, "J", energy_of
    yield "programming.cells", account.cells, "", "cells written"
    yield "programming.pulses_per_cell", account.pulses_per_cell, "", f"write pulses, {source}"
    yield (
        "programming.yield",
        account.success,
        "1",
        "cells that the write-verify loop brought into their windows; - if not simulated",
    )


def _baselines(result: RunResult) -> Iterator[Entry]:
    for b in result.baselines:
        name = f"baseline.{b.card.removeprefix('gpu/')}.{b.mode}.batch{b.batch}"
        yield f"{name}.latency", b.latency, "s", "of one batch"
        yield f"{name}.energy", b.energy, "J", "per inference"
        efficiency = b.efficiency / 1e12
        yield f"{name}.tops_per_watt", efficiency, "TOPS/W", "useful MACs, 2 operations each"
        yield f"{name}.bound", b.bound, "", "what limits it"
        equal = at_equal_rate(result.ledger, result.timing.throughput, b)
        rate = "at the rate that both sustain, waiting counted"
        yield f"{name}.equal_rate", equal.rate, "1/s", "sequences per second that both sustain"
        yield f"{name}.equal_rate.energy", equal.baseline_energy, "J", f"per inference {rate}"
        yield f"{name}.equal_rate.chip_energy", equal.chip_energy, "J", f"of the chip {rate}"


def _host(result: RunResult) -> Iterator[Entry]:
    for phase, seconds in result.host_seconds.items():
        yield f"host.{phase.replace(' ', '_').replace(',', '')}", seconds, "s", "wall time"
    total = math.fsum(result.host_seconds.values())
    yield "host.total", total, "s", "wall time of all phases"
    if result.host_memory is not None:
        yield "host.peak_memory", result.host_memory, "B", "largest memory of the process"
