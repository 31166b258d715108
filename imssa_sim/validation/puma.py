"""PUMA: its table of components, its matrix-vector unit, and a peak that does not follow."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.validation.events import Step, pipelined
from imssa_sim.validation.figure import Figure, FigureMaker
from imssa_sim.validation.runs import READ, product


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = FigureMaker(card)
    v = c.value
    yield from _sums(c)
    time = _product_time(c)
    yield c.figure(
        "128x128 product, 16 bit, time", time, "published_mvm_time", "events", calibrated=True,
        note="16 bit planes through read, conversion and shift-add of 128 cycles each: "
        "(16 + 2) x 128 ns; the three stations are assumed, so that this time follows",
    )  # fmt: skip
    yield c.figure(
        "128x128 product, 16 bit, energy", v("core_mvmu_power") * time, "published_mvm_energy",
        "arithmetic", note="power of one unit over the time of the events",
    )  # fmt: skip
    run = product("puma")
    yield c.figure(
        "128x128 product, 16 bit, time, from a run", run.time, "published_mvm_time", "run",
        note="15 bits of a magnitude and the conversions of the last; the unit's own stations and "
        "control are not modelled",
    )  # fmt: skip
    yield c.figure(
        "128x128 product, 16 bit, energy, from a run", run.energy((*READ, "shift_add")),
        "published_mvm_energy", "run",
        note="arrays, drivers, converters and adders; registers of inputs and outputs are not",
    )  # fmt: skip
    units = v("tiles") * v("cores_per_tile") * v("mvmus_per_core")
    operations = 2 * v("array_rows") * v("array_columns")
    yield c.figure(
        "peak throughput", units * operations / v("published_mvm_time"), "published_peak",
        "arithmetic", reproducible=False,
        note=f"138 x 8 x 2 = {units:.0f} units x 2 x 128 x 128 operations / 2304 ns = "
        f"{units * operations / v('published_mvm_time') / 1e12:.2f} TOPS; the published 52.31 TOPS "
        "would need a product every 1383 ns",
    )  # fmt: skip


def _sums(c: FigureMaker) -> Iterator[Figure]:
    """Yield the sums of the table, as the paper seems to form them and with every part in."""
    v = c.value
    for quantity in ("power", "area"):
        mvmus = (v("mvmus_per_core") - 1) * v(f"core_mvmu_{quantity}")
        core = c.total("core", quantity) + mvmus
        around, apart = c.total("tile", quantity), c.total("node", quantity)
        cores, tiles = v("cores_per_tile"), v("tiles")
        unit = {"power": (1e-3, "mW"), "area": (1e-6, "mm^2")}[quantity]
        # Of a core's area two digits are printed: the sum of its parts is cut off, not rounded.
        cut_off = quantity == "area"
        yield c.figure(
            f"core {quantity}", core, f"published_core_{quantity}", "sum", reproducible=not cut_off,
            note=f"its parts add up to {core / unit[0]:.4g} {unit[1]}"
            + (", printed as 0.036, cut off" if cut_off else ""),
        )  # fmt: skip
        short = core - v(f"core_register_file_{quantity}")
        published = v(f"published_tile_{quantity}")
        left = (published - around) / cores
        tile = cores * short + around
        yield c.figure(
            f"tile {quantity}", tile, f"published_tile_{quantity}", "sum",
            note="eight cores without register files and the parts of the tile: the published "
            f"total leaves {_text(left, unit)} for a core, which has {_text(core, unit)} with its "
            f"register file and {_text(short, unit)} without",
        )  # fmt: skip
        whole = cores * core + around
        yield c.figure(
            f"tile {quantity}, register files counted", whole, f"published_tile_{quantity}", "sum",
            reproducible=False,
            note=f"8 x {_text(core, unit)} + {_text(around, unit)} = {_text(whole, unit)}, not "
            f"{_text(published, unit)}",
        )  # fmt: skip
        yield c.figure(
            f"node {quantity}", tiles * published + apart, f"published_node_{quantity}", "sum",
            note="138 published tiles, network and link",
        )  # fmt: skip
        yield c.figure(
            f"node {quantity}, from the smallest parts", tiles * tile + apart,
            f"published_node_{quantity}", "sum",
            note="138 tiles as summed above, network and link",
        )  # fmt: skip


def _text(value: float, unit: tuple[float, str]) -> str:
    return f"{value / unit[0]:.4g} {unit[1]}"


def _product_time(c: FigureMaker) -> float:
    cycle, columns = 1 / c.value("clock"), int(c.value("array_columns"))
    steps = [
        Step("mvmu.array", "array", "read", columns, cycle),
        Step("mvmu.adc", "adc", "convert", columns, cycle),
        Step("mvmu.shift_add", "shift_add", "add", columns, cycle),
    ]
    return pipelined(steps, int(c.value("input_bits"))).end_to_end
