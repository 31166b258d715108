"""Layers in passes over the same tiles: time, energy, area, wear by hand; values written anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imssa_sim.cards import load_card
from imssa_sim.config import LoadedConfig
from imssa_sim.errors import ConfigError, InputError
from imssa_sim.ledger.uncertainty import LedgerModel
from imssa_sim.report.screen import screen
from imssa_sim.report.tables import energy_table
from imssa_sim.simulation.checks import check_by_trial, check_settings
from imssa_sim.simulation.run import simulate
from imssa_sim.simulation.stats import collect

Load = Callable[..., LoadedConfig]
QUICK = ("evaluate.chips=1", "evaluate.float=false", "evaluate.digital=false", "baselines=[]")
BATCH, STEPS, DAY = 4, 64, 86400.0
CARD = load_card("cells/taox_imssa")
PULSES, ENDURANCE = CARD["write_pulses"].si, CARD["write_endurance"].si
CELLS = 24 * 48
"""Of a tile; side by side, one cell of each after the other is written."""
WRITING = CELLS * PULSES * (CARD["write_time"].si + CARD["write_verify_time"].si)


def passes(**keys: object) -> str:
    given = {"passes": 2, "batch": BATCH} | keys
    inside = ", ".join(f"{key}: {value}" for key, value in given.items())
    return f"hardware.partition={{{inside}}}"


def values(result) -> dict:
    return {s.name: s.value for s in collect(result) if not s.name.startswith("host.")}


@pytest.fixture(scope="module")
def runs(load: Load):
    return tuple(simulate(load(*QUICK, *more)) for more in ((), (passes(),)))


def test_a_batch_takes_its_writing_and_each_part_s_steps(runs) -> None:
    """Each part is written, and a batch of 4 x 64 steps goes through at the pace of the part."""
    one, two = runs
    first, last = two.passes.parts
    tick = two.timing.tick
    cut = two.timing.segments
    assert first.writing * tick == pytest.approx(WRITING, abs=tick)
    assert last.writing == first.writing
    assert cut[0].exact
    assert cut[1].exact
    more = (BATCH - 1) * STEPS
    once = sum(segment.end for segment in cut[2:])
    assert first.through == cut[0].end + more * cut[0].interval
    assert last.through == cut[1].end + more * cut[1].interval + once
    total = (first.writing + first.through + last.writing + last.through) * tick
    assert two.timing.end_to_end == pytest.approx(total, rel=1e-12)
    assert two.timing.throughput == pytest.approx(BATCH / total, rel=1e-12)
    assert two.timing.bottleneck.path == "chip.tiles"
    # The loop is the bottleneck of either part, as on a chip that holds both.
    assert cut[0].interval == one.timing.interval_ticks
    before = first.writing + first.through + last.writing + cut[1].first_output
    assert two.timing.first_output_ticks == before
    shares = two.timing.utilisation["chip.layer0.kernel.dac"]
    assert shares == pytest.approx(two.timing.busy["chip.layer0.kernel.dac"] * BATCH / total)


def test_figures_and_tables_tell_writing_from_reading(runs) -> None:
    one, two = runs
    table = energy_table(two)
    assert "reprogramming" in table.kinds
    written = table.energy[:, table.kinds.index("reprogramming")].sum()
    assert written == pytest.approx(two.ledger.by_account()["reprogramming"], rel=1e-12)
    assert "reprogramming" not in energy_table(one).kinds


def test_energy_by_hand(runs) -> None:
    one, two = runs
    ledger, accounts = two.ledger, two.ledger.by_account()
    voltage = (CARD["write_set_voltage"].si + CARD["write_reset_voltage"].si) / 2
    once = one.ledger.programming_energy
    assert accounts["reprogramming"] == pytest.approx(once / BATCH, rel=1e-12)
    largest = two.program.tiles_needed * 2 * CELLS * CARD["g_max"].si
    assert 0 < once < PULSES * voltage**2 * CARD["write_time"].si * largest
    share = two.timing.end_to_end / BATCH
    assert accounts["leakage"] == pytest.approx(ledger.leakage_power * share, rel=1e-12)
    assert ledger.average_power == pytest.approx(ledger.energy / share, rel=1e-12)
    rows = [r for r in ledger.rows if r.account == "reprogramming"]
    cells = sum(use.cells for use in two.program.use)
    assert sum(r.count for r in rows) == pytest.approx(cells * PULSES / BATCH, abs=len(rows))
    nominal = LedgerModel(two.program, two.loaded.config.hardware, ledger).totals({}, 1)
    assert nominal["energy"][0] == pytest.approx(ledger.energy, rel=1e-9)
    assert nominal["power"][0] == pytest.approx(ledger.average_power, rel=1e-9)


def test_tiles_are_those_of_the_largest_part(runs) -> None:
    one, two = runs
    tiles = {use.path: use.tiles for use in one.program.use}
    parts = [sum(n for path, n in tiles.items() if f"layer{i}" in path) for i in (0, 1)]
    assert two.program.tiles_needed == max(parts)
    for kind in ("array", "adc", "dac", "driver", "register"):
        areas = {row.layer: 0.0 for row in one.ledger.areas}
        for row in one.ledger.areas:
            areas[row.layer] += row.area * (row.kind == kind)
        largest = max(areas[f"layer{i}"] for i in (0, 1))
        assert two.ledger.area_by_kind()[kind] == pytest.approx(largest, rel=1e-12), kind


def test_a_batch_waits_between_the_parts(runs) -> None:
    """4 x 64 steps of 12 values of 8 bits; the residual is taken from the same memory."""
    _, two = runs
    ends = [stage for stage in two.program.stages if stage.buffer_tokens > 4]
    assert [stage.path for stage in ends] == ["chip.layer0.output"]
    assert ends[0].buffer_tokens == BATCH * STEPS
    assert all(bypass.capacity < STEPS for bypass in two.program.bypasses)


def test_wear_by_hand(load: Load, runs) -> None:
    """Two writings a batch; back to back, and at a stated rate."""
    for result, rate in (
        (runs[1], runs[1].timing.throughput),
        (simulate(load(*QUICK, passes(rate="0.1 Hz")), accuracy=False), 0.1),
    ):
        found = values(result)
        writings = 2 * rate / BATCH * DAY
        assert found["passes.writings_per_day"] == pytest.approx(writings, rel=1e-12)
        life = ENDURANCE / (writings * PULSES) * DAY
        assert found["passes.life"] == pytest.approx(life, rel=1e-12)
    assert "a cell is written" in screen(result, Path("x"))


def test_cells_that_wear_out_within_the_life_are_refused_beforehand(load: Load) -> None:
    """0.05 writings a second are 4,320 a day with 8.52 pulses: 27 days for a million of them."""
    config = load(*QUICK, passes(rate="0.1 Hz", life="5 years")).config
    message = r"4,320 times a day with 8.52 pulses each.*wear out after 27\.17 d.*batch of 269 "
    with pytest.raises(InputError, match=message):
        check_settings(config)
    check_settings(load(*QUICK, passes(rate="0.1 Hz", life="27 d")).config)
    enough = load(*QUICK, passes(rate="0.1 Hz", life="5 years", batch=300)).config
    check_settings(enough)


def test_sram_bears_it(load: Load) -> None:
    sram = (
        "hardware.chip.tile.cell=cells/sram_charge_65nm", "hardware.programming.parallel=rows",
    )  # fmt: skip
    found = simulate(load(*QUICK, *sram, passes(rate="10 kHz", life="20 years")), accuracy=False)
    assert found.passes.wear.life > 100 * 365 * DAY
    rows = 24 * 1e-9
    assert found.passes.rewriting.times == pytest.approx((rows, rows))


def test_weights_come_over_the_link_where_there_is_one(load: Load) -> None:
    card = load_card("off_chip/hbm2")
    found = simulate(load(*QUICK, passes(), "hardware.off_chip.card=off_chip/hbm2"), accuracy=False)
    (first, last) = (e for e in found.passes.rewriting.entries if e.action == "load")
    graph, tiles = found.program.graph, {use.path for use in found.program.use}
    bits = [
        sum(
            node.operation.stored_bits(False) - node.operation.stored_bits(True)
            for node in graph if f"chip.{node.name}" in tiles and node.layer == part
        )
        for part in (0, 1)
    ]  # fmt: skip
    assert first.energy == pytest.approx(-(-bits[0] // 8) * 8 * card["energy_per_bit"].si)
    assert last.count == -(-bits[1] // 8)


def test_calibration_follows_each_writing(load: Load) -> None:
    """Reads of the part's slowest tile set: drive, sampling, and conversions of 48 bit lines."""
    reads = "hardware.adc.calibration_reads=32"
    found = simulate(load(*QUICK, passes(), "hardware.adc.calibrate=true", reads))
    pulse, cycle, conversion = 127e-9, 1e-9, 1e-8
    for time in found.passes.rewriting.times:
        converted = round(((time - WRITING) / 32 - pulse - cycle) / conversion, 6)
        assert converted == 2  # 24 logical columns, 16 converters
    booked = {r.action for r in found.ledger.rows if r.account == "reprogramming"}
    assert booked == {"rewrite", "calibrate"}
    ledger = found.ledger
    once = ledger.programming_energy + ledger.calibration_energy
    assert ledger.by_account()["reprogramming"] == pytest.approx(once / BATCH, rel=1e-12)


def test_a_simulated_loop_gives_the_pulses(load: Load) -> None:
    keys = ("hardware.chip.tile.cell=cells/hfox_neurram", "hardware.effects.write_verify=true")
    found = simulate(load(*QUICK, *keys, "evaluate.samples=6", passes()))
    account = found.ledger.one_off
    assert account.simulated
    assert found.passes.rewriting.pulses_per_cell == account.pulses_per_cell
    assert found.passes.rewriting.times[0] != found.passes.rewriting.times[1]
    assert max(found.passes.rewriting.times) == pytest.approx(account.programming_time)


def test_each_batch_meets_weights_of_its_own(load: Load) -> None:
    """The first batch meets those of a chip that is written once, the next ones others."""
    noisy = (*QUICK, "hardware.chip.tile.programming_sigma=40 uS", "evaluate.samples=24")
    one, two = (simulate(load(*noisy, *more)) for more in ((), (passes(batch=8),)))
    first, second = one.predictions["chip0"], two.predictions["chip0"]
    np.testing.assert_array_equal(first[:8], second[:8])
    assert (first[8:16] != second[8:16]).any()
    assert (first[16:] != second[16:]).any()


def test_a_late_output_takes_its_step_for_every_sequence(load: Load) -> None:
    late = (*QUICK, "hardware.mapping.kernel=fused_delayed", "model.checkpoint=null", passes())
    found = simulate(load(*late), accuracy=False)
    cut = found.timing.segments
    more = (BATCH - 1) * (STEPS + 1)
    assert found.passes.parts[0].through == cut[0].end + more * cut[0].interval


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("hardware.partition={chips: 2, passes: 2, link: link/short_reach}",), "one of them"),
        (("hardware.partition={batch: 2}",), "batch without passes"),
        ((passes(life="1 d"),), "life without a rate"),
        ((passes(), "hardware.interleave=2"), "leave interleave out"),
        ((passes(), "hardware.power_gating=true"), "leave power_gating out"),
        ((passes(), "evaluate.input={rate: 1 kHz}"), "leave evaluate.input out"),
        ((passes(), "model.bidirectional=true", "model.checkpoint=null"), "bidirectional"),
    ],
)
def test_what_does_not_go_together_is_refused(load: Load, keys, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(*keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ((passes(passes=3),), "3 passes for 2 layers"),
        ((passes(), "hardware.chip.tile.cell=cells/sonos_40nm",
          "hardware.chip.tile.read_voltage=0.1 V"), "no write pulses"),
        ((passes(rate="1 kHz"),), "takes .* which is"),
        ((passes(), "hardware.chip.tiles=1"), "the largest part needs"),
        ((passes(), "hardware.mapping={kernel: digital, linear: digital}"), "stands on tiles"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_said_beforehand(load: Load, keys, message: str) -> None:
    config = load(*QUICK, *keys).config

    def checked() -> None:
        check_settings(config)
        check_by_trial(config)

    with pytest.raises(InputError, match=message):
        checked()


def test_fewer_tiles_than_the_network_needs_suffice(load: Load, runs) -> None:
    one, two = runs
    few = f"hardware.chip.tiles={two.program.tiles_needed}"
    with pytest.raises(InputError, match=r"hardware\.partition\.passes: 2 or more"):
        simulate(load(*QUICK, few), accuracy=False)
    found = simulate(load(*QUICK, few, passes()), accuracy=False)
    assert found.program.tiles_available < one.program.tiles_needed
