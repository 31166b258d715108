"""HERMES: one core and the 64-core chip, from runs that fill its cores."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.validation.figure import Figure, FigureMaker
from imssa_sim.validation.runs import Product, product

WORKLOAD = "hermes_64"


def core_figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of one core; its paper is another one than that of the chip."""
    c, run = FigureMaker(card), product(WORKLOAD)
    operations = 2 * c.value("rows") * c.value("columns")
    yield c.figure(
        "throughput", operations / run.time, "published_peak", "run",
        note=f"a product takes {run.time * 1e9:.0f} ns",
    )  # fmt: skip
    energy = run.energy() / run.tiles
    yield c.figure(
        "efficiency", operations / energy, "published_efficiency", "run",
        note=f"{energy * 1e9:.1f} nJ a product; the converter's card rests on the 64-core chip",
    )  # fmt: skip
    area = run.size() / run.tiles
    yield c.figure(
        "throughput per area", operations / run.time / area, "published_density", "run",
        calibrated=True, note=f"{area * 1e6:.3f} mm^2; the converter's card rests on this density",
    )  # fmt: skip


def chip_figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the 64-core chip and of layers on it, in its two modes.

    One number is taken from the chip, its energy in the short mode; the long mode is free.
    """
    c = FigureMaker(card)
    for mode in ("short", "long"):
        phases = int(c.value(f"phases_{mode}"))
        run = product(WORKLOAD, (f"hardware.dac.phases={phases}",))
        yield from _mode(c, run, mode, f"{phases} phase{'s' if phases > 1 else ''}")
    yield from _layers(c)


def _mode(c: FigureMaker, run: Product, mode: str, label: str) -> Iterator[Figure]:
    operations = 2 * run.tiles * c.value("rows") * c.value("columns")
    taken = mode == "short"
    note = "the converter's card rests on this energy" if taken else "nothing is taken from it"
    yield c.figure(f"time, {label}", run.time, f"published_time_{mode}", "run")
    yield c.figure(f"throughput, {label}", operations / run.time, f"published_peak_{mode}", "run")
    yield c.figure(
        f"energy, {label}", run.energy(), f"published_energy_{mode}", "run", calibrated=taken,
        note=note,
    )  # fmt: skip
    yield c.figure(
        f"efficiency, {label}", operations / run.energy(), f"published_efficiency_{mode}", "run",
        calibrated=taken, note=note,
    )  # fmt: skip
    yield c.figure(
        f"power, {label}", run.energy() / run.time, f"published_power_{mode}", "run",
        calibrated=taken, note="constant across the chip's modes",
    )  # fmt: skip
    yield c.figure(
        f"throughput per area, {label}", operations / run.time / run.size(),
        f"published_density_{mode}", "run", calibrated=True,
        note="the area rests on the single core's density",
    )  # fmt: skip


def _layers(c: FigureMaker) -> Iterator[Figure]:
    """Yield the figures of a layer of ResNet-9 and of a time step of an LSTM, in both modes.

    Products alone have cells, drivers and converters; whole layers what joins the partial sums
    of cores, scales the results and hands them on.
    """
    for layer, label in (("resnet9", "ResNet-9 layer"), ("lstm", "LSTM step")):
        inputs, outputs = c.card[f"{layer}_shape"].array
        operations = 2 * inputs * outputs
        for mode in ("short", "long"):
            phases = int(c.value(f"phases_{mode}"))
            run = product(f"hermes_{layer}", (f"hardware.dac.phases={phases}",))
            name = f"{label}, {phases} phase{'s' if phases > 1 else ''}"
            target = f"published_{layer}_{{}}_{mode}"
            yield c.figure(
                f"throughput, {name}", operations / run.time, target.format("peak"), "run",
                note=f"products of {inputs:.0f} x {outputs:.0f} on {run.tiles} cores",
            )  # fmt: skip
            yield c.figure(
                f"efficiency, {name}", operations / run.energy(), target.format("efficiency"),
                "run", note="converters of columns that the layer does not use rest here",
            )  # fmt: skip
            yield c.figure(
                f"throughput per area, {name}", operations / run.time / run.size(),
                target.format("density"), "run", calibrated=True,
                note="the area rests on the single core's density",
            )  # fmt: skip
            yield c.figure(
                f"time of all, {name}", run.whole, target.format("time"), "run",
                stand_ins=True,
                note="digital units and wires of this project instead of the chip's",
            )  # fmt: skip
            yield c.figure(
                f"energy of all, {name}", run.energy_of_all(), target.format("energy"), "run",
                stand_ins=True,
                note="digital units and wires of this project instead of the chip's, whose "
                "published energy holds all that they draw standing by",
            )  # fmt: skip
