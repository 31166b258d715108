"""NeuRRAM: throughput from its input pulses and converter steps as events, energies from parts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.costs.chips.events import Step, one_after_another
from imssa_sim.costs.chips.figure import Figure, FigureMaker


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    v = c.value
    weights = v("cores") * v("rows") * v("columns") / v("cells_per_weight")
    for row, case in enumerate(card["cases"].table):
        outputs, inputs, phases = (int(x) for x in case)
        label = f"{outputs} b out, {inputs} b in" + (", two phases" if phases > 1 else "")
        time = product_time(c, outputs, inputs, phases)
        yield c.figure(
            f"throughput, {label}", 2 * weights / time, "published_peak", "events", index=row,
            note=f"{time * 1e6:.2f} us a product",
        )  # fmt: skip
        parts = ("word_line_energy", "neuron_energy", "input_energy")
        energy = math.fsum(card[part].array[row] for part in parts)  # J per MAC of a cell
        yield c.figure(
            f"efficiency, {label}", 1 / energy, "published_efficiency", "sum", index=row,
            note="inverse sum of the published energies of word lines, neurons and inputs",
        )  # fmt: skip
    for row, case in enumerate(card["cases"].table):
        outputs, inputs, phases = (int(x) for x in case)
        pulses, steps = _events(outputs, inputs, phases)
        energy = (
            sum(pulses) * v("integrate_energy")
            + phases * v("sample_energy")
            + sum(steps) * v("adc_step_energy")
            + (phases - 1) * v("shift_add_energy")
        ) / v("rows")
        label = f"{outputs} b out, {inputs} b in"
        yield c.figure(
            f"neuron energy, {label}", energy, "neuron_energy", "events x energies", index=row,
            note="integration, sampling and steps only; the published figure includes control",
        )  # fmt: skip
    array = v("rows") * v("columns") * v("cell_area") * v("node") ** 2
    yield c.figure(
        "share of the cells in the macro's area", array / v("macro_area"),
        "published_rram_area_share", "arithmetic", note="256 x 256 cells of 125.7 F^2 at 130 nm",
    )  # fmt: skip


def _events(outputs: int, inputs: int, phases: int) -> tuple[list[int], list[int]]:
    """Return input pulses and converter steps of each phase.

    ``p = inputs - 1`` magnitude bits (a 1-bit input is one pulse) are split into equal parts over
    the phases; each phase needs as many steps as its result has bits beyond those of the phases
    before it: ``max(outputs - earlier phases, 0)``.
    """
    magnitude = max(1, inputs - 1)
    share = [magnitude // phases + (1 if i < magnitude % phases else 0) for i in range(phases)]
    return [2**p - 1 for p in share], [max(outputs - i, 0) for i in range(phases)]


def product_time(c: FigureMaker, outputs: int, inputs: int, phases: int) -> float:
    """Return the time of one product of all cores from an event simulation [s]."""
    steps = []
    for phase, (pulses, conversions) in enumerate(
        zip(*_events(outputs, inputs, phases), strict=True)
    ):
        steps += [
            Step(f"core.driver{phase}", "dac", "drive", pulses, c.value("pulse_time")),
            Step(f"core.sample{phase}", "array", "read", 1, c.value("phase_time")),
            Step(f"core.neuron{phase}", "adc", "convert", conversions, c.value("step_time")),
        ]
    return one_after_another(steps).end_to_end
