"""The end of a run, on one screen of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from imssa_sim.components.path import ComponentPath
from imssa_sim.model.kept import kernels_of
from imssa_sim.report.stream import calibration_line, stream_line
from imssa_sim.report.tables import energy_table
from imssa_sim.units import format_si

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imssa_sim.config.schema import TileConfig
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.simulation.result import RunResult

WIDTH = 80
TOP_SCOPES = 5


def screen(result: RunResult, path: Path) -> str:
    """Return the summary of a run as plain text, at most 80 columns wide."""
    parts = (_head, _accuracy, _course, _time, _energy, _chip, _baselines, _host)
    lines = [line for part in parts for line in part(result)]
    lines.append(f"{'run':<11}{path}")
    return "\n".join(lines)


def _row(label: str, text: str) -> Iterator[str]:
    """Yield a labelled paragraph, its text wrapped and indented under itself."""
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=f"{label:<10} ", subsequent_indent=" " * 11,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _head(result: RunResult) -> Iterator[str]:
    m, c = result.loaded.config.model, result.loaded.config
    yield "─" * WIDTH
    yield from _row(
        c.workload,
        f"{m.layers} layers, H = {m.width}, N = {m.state}, L = {result.program.sequence_length}; "
        f"{c.hardware.mapping.kernel} on {_cells(c.hardware.chip.tile)}",
    )
    yield from _row("", result.data.message)
    yield "─" * WIDTH


def _cells(tile: TileConfig) -> str:
    """Return the cell's card, and how many of them hold a weight where it is not one."""
    text = str(tile.cell)
    if tile.slices > 1:
        text += f", weights in {tile.slices} slices"
    if tile.devices > 1:
        text += f", {tile.devices} devices in parallel"
    return text


def _accuracy(result: RunResult) -> Iterator[str]:
    a = result.accuracy
    shares = [
        f"{name} {correct / a.samples:.1%}"
        for name, correct in (("float", a.float_correct), ("quantised", a.digital_correct))
        if correct is not None
    ]
    if a.analog_mean is not None:
        spread = f" ± {a.analog_deviation:.1%}" if a.analog_deviation is not None else ""
        low, high = (
            right / a.analog_samples for right in (min(a.analog_correct), max(a.analog_correct))
        )
        chips = len(a.analog_correct)
        which = f"{chips} chips, {low:.1%} to {high:.1%}" if chips > 1 else "1 chip"
        shares.append(f"analog {a.analog_mean:.1%}{spread} ({which})")
    yield from _row("accuracy", "   ".join(shares))
    conversions = sum(s.conversions for s in result.saturation)
    clipped = sum(s.low + s.high for s in result.saturation)
    share = f"; {clipped / conversions:.2%} of conversions clip" if conversions else ""
    each = "" if a.analog_samples == a.samples else f", {a.analog_samples} of them on each chip"
    if a.analog_draw is not None:
        each = (
            f", each chip its own {a.analog_samples} (the draw alone gives ± {a.analog_draw:.1%})"
        )
    yield from _row("", f"{a.samples} of {result.data.test_size} test sequences{each}{share}")


def _course(result: RunResult) -> Iterator[str]:
    for label, text in (("stream", stream_line(result)), ("calibrated", calibration_line(result))):
        if text:
            yield from _row(label, text)


def _time(result: RunResult) -> Iterator[str]:
    t = result.timing
    yield from _row(
        "latency",
        f"first output {format_si(t.first_output, 's')}   steady-state interval "
        f"{format_si(t.interval, 's')}   end to end {format_si(t.end_to_end, 's')}",
    )
    yield from _row("throughput", f"{t.throughput:,.1f} sequences/s, back to back ({t.engine})")
    yield from _row("bottleneck", f"{t.bottleneck.path}: {t.bottleneck.explanation}")


def _energy(result: RunResult) -> Iterator[str]:
    ledger = result.ledger
    accounts = ledger.by_account()
    total = ledger.energy
    running = "   ".join(
        f"{name} {joules / total:.0%}"
        for name, joules in sorted(accounts.items(), key=lambda item: -item[1])
        if name != "programming" and joules > 0
    )
    yield from _row("energy", f"{format_si(total, 'J')} per inference   ({running})")
    table = energy_table(result)
    scopes = sorted(
        (
            (float(table.energy[row, column]), f"{layer}.{kind}")
            for row, layer in enumerate(table.layers)
            for column, kind in enumerate(table.kinds)
        ),
        reverse=True,
    )[:TOP_SCOPES]
    yield from _row("  top", "   ".join(f"{name} {joules / total:.1%}" for joules, name in scopes))
    real, fixed = sum(ledger.array_measured.values()), sum(ledger.array_estimate.values())
    if fixed > 0:
        yield from _row(
            "  cells",
            f"{format_si(real, 'J')} from the actual inputs; a fixed activity would say "
            f"{format_si(fixed, 'J')} ({fixed / real - 1:+.0%})"
            if real > 0
            else f"{format_si(real, 'J')} from the actual inputs",
        )
    yield from _row(
        "  assumed",
        f"{ledger.assumed_share:.0%} of the energy rests on assumed numbers; programming the chip "
        f"once: {_programming(ledger)}",
    )
    yield from _row(
        "power",
        f"{format_si(ledger.average_power, 'W')} on average, of which leakage "
        f"{format_si(accounts.get('leakage', 0.0) / ledger.elapsed, 'W')}"
        f"{' (power gated)' if ledger.power_gated else ''}",
    )
    useful, array = (ledger.efficiency(rule) / 1e12 for rule in ("useful", "array"))
    yield from _row(
        "TOPS/W",
        f"{useful:.4g} counting useful MACs, {array:.4g} counting array MACs "
        "(1 MAC = 2 operations)",
    )


def _programming(ledger: Ledger) -> str:
    energy, time, account = ledger.programming_energy, ledger.programming_time, ledger.one_off
    if energy is None or time is None:
        return "not modelled, the cell's card states no write pulses"
    text = f"{format_si(energy, 'J')}, {format_si(time, 's')}"
    if account.success is None:
        return text
    return f"{text} ({account.pulses_per_cell:.1f} pulses a cell, {account.success:.2%} written)"


def _chip(result: RunResult) -> Iterator[str]:
    program = result.program
    kinds = sorted(result.ledger.area_by_kind().items(), key=lambda item: -item[1])[:3]
    area = result.ledger.area
    largest = ", ".join(f"{kind} {value / area:.0%}" for kind, value in kinds)
    yield from _row("area", f"{area * 1e6:.4g} mm² ({largest})")
    kernels = kernels_of(program.network)
    if kernels.pruned:
        yield from _row(
            "pruned",
            f"{kernels.kernels} of {kernels.whole} kernels are there, with {kernels.states} states",
        )
    cells = sum(use.cells for use in program.use)
    if cells:
        used = sum(use.cells_used for use in program.use) / cells
        useful = sum(use.cells_useful for use in program.use) / cells
        yield from _row(
            "tiles",
            f"{program.tiles_needed} of {program.tiles_available} in use; {used:.0%} of their "
            f"cells driven, {useful:.1%} hold a weight",
        )


def _baselines(result: RunResult) -> Iterator[str]:
    if not result.baselines:
        return
    yield ""
    yield f"{'':<26}{'latency':>12}{'energy/inf.':>14}{'TOPS/W':>11}  bound by"
    ledger, t = result.ledger, result.timing
    yield _line(
        "this chip", t.end_to_end, ledger.energy, ledger.efficiency("useful") / 1e12,
        ComponentPath(t.bottleneck.path).below_chip,
    )  # fmt: skip
    for b in result.baselines:
        mode = "conv." if b.mode == "convolution" else "recur."
        name = f"{b.card.removeprefix('gpu/')} {mode} {b.batch}"
        yield _line(name, b.latency, b.energy, b.efficiency / 1e12, b.bound)


def _line(name: str, latency: float, energy: float, efficiency: float, bound: str) -> str:
    text = (
        f"{name:<26}{format_si(latency, 's'):>12}{format_si(energy, 'J'):>14}{efficiency:>11.3g}"
        f"  {bound}"
    )
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _host(result: RunResult) -> Iterator[str]:
    host = sum(result.host_seconds.values())
    simulated = result.timing.end_to_end
    runs = result.accuracy.analog_samples * len(result.accuracy.analog_correct)
    yield ""
    yield from _row(
        "host",
        f"{host:.1f} s for {runs} analog inferences of {format_si(simulated, 's')} each "
        f"(timing: {result.timing.host_seconds:.2f} s, {result.timing.events:,} events)",
    )
