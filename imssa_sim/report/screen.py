"""The end of a run, on one screen of 80 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imssa_sim.components.path import LINK, ComponentPath
from imssa_sim.config.schema.effects import CHOICES
from imssa_sim.model.kept import kernels_of
from imssa_sim.report.converters import converter_lines
from imssa_sim.report.passes import passes_lines
from imssa_sim.report.real_time import input_lines, interleave_lines
from imssa_sim.report.screen_evaluated import evaluated
from imssa_sim.report.screen_parts import Gap, Paragraph, Rule
from imssa_sim.report.stream import calibration_line, stream_line
from imssa_sim.report.tables import energy_table
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imssa_sim.config.schema import TileConfig
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.report.screen_parts import ScreenPart
    from imssa_sim.simulation.result import RunResult

WIDTH = 80
NARROW = 72
"""Columns below which the baselines are paragraphs instead of a table."""
TOP_SCOPES = 5


def screen(result: RunResult, path: Path | None, width: int = WIDTH) -> str:
    """Return the summary of a run as plain text, at most ``width`` columns wide.

    ``path``: directory of the run, where it has one.
    """
    parts = (_head, _beyond, evaluated, _effects, _course, _time, _energy, _chip, _baselines, _host)
    lines = [line for part in parts for row in part(result) for line in row.lines(width)]
    if path is not None:
        lines.append(f"{'run':<11}{path}")
    return "\n".join(lines)


def _head(result: RunResult) -> Iterator[ScreenPart]:
    m, c = result.loaded.config.model, result.loaded.config
    yield Rule()
    yield Paragraph(
        c.workload,
        f"{m.layers} layers, H = {m.width}, N = {m.state}, L = {result.program.sequence_length}; "
        f"{c.hardware.mapping.kernel} on {_cells(c.hardware.chip.tile)}{_digital_layers(result)}",
    )
    yield Paragraph("", result.data.message)
    yield from _base(result)
    yield Rule()


def _digital_layers(result: RunResult) -> str:
    """Return which layers stand on no tiles although others may."""
    layers = result.loaded.config.hardware.mapping.digital_layers
    return f"; digital: layer {', '.join(map(str, layers))}" if layers else ""


def _base(result: RunResult) -> Iterator[ScreenPart]:
    """Yield the chip that the hardware rests on, what was changed of it, and what it lacks."""
    base, origins = result.loaded.base, result.loaded.origins
    if base is None:
        return
    changed = [
        path.removeprefix("hardware.")
        for path, origin in origins.items()
        if path.startswith("hardware.") and origin.kind in ("file", "override")
        and path != "hardware.base"
    ]  # fmt: skip
    how = ""
    if origins["hardware.base"].kind == "override":
        how = ", put in the place of the workload's own hardware"
    but = f"; other than there: {', '.join(changed)}" if changed else ""
    yield Paragraph("hardware", f"{base.name}: {base.title}{how}{but}")
    yield Paragraph("", f"not from its data: {'; '.join(base.lacks)}")


def _cells(tile: TileConfig) -> str:
    """Return the cell's card, and how many of them hold a weight where it is not one."""
    text = str(tile.cell)
    if tile.slices > 1:
        text += f", weights in {tile.slices} slices"
    if tile.devices > 1:
        text += f", {tile.devices} devices in parallel"
    return text


def _beyond(result: RunResult) -> Iterator[ScreenPart]:
    if result.extrapolated:
        yield Paragraph("BEYOND", f"extrapolated: {'; '.join(result.extrapolated)}")


def _effects(result: RunResult) -> Iterator[ScreenPart]:
    hardware = result.loaded.config.hardware
    if hardware.ideal:
        yield Paragraph("effects", "none: hardware.ideal")
        return
    switches = dict(hardware.effects)
    named = {name: name.replace("_", " ") for name in switches} | {"ir_drop": "wires (IR drop)"}
    on = [named[name] for name, value in switches.items() if value]
    off = [named[name] for name, value in switches.items() if not value and name not in CHOICES]
    text = ", ".join(on) or "none"
    yield Paragraph("effects", f"{text}; off: {', '.join(off)}" if off else text)


def _course(result: RunResult) -> Iterator[ScreenPart]:
    for label, text in (("stream", stream_line(result)), ("calibrated", calibration_line(result))):
        if text:
            yield Paragraph(label, text)


def _time(result: RunResult) -> Iterator[ScreenPart]:
    t = result.timing
    yield Paragraph(
        "latency",
        f"first output {format_si(t.first_output, 's')}   steady-state interval "
        f"{format_si(t.interval, 's')}   end to end {format_si(t.end_to_end, 's')}"
        + (f" (a batch of {t.batch})" if t.batch > 1 else ""),
    )
    if result.data.lengths is not None:
        shortest, mean, longest = result.data.lengths
        yield Paragraph(
            "",
            f"times, energy and counts are of {result.program.sequence_length} steps, the longest "
            f"sequence there is; those evaluated have {shortest} to {longest}, {mean:.4g} on "
            "average, and each ran its own steps alone",
        )
    yield Paragraph("throughput", f"{t.throughput:,.1f} sequences/s, back to back ({t.engine})")
    yield Paragraph("bottleneck", f"{t.bottleneck.path}: {t.bottleneck.explanation}")
    if t.bottleneck.interval > t.interval_ticks:
        # Queues in front of a shared component may fill until a short sequence is over.
        bears = format_si(float(t.bottleneck.interval) * t.tick, "s")
        yield Paragraph(
            "",
            f"the sequence ends before its steady state: the interval is its mean, and optimistic, "
            f"as is the throughput; for ever the bottleneck takes {bears} a step",
        )
    partition = result.loaded.config.hardware.partition
    if partition.chips > 1:
        rows = [row for row in result.ledger.rows if ComponentPath(row.component).is_unit_of(LINK)]
        each = format_si(sum(row.energy for row in rows if row.account == "off_chip"), "J")
        yield Paragraph(
            "partition",
            f"{partition.chips} chips, a link from each to the next ({partition.link}): {each} per "
            "inference for what crosses",
        )
    lines = *passes_lines(result), *interleave_lines(result), *input_lines(result)
    for label, text in lines:
        yield Paragraph(label, text)


def _energy(result: RunResult) -> Iterator[ScreenPart]:
    ledger = result.ledger
    accounts = ledger.by_account()
    total = ledger.energy
    running = "   ".join(
        f"{name} {joules / total:.0%}"
        for name, joules in sorted(accounts.items(), key=lambda item: -item[1])
        if name != "programming" and joules > 0
    )
    yield Paragraph("energy", f"{format_si(total, 'J')} per inference   ({running})")
    table = energy_table(result)
    scopes = sorted(
        (
            (float(table.energy[row, column]), f"{layer}.{kind}")
            for row, layer in enumerate(table.layers)
            for column, kind in enumerate(table.kinds)
        ),
        reverse=True,
    )[:TOP_SCOPES]
    yield Paragraph("  top", "   ".join(f"{name} {joules / total:.1%}" for joules, name in scopes))
    real, fixed = sum(ledger.array_measured.values()), sum(ledger.array_estimate.values())
    if fixed > 0:
        yield Paragraph(
            "  cells",
            f"{format_si(fixed, 'J')} by their fixed activity"
            if not result.evaluated
            else f"{format_si(real, 'J')} from the actual inputs; a fixed activity would say "
            f"{format_si(fixed, 'J')} ({fixed / real - 1:+.0%})"
            if real > 0
            else f"{format_si(real, 'J')} from the actual inputs",
        )
        chip = result.loaded.config.hardware.chip
        factor = chip.supply / chip.tile.read_voltage
        if factor > 1:
            yield Paragraph(
                "",
                f"at {format_si(chip.tile.read_voltage, 'V')}; a linear regulator would take "
                f"{factor:.3g} times as much from {chip.supply:g} V",
            )
    yield Paragraph(
        "  assumed",
        f"{ledger.assumed_share:.0%} of the energy rests on assumed numbers; programming the chip "
        f"once: {_programming(ledger)}",
    )
    yield Paragraph(
        "power",
        f"{format_si(ledger.average_power, 'W')} on average, of which leakage "
        f"{format_si(accounts.get('leakage', 0.0) * ledger.batch / ledger.elapsed, 'W')}"
        f"{' (power gated)' if ledger.power_gated else ''}",
    )
    useful, array = (ledger.efficiency(rule) / 1e12 for rule in ("useful", "array"))
    less = "; digital logic's MACs are useful ones alone" if array < useful else ""
    yield Paragraph(
        "TOPS/W",
        f"{useful:.4g} counting useful MACs, {array:.4g} counting array MACs "
        f"(1 MAC = 2 operations){less}",
    )


def _programming(ledger: Ledger) -> str:
    energy, time, account = ledger.programming_energy, ledger.programming_time, ledger.one_off
    if energy is None or time is None:
        return "not modelled, the cell's card states no write pulses"
    text = f"{format_si(energy, 'J')}, {format_si(time, 's')}"
    if account.success is None:
        return text
    return f"{text} ({account.pulses_per_cell:.1f} pulses a cell, {account.success:.2%} written)"


def _chip(result: RunResult) -> Iterator[ScreenPart]:
    program = result.program
    kinds = sorted(result.ledger.area_by_kind().items(), key=lambda item: -item[1])[:3]
    area = result.ledger.area
    largest = ", ".join(f"{kind} {value / area:.0%}" for kind, value in kinds)
    yield Paragraph("area", f"{area * 1e6:.4g} mm² ({largest})")
    for number, text in enumerate(converter_lines(result)):
        yield Paragraph("" if number else "converters", text)
    kernels = kernels_of(program.network)
    if kernels.pruned:
        yield Paragraph(
            "pruned",
            f"{kernels.kernels} of {kernels.whole} kernels are there, with {kernels.states} states",
        )
    cells = sum(use.cells for use in program.use)
    if cells:
        used = sum(use.cells_used for use in program.use) / cells
        useful = sum(use.cells_useful for use in program.use) / cells
        yield Paragraph(
            "tiles",
            f"{program.tiles_needed} of {program.tiles_available} in use; {used:.0%} of their "
            f"cells driven, {useful:.1%} hold a weight",
        )


@dataclass(frozen=True)
class Baseline:
    """A line of the comparison: name, latency [s], energy per inference [J], TOPS/W, bound by."""

    name: str
    latency: float
    energy: float
    efficiency: float
    bound: str


@dataclass(frozen=True)
class Baselines:
    """The chip and what it is compared with."""

    rows: tuple[Baseline, ...]

    def lines(self, width: int) -> list[str]:
        """Return a table, or a paragraph each where it is too wide."""
        if width < NARROW:
            return [line for row in self.rows for line in _paragraph(row).lines(width)]
        head = f"{'':<26}{'latency':>12}{'energy/inf.':>14}{'TOPS/W':>11}  bound by"
        return [head, *(_line(row, width) for row in self.rows)]


def _baselines(result: RunResult) -> Iterator[ScreenPart]:
    if not result.baselines:
        return
    ledger, t = result.ledger, result.timing
    chip = Baseline(
        "this chip", t.end_to_end, ledger.energy, ledger.efficiency("useful") / 1e12,
        t.bottleneck.path.removeprefix("chip."),
    )  # fmt: skip
    others = []
    for b in result.baselines:
        mode = "conv." if b.mode == "convolution" else "recur."
        name = f"{b.card.removeprefix('gpu/')} {mode} {b.batch}"
        others.append(Baseline(name, b.latency, b.energy, b.efficiency / 1e12, b.bound))
    yield Gap()
    yield Baselines((chip, *others))


def _paragraph(row: Baseline) -> Paragraph:
    return Paragraph(
        row.name,
        f"{format_si(row.latency, 's')}, {format_si(row.energy, 'J')} per inference, "
        f"{row.efficiency:.3g} TOPS/W, bound by {row.bound}",
    )


def _line(row: Baseline, width: int) -> str:
    text = (
        f"{row.name:<26}{format_si(row.latency, 's'):>12}{format_si(row.energy, 'J'):>14}"
        f"{row.efficiency:>11.3g}  {row.bound}"
    )
    return text if len(text) <= width else text[: width - 1] + "…"


def _host(result: RunResult) -> Iterator[ScreenPart]:
    host = sum(result.host_seconds.values())
    simulated = result.timing.end_to_end
    a, r = result.accuracy, result.regression
    what = f"{host:.2f} s for an inference of {format_si(simulated, 's')}, costs alone"
    if a is not None or r is not None:
        runs = a.analog_samples * len(a.analog_correct) if a is not None else 0
        runs += r.analog_samples * len(r.chips) if r is not None else 0
        what = f"{host:.1f} s for {runs} analog inferences of {format_si(simulated, 's')} each"
    yield Gap()
    yield Paragraph(
        "host",
        f"{what} (timing: {result.timing.host_seconds:.2f} s, {result.timing.events:,} events)",
    )
