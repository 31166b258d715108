"""What slices and parallel devices cost, by hand, against the same network with whole weights."""

import math

import numpy as np
import pytest

from imssa_sim.cards import load_card
from imssa_sim.circuits.slices import cut_weights
from imssa_sim.circuits.weights import targets, unit_conductance
from imssa_sim.components.digital import Digital
from imssa_sim.components.parameters import Parameters
from imssa_sim.components.scaling import Scaling
from imssa_sim.ledger import build_ledger
from imssa_sim.mapping.counts import action_counts
from imssa_sim.mapping.tiles import rows_and_columns
from imssa_sim.timing.durations import durations

KERNEL = "chip.layer0.kernel"


def ledger_of(case):
    return build_ledger(case.program, case.costs, case.timing)


def rows_of(ledger, kind, action):
    return {r.component: r for r in ledger.rows if (r.kind, r.action) == (kind, action)}


def loop_time(case):
    stage = next(s for s in case.program.stages if s.path == KERNEL)
    table = durations(case.program.stages, case.hardware).table
    return float(sum(table[op].seconds for op in stage.actions[: stage.loop]))


@pytest.fixture(scope="module")
def digital():
    scaling = Scaling(load_card("scaling/stillmaker_baas_2017"))
    return Digital(Parameters(load_card("digital/cmos_40nm")), scaling, 32e-9, 0.9)


@pytest.mark.parametrize("scheme", ["differential", "one_sided", "offset"])
def test_slices_convert_more_and_add(make, digital, scheme):
    tile = {"rows": 16, "weights": scheme}
    whole, cut = (
        make(tile={**tile, "columns": 1 + 32 * k, "slices": k}) for k in (1, 3)
    )  # the same logical capacity
    plain, sliced = ledger_of(whole), ledger_of(cut)
    before, after = (action_counts(c.program) for c in (whole, cut))
    tiles = cut.program.kernels[0]
    columns = int(rows_and_columns(tiles)[1].sum())
    steps = cut.program.sequence_length
    assert after[f"{KERNEL}.adc", "convert"] == 3 * before[f"{KERNEL}.adc", "convert"]
    assert after[f"{KERNEL}.adc", "convert"] == 3 * columns * steps
    assert after[f"{KERNEL}.slices", "add"] == 2 * columns * steps
    for key in ((f"{KERNEL}.dac", "drive"), (f"{KERNEL}.array", "read")):
        assert after[key] == before[key]
    adds = rows_of(sliced, "shift_add", "add")[f"{KERNEL}.slices"]
    assert adds.energy == pytest.approx(adds.count * digital.add(24), rel=1e-12)
    assert f"{KERNEL}.slices" not in rows_of(plain, "shift_add", "add")
    # No slice's converter is aligned with the quantiser behind the sum: a product of 24 bits.
    found = rows_of(sliced, "requantiser", "requantise")[f"{KERNEL}.requantiser"]
    assert found.energy == pytest.approx(found.count * digital.requantise(24), rel=1e-12)
    area = {a.component: a for a in sliced.areas if a.kind == "shift_add"}[f"{KERNEL}.slices"]
    assert area.instances == 4 * tiles.tiles
    assert area.area == pytest.approx(area.instances * digital.add_size(24)[0], rel=1e-12)
    held = cut_weights(tiles.weights, 3, scheme, "column").weights
    scale = unit_conductance(held, scheme, "column", 1e-6, 300e-6)
    total = targets(held, scheme=scheme, scale=scale, g_min=1e-6, g_max=300e-6).sum()
    expected = steps * 0.25 * total * 0.2**2 * 127e-9
    assert sliced.array_estimate[f"{KERNEL}.array"] == pytest.approx(expected)
    assert sliced.energy > plain.energy
    assert sliced.useful_macs == plain.useful_macs
    assert sliced.array_macs == plain.array_macs


def test_slices_lengthen_the_loop(make):
    """Conversions of the busiest converter and the additions behind it, one cycle each."""
    whole, cut = (make(tile={"columns": 32 * k, "slices": k}) for k in (1, 2))
    columns = int(rows_and_columns(cut.program.kernels[0])[1].max())
    per_tile = 4
    conversions = math.ceil(2 * columns / per_tile) - math.ceil(columns / per_tile)
    tiles = cut.program.kernels[0].tiles
    total = int(rows_and_columns(cut.program.kernels[0])[1].sum())
    additions = math.ceil(total / (tiles * per_tile))
    longer = conversions / 1e8 + additions / 1e9
    assert loop_time(cut) - loop_time(whole) == pytest.approx(longer, rel=1e-9)
    assert cut.timing.end_to_end > whole.timing.end_to_end


@pytest.mark.parametrize("scheme", ["differential", "offset"])
def test_devices_multiply_cells_currents_and_pulses(make, scheme):
    tile = {"rows": 16, "weights": scheme}
    one, three = (
        make(tile={**tile, "columns": 33 * n, "devices": n}) for n in (1, 3)
    )  # the same logical capacity
    plain, parallel = ledger_of(one), ledger_of(three)
    assert action_counts(one.program) == action_counts(three.program)
    for path, energy in plain.array_estimate.items():
        assert parallel.array_estimate[path] == pytest.approx(3 * energy, rel=1e-12)
    counts = [rows_of(x, "bit_line", "charge")[f"{KERNEL}.array"].count for x in (plain, parallel)]
    assert counts[1] == 3 * counts[0]
    samples = [
        rows_of(x, "sample_hold", "sample")[f"{KERNEL}.array"].count for x in (plain, parallel)
    ]
    assert samples[1] == samples[0]
    for a, b in zip(one.program.use, three.program.use, strict=True):
        assert (b.cells, b.cells_used, b.cells_useful) == (
            3 * a.cells, 3 * a.cells_used, 3 * a.cells_useful,
        )  # fmt: skip
    programming = [x.by_account()["programming"] for x in (plain, parallel)]
    assert programming[1] == pytest.approx(3 * programming[0], rel=1e-12)
    arrays = [np.sum([a.area for a in x.areas if a.kind == "array"]) for x in (plain, parallel)]
    assert arrays[1] == pytest.approx(3 * arrays[0], rel=1e-12)


def test_a_narrow_tile_holds_less(make):
    """At a fixed tile, slices and devices take columns: more tiles, or none at all."""
    tiles = [
        make(tile={"columns": 32, **more}).program.tiles_needed
        for more in ({}, {"slices": 2}, {"devices": 2}, {"slices": 2, "devices": 2})
    ]
    assert tiles[0] < tiles[1] == tiles[2] < tiles[3]
