"""HERMES: one core and the 64-core chip, pulse-width inputs and converters that count alongside."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card, load_card
from imssa_sim.costs.chips.events import Step, one_after_another
from imssa_sim.costs.chips.figure import Figure, FigureMaker


def core_figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of one core."""
    c = FigureMaker(card)
    operations = 2 * c.value("rows") * c.value("columns")
    time = _time(c, 1)
    yield c.figure(
        "throughput", operations / time, "published_peak", "events",
        note=f"127 units of 1 ns and two latch cycles: {time * 1e9:.0f} ns",
    )  # fmt: skip
    power = c.value("published_peak") / c.value("published_efficiency")
    area = c.value("published_peak") / c.value("published_density")
    note = f"power by the published figures: {power * 1e3:.0f} mW"
    efficiency = operations / time / power
    yield c.figure(
        "efficiency", efficiency, "published_efficiency", "events", calibrated=True, note=note
    )
    note = f"area by the published figures: {area * 1e6:.3f} mm^2"
    yield c.figure(
        "throughput per area", operations / time / area, "published_density", "events",
        calibrated=True, note=note,
    )  # fmt: skip


def chip_figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the 64-core chip."""
    c, core = FigureMaker(card), FigureMaker(load_card("chips/hermes_core"))
    v = c.value
    operations = 2 * v("cores") * v("rows") * v("columns")
    one_core = core.value("published_peak") / core.value("published_efficiency")
    bottom_up = v("cores") * one_core
    measured = v("published_energy_short") / v("published_time_short")
    for mode in ("short", "long"):
        phases = int(v(f"phases_{mode}"))
        time = _time(c, phases)
        label = f"{phases} phase{'s' if phases > 1 else ''}"
        note = f"{phases} x (127 units of 1 ns and two latch cycles)"
        yield c.figure(f"time, {label}", time, f"published_time_{mode}", "events", note=note)
        yield c.figure(
            f"throughput, {label}", operations / time, f"published_peak_{mode}", "events"
        )
        for power, basis, suffix, calibrated, note in (
            # One number is taken from the chip, its power in the short mode; the long mode is free.
            (measured, "events", "", mode == "short",
             f"{measured:.2f} W, the chip's power in the 1-phase mode, in both modes"),
            (bottom_up, "events, sum", ", power of the single core's paper", False,
             f"64 cores of {one_core * 1e3:.0f} mW"),
        ):  # fmt: skip
            yield c.figure(
                f"energy, {label}{suffix}", power * time, f"published_energy_{mode}", basis,
                calibrated=calibrated, note=note,
            )  # fmt: skip
            yield c.figure(
                f"efficiency, {label}{suffix}", operations / time / power,
                f"published_efficiency_{mode}", basis, calibrated=calibrated, note=note,
            )  # fmt: skip


def _time(c: FigureMaker, phases: int) -> float:
    """Return the time of one product: the phases one after another, each a pulse and its latch."""
    units = 2 ** (int(c.value("input_bits")) - 1) - 1
    cycle = 1 / c.value("clock")
    steps = []
    for phase in range(phases):
        steps += [
            Step(f"core.dac{phase}", "dac", "drive", units, c.value("lsb_time")),
            Step(f"core.adc{phase}", "adc", "convert", int(c.value("latch_cycles")), cycle),
        ]
    return one_after_another(steps).end_to_end
