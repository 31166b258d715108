"""ISAAC-CE: its table of components, its pipeline, and our component models beside them."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card, load_card
from imssa_sim.components.adc import AdcPoint, adc_form
from imssa_sim.components.parameters import Parameters
from imssa_sim.validation.events import Step, pipelined
from imssa_sim.validation.figure import Figure, FigureMaker
from imssa_sim.validation.runs import product


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    v = c.value
    tile, chip = {}, {}
    for quantity in ("power", "area"):
        ima = c.total("ima", quantity)
        router = v(f"router_{quantity}") / v("tiles_per_router")
        tile[quantity] = c.total("tile", quantity) + router + v("imas_per_tile") * ima
        tiles = v("tiles") * tile[quantity]
        chip[quantity] = tiles + v(f"link_{quantity}")
        adc = v("imas_per_tile") * v(f"ima_adc_{quantity}")
        yield c.figure(f"tile {quantity}", tile[quantity], f"published_tile_{quantity}", "sum")
        yield c.figure(f"168 tiles {quantity}", tiles, f"published_all_tiles_{quantity}", "sum")
        yield c.figure(f"chip {quantity}", chip[quantity], f"published_chip_{quantity}", "sum")
        share = adc / tile[quantity]
        yield c.figure(
            f"ADC share of tile {quantity}", share, f"published_adc_{quantity}_share", "sum"
        )
    timing = pipelined(_pipeline(c), int(v("input_bits")))
    yield c.figure(
        "pipeline of one 16-bit input", timing.end_to_end / v("read_time"),
        "published_pipeline_cycles", "events", note="seven stations of 100 ns, 16 bit planes",
    )  # fmt: skip
    whole = v("input_bits") * timing.interval
    columns = v("array_columns") * v("cell_bits") / v("weight_bits")
    arrays = v("tiles") * v("imas_per_tile") * v("arrays_per_ima")
    peak = 2 * arrays * v("array_rows") * columns / whole
    note = "16 bit planes at the interval of the pipeline; eight columns hold a weight"
    yield c.figure("peak throughput", peak, "published_peak", "events", note=note)
    yield c.figure("efficiency", peak / chip["power"], "published_efficiency", "events, sum")
    yield c.figure("throughput per area", peak / chip["area"], "published_density", "events, sum")
    yield from _runs(c, operations=2 * arrays * v("array_rows") * columns)
    yield from _models(c)


def _runs(c: FigureMaker, operations: float) -> Iterator[Figure]:
    run = product("isaac_ce")
    yield c.figure(
        "peak throughput, from a run", operations / run.time, "published_peak", "run",
        note=f"all arrays at a product each {run.time * 1e9:.0f} ns; 15 bits of a magnitude, where "
        "the chip takes 16 of two's complement",
    )  # fmt: skip
    parts = ("adc", "dac", "array", "sample_hold")
    yield c.sum_of(
        "converters, drivers, arrays of an IMA, power, from a run", run.energy() / run.time,
        tuple(f"ima_{part}_power" for part in parts), "run", calibrated=True,
        note="the cards rest on these powers; 1024 columns are those of eight arrays, on nine with "
        "the lines of ones that the engine needs",
    )  # fmt: skip


def _pipeline(c: FigureMaker) -> list[Step]:
    cycle = c.value("read_time")
    conversions = int(c.value("array_columns"))
    return [
        Step("tile.edram", "buffer", "read", 1, cycle),
        Step("ima.array", "array", "read", 1, cycle),
        Step("ima.adc", "adc", "convert", conversions, 1 / c.value("adc_rate")),
        Step("ima.shift_add", "shift_add", "add", 1, cycle),
        Step("tile.output_register", "register", "write", 1, cycle),
        Step("tile.sigmoid", "lut", "lookup", 1, cycle),
        Step("tile.edram_write", "buffer", "write", 1, cycle),
    ]


def _models(c: FigureMaker) -> Iterator[Figure]:
    """Our component models at ISAAC's operating point."""
    bits, rate = int(c.value("adc_bits")), c.value("adc_rate")
    for name in ("isaac_saberi", "survey_andrulis_2024", "puma_linear"):
        p, at = Parameters(load_card(f"adc/{name}")), AdcPoint(bits, rate)
        form = adc_form(p.card)
        note = f"adc/{name} at {bits} b and {rate / 1e9:g} GS/s"
        same = name != "survey_andrulis_2024"  # their cards hold ISAAC's area
        power, area = float(form.energy(p, at)) * rate, float(form.area(p, at))
        yield c.figure(f"ADC power, {name}", power, "published_adc_power", "model", note=note)
        yield c.figure(
            f"ADC area, {name}", area, "published_adc_area", "model", note=note, calibrated=same
        )
    drivers = Parameters(load_card("dac/isaac_1bit"))
    each = float(drivers["energy"]) / c.value("read_time")
    number = c.value("arrays_per_ima") * c.value("array_rows")
    yield c.figure(
        "drivers of an IMA, power", number * each, "ima_dac_power", "model", calibrated=True,
        note="dac/isaac_1bit; its energy is second hand, derived from this power",
    )  # fmt: skip
