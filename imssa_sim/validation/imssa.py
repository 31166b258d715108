"""IMSSA: what our assumptions lead to for one 64x64 tile; nothing is published to compare with."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card, load_card
from imssa_sim.components.adc import AdcPoint, adc_form
from imssa_sim.components.array import cell_area
from imssa_sim.components.parameters import Parameters
from imssa_sim.validation.events import Step, one_after_another
from imssa_sim.validation.figure import Figure, FigureMaker


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the tile."""
    c = FigureMaker(card)
    v = c.value
    bits = int(v("input_bits"))
    pulse = (2 ** (bits - 1) - 1) * v("lsb_time")
    per_adc = int(-(-v("columns") // v("adcs")))
    timing = one_after_another(
        [
            Step("tile.dac", "dac", "drive", 1, pulse),
            Step("tile.adc", "adc", "convert", per_adc, 1 / v("adc_rate")),
        ]
    )
    cells = v("rows") * v("columns")
    read = v("activity") * cells * v("mean_conductance") * v("read_voltage") ** 2 * pulse
    p, at = (
        Parameters(load_card("adc/survey_andrulis_2024")),
        AdcPoint(v("adc_bits"), v("adc_rate"), v("node")),
    )
    conversions = v("columns") * float(adc_form(p.card).energy(p, at))
    array = Parameters(load_card("arrays/crossbar_1t1r"))
    area = cells * float(cell_area(array, v("node")))
    assumed = "rests on assumed numbers only"
    operations = 2 * cells
    yield c.unpublished("time of a read", timing.end_to_end, "us", "events", assumed)
    yield c.unpublished("energy of the cells, a read", read, "pJ", "model", assumed)
    yield c.unpublished("energy of the converters, a read", conversions, "pJ", "model", assumed)
    yield c.unpublished(
        "efficiency of array and converters", operations / (read + conversions), "TOPS/W",
        "model", assumed,
    )  # fmt: skip
    yield c.unpublished("area of the cells", area, "mm^2", "model", assumed)
