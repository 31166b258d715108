"""PUMA: its table of components, its matrix-vector unit, and a peak that does not follow."""

from __future__ import annotations

from collections.abc import Iterator

from imssa_sim.cards import Card
from imssa_sim.costs.chips.events import Step, pipelined
from imssa_sim.costs.chips.figure import Comparison, Figure


def figures(card: Card) -> Iterator[Figure]:
    """Yield the figures of the chip."""
    c = Comparison(card)
    v = c.value
    for quantity in ("power", "area"):
        mvmus = (v("mvmus_per_core") - 1) * v(f"core_mvmu_{quantity}")
        core = c.total("core", quantity) + mvmus
        yield c.figure(f"core {quantity}", core, f"published_core_{quantity}", "sum")
        around = c.total("tile", quantity)
        tile = v("cores_per_tile") * v(f"published_core_{quantity}") + around
        note = "eight published cores and the parts of the tile"
        yield c.figure(f"tile {quantity}", tile, f"published_tile_{quantity}", "sum", note=note)
        short = v("cores_per_tile") * (core - v(f"core_register_file_{quantity}")) + around
        yield c.figure(
            f"tile {quantity}, register files left out", short, f"published_tile_{quantity}",
            "sum", note="the published sum of the tile seems to leave out the cores' register "
            "files",
        )  # fmt: skip
        node = v("tiles") * v(f"published_tile_{quantity}") + c.total("node", quantity)
        note = "138 published tiles, network and link"
        yield c.figure(f"node {quantity}", node, f"published_node_{quantity}", "sum", note=note)
        built = v("tiles") * (v("cores_per_tile") * core + around) + c.total("node", quantity)
        yield c.figure(
            f"node {quantity}, from the smallest parts", built, f"published_node_{quantity}",
            "sum", note="roundings of the table's sums add up",
        )  # fmt: skip
    time = _product_time(c)
    yield c.figure(
        "128x128 product, 16 bit, time", time, "published_mvm_time", "events",
        note="16 bit planes through read, conversion and shift-add of 128 cycles each: "
        "(16 + 2) x 128 ns; the three stations are assumed",
    )  # fmt: skip
    yield c.figure(
        "128x128 product, 16 bit, energy", v("core_mvmu_power") * time, "published_mvm_energy",
        "events", note="power of one unit over the time of the events",
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


def _product_time(c: Comparison) -> float:
    cycle, columns = 1 / c.value("clock"), int(c.value("array_columns"))
    steps = [
        Step("mvmu.array", "array", "read", columns, cycle),
        Step("mvmu.adc", "adc", "convert", columns, cycle),
        Step("mvmu.shift_add", "shift_add", "add", columns, cycle),
    ]
    return pipelined(steps, int(c.value("input_bits"))).end_to_end
