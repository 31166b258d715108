"""Jia et al. 2020: energies and areas per column of an SRAM charge-domain array."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.validation.figure import Figure, FigureMaker


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    for index, supply in enumerate(("0.85 V", "1.2 V")):
        column = card["adc_energy"].array[index] + card["array_energy"].array[index]
        yield c.figure(
            f"1-bit efficiency, {supply}", 2 * c.value("rows") / column, "published_efficiency",
            "sum", index=index,
            note=f"2 x {c.value('rows'):.0f} operations over array and ADC of one column, "
            f"{column * 1e12:.2f} pJ; the row count is assumed, near-memory logic not counted",
        )  # fmt: skip
    total = sum(card[f"{part}_area"].si for part in ("adc", "array", "near_memory", "sparsity"))
    for index, supply in enumerate(("0.85 V", "1.2 V")):
        rate = card["published_density"].array[index] * total
        operations = 2 * c.value("rows") * c.value("columns")
        yield c.unpublished(
            f"time of a product that the published density needs, {supply}", operations / rate,
            "us", "arithmetic",
            f"2 x 2304 x 256 operations on {total * 1e6:.2f} mm^2; the time is not in the data at "
            "hand, so the density is not checked",
        )  # fmt: skip
