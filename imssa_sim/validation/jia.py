"""Jia et al. 2020: columns of an SRAM charge-domain array, and two networks that run on it."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card, load_card
from imssa_sim.components.scaling import Scaling
from imssa_sim.validation.figure import Figure, FigureMaker
from imssa_sim.validation.runs import product

NETWORKS = {
    "four_bit": ("jia_cifar10", "4 b", "arrays, input buffer, converters with their datapaths"),
    "binary": ("jia_cifar10_binary", "1 b", "arrays, input buffer, comparisons"),
}
"""Network: its workload, the bits of weights and inputs, what its energy has in it."""


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    for index, supply in enumerate(("0.85 V", "1.2 V")):
        column = card["adc_energy"].array[index] + card["array_energy"].array[index]
        yield c.figure(
            f"1-bit efficiency, {supply}", 2 * c.value("rows") / column, "published_efficiency",
            "sum", index=index,
            note=f"2 x {c.value('rows'):.0f} operations over array and ADC of one column, "
            f"{column * 1e12:.2f} pJ; near-memory logic not counted",
        )  # fmt: skip
    total = sum(card[f"{part}_area"].si for part in ("adc", "array", "near_memory", "sparsity"))
    for index, supply in enumerate(("0.85 V", "1.2 V")):
        peak = card["published_peak"].array[index]
        needed = peak / card["published_density"].array[index]
        yield c.figure(
            f"throughput per area, {supply}", peak / total, "published_density", "arithmetic",
            index=index, reproducible=False,
            note=f"the published throughput on the {total * 1e6:.2f} mm^2 of the four parts; the "
            f"published density is one on {needed * 1e6:.2f} mm^2",
        )  # fmt: skip
    yield from _supplies(c)
    yield from _networks(c)


def _supplies(c: FigureMaker) -> Iterator[Figure]:
    """From the lower supply to the higher: charge by its square, logic by the scaling card."""
    low, high = c.card["supply"].array
    node = c.value("node")
    scaling = Scaling(load_card("scaling/stillmaker_baas_2017"))
    for part, ratio, how in (
        ("array", (high / low) ** 2, "capacitors, by the square of the supply"),
        ("adc", (high / low) ** 2, "by the square of the supply"),
        ("near_memory", float(scaling.energy(node, low, node, high)), "logic, by the scaling card"),
    ):
        words = {"array": "array", "adc": "ADC", "near_memory": "near-memory logic"}[part]
        yield c.figure(
            f"{words}, energy of a column at 1.2 V from that at 0.85 V",
            ratio * c.card[f"{part}_energy"].array[0], f"{part}_energy", "model", index=1, note=how,
        )  # fmt: skip


def _networks(c: FigureMaker) -> Iterator[Figure]:
    """Networks for CIFAR-10: each layer a product for each pixel of its output."""
    for name, (workload, bits, parts) in NETWORKS.items():
        energy = 0.0
        for inputs, outputs, pixels in c.card["cifar10_layers"].table:
            settings = (f"model.inputs={inputs:.0f}", f"model.width={outputs:.0f}")
            energy += pixels * product(workload, settings).energy()
        yield c.figure(
            f"network for CIFAR-10, {bits}, energy of an image", energy,
            f"published_cifar10_energy_{name}", "run",
            note=f"{parts}; rests on measured energies a column, not on the network's; cells by "
            "their cards' fixed activity",
        )  # fmt: skip
