"""NeuRRAM: products of runs at its precisions; two phases of bits as events; sums of parts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.validation.events import Step, one_after_another
from imssa_sim.validation.figure import Figure, FigureMaker
from imssa_sim.validation.runs import Product, product


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    v = c.value
    weights = v("cores") * v("rows") * v("columns") / v("cells_per_weight")
    for row, case in enumerate(card["cases"].table):
        outputs, inputs, phases = (int(x) for x in case)
        label = f"{outputs} b out, {inputs} b in" + (", two phases" if phases > 1 else "")
        if phases > 1:
            time, basis = product_time(c, outputs, inputs, phases), "events"
        else:
            time, basis = _run(c, outputs, inputs).time, "run"
        yield c.figure(
            f"throughput, {label}", 2 * weights / time, "published_peak", basis, index=row,
            calibrated=True,
            note=f"{time * 1e6:.2f} us a product; the times of pulse and step are second hand, and "
            "may have been fitted to the throughputs",
        )  # fmt: skip
        parts = ("word_line_energy", "neuron_energy", "input_energy")
        energy = math.fsum(card[part].array[row] for part in parts)  # J per MAC of a cell
        stated = 1 / card["published_efficiency"].array[row]
        follows = abs(energy / stated - 1) < 0.05
        note = "inverse sum of the published energies of word lines, neurons and inputs"
        if not follows:
            note = (
                f"its parts add up to {energy * 1e15:.1f} fJ/MAC, the published efficiency is "
                f"that of {stated * 1e15:.1f}"
            )
        yield c.figure(
            f"efficiency, {label}", 1 / energy, "published_efficiency", "sum", index=row,
            reproducible=follows, note=note,
        )  # fmt: skip
        if phases == 1:
            run = _run(c, outputs, inputs)
            cells = run.tiles * v("rows") * v("columns")
            yield c.figure(
                f"efficiency, {label}, from a run", cells / run.energy(), "published_efficiency",
                "run", index=row, calibrated=True,
                note="the cards rest on the energies of neurons at each precision, of word lines "
                "at all of them and of inputs at 5 bits",
            )  # fmt: skip
    yield from _one_phase(c, weights)
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


def _one_phase(c: FigureMaker, weights: float) -> Iterator[Figure]:
    """Yield the finest precision with all input bits in one phase; no card rests on it."""
    outputs, inputs, _ = (int(x) for x in c.card["one_phase_case"].array)
    run, label = _run(c, outputs, inputs), f"{outputs} b out, {inputs} b in, one phase"
    cells = run.tiles * c.value("rows") * c.value("columns")
    yield c.figure(
        f"throughput, {label}", 2 * weights / run.time, "published_one_phase_peak", "run",
        calibrated=True, note="as for the other precisions",
    )  # fmt: skip
    yield c.figure(
        f"efficiency, {label}, from a run", cells / run.energy(),
        "published_one_phase_efficiency", "run",
        note="cells are paid for all 15 units of a pulse here; the chip pulses its lines once for "
        "each of the 4 bits and integrates that charge up to 8 times",
    )  # fmt: skip


def _run(c: FigureMaker, outputs: int, inputs: int) -> Product:
    """Return a run at a precision; one bit is a pulse, as the magnitude of two is."""
    period = c.value("phase_time") + outputs * c.value("step_time")
    return product(
        "neurram",
        (
            f"hardware.adc.bits={outputs}",
            f"hardware.dac.bits={max(2, inputs)}",
            f"hardware.adc.rate={(1 - 1e-9) / period:.12g} Hz",
        ),
    )


def _events(outputs: int, inputs: int, phases: int) -> tuple[list[int], list[int]]:
    """Return input pulses and converter steps of each phase.

    ``p = inputs - 1`` magnitude bits (a 1-bit input is one pulse) are split into equal parts over
    the phases; each phase needs as many steps as its result has bits beyond those of the inputs of
    the phases before it: of 8 bits for 3 + 3 of the input, 8 and then 5 (methods).
    """
    magnitude = max(1, inputs - 1)
    share = [magnitude // phases + (1 if i < magnitude % phases else 0) for i in range(phases)]
    steps = [max(outputs - sum(share[:i]), 0) for i in range(phases)]
    return [2**p - 1 for p in share], steps


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
