"""The ledger closes, agrees with arithmetic by hand, and refuses what does not fit together."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.cards import load_card
from imssa_sim.components.adc import AdcPoint, adc_form, dynamic_energy
from imssa_sim.components.parameters import Parameters
from imssa_sim.errors import InputError, InternalError, ValidityError
from imssa_sim.ledger import build_ledger
from imssa_sim.ledger.build import busy_times
from imssa_sim.ledger.ledger import STATUSES
from imssa_sim.ledger.one_off import Upkeep, one_off
from imssa_sim.mapping.counts import action_counts


def ledger_of(case, activity=None):
    return build_ledger(case.program, case.costs, case.timing, activity)


def activity(case, energy=1e-12):
    arrays = {k.path for k in case.program.kernels} | {t.path for t in case.program.linears}
    return SimpleNamespace(
        counts=dict(case.timing.counts), array_energy={f"{path}.array": energy for path in arrays}
    )


def test_counts_of_the_ledger_are_those_of_the_program(case):
    ledger = ledger_of(case)
    planned = action_counts(case.program)
    found = ledger.counts()
    assert {key: found[key] for key in planned} == planned
    # Beside them: one charge of a word line per drive, of two bit lines per conversion.
    path = case.program.kernels[0].path
    rows = {(r.component, r.kind): r for r in ledger.rows}
    drives = planned[f"{path}.dac", "drive"]
    assert rows[f"{path}.array", "word_line"].count == drives
    assert rows[f"{path}.array", "bit_line"].count == 2 * planned[f"{path}.adc", "convert"]


def test_conversions_cost_what_the_card_says(case):
    ledger = ledger_of(case)
    at = AdcPoint(8, 1e8, 32e-9, 16)
    p = Parameters(load_card("adc/survey_andrulis_2024"))
    converters = conversions = 0
    for row in ledger.rows:
        if (row.kind, row.action) == ("adc", "convert"):
            assert row.energy == pytest.approx(row.count * dynamic_energy(p, at), rel=1e-12)
            conversions += row.count
    for area in ledger.areas:
        if area.kind == "adc":
            assert area.area == pytest.approx(area.instances * adc_form(p.card).area(p, at))
            converters += area.instances
    assert conversions == sum(
        n for (_, action), n in action_counts(case.program).items() if action == "convert"
    )
    assert converters == 4 * case.program.tiles_needed


def test_aligned_converters_need_no_multiplier_behind_them(make):
    """Range aligned per column: an addition and a comparison; else a 24-bit product."""
    from imssa_sim.components.digital import Digital
    from imssa_sim.components.scaling import Scaling

    scaling = Scaling(load_card("scaling/stillmaker_baas_2017"))
    d = Digital(Parameters(load_card("digital/cmos_40nm")), scaling, 32e-9, 0.9)
    for scope, each in (("column", d.round_and_clip(8)), ("tile", d.requantise(8))):
        rows = ledger_of(make(adc={"scope": scope})).rows
        found = [r for r in rows if r.component == "chip.layer0.kernel.requantiser"]
        assert found[0].energy == pytest.approx(found[0].count * each, rel=1e-12)
        wide = [r for r in rows if r.component == "chip.vector" and r.kind == "requantiser"]
        assert wide[0].energy == pytest.approx(wide[0].count * d.requantise(24), rel=1e-12)


def test_phases_add_up(case):
    phases = ledger_of(case).by_phase()
    assert set(phases) == {"drive", "read", "convert", "compute", "move", "leakage"}
    assert math.fsum(phases.values()) == pytest.approx(ledger_of(case).energy, rel=1e-12)


def test_leakage_is_power_times_time(case):
    ledger = ledger_of(case)
    assert ledger.by_account()["leakage"] == pytest.approx(
        ledger.leakage_power * case.timing.end_to_end, rel=1e-12
    )
    assert ledger.leakage_ungated == ledger.by_account()["leakage"]
    assert 0 < ledger.leakage_gated < ledger.leakage_ungated


def test_power_gating_moves_the_leakage_account_and_no_other(make, case):
    gated, plain = ledger_of(make(power_gating=True)), ledger_of(case)
    assert gated.by_account()["leakage"] == pytest.approx(plain.leakage_gated, rel=1e-12)
    assert gated.by_account()["dynamic"] == plain.by_account()["dynamic"]
    assert gated.leakage_ungated == plain.leakage_ungated


def test_what_holds_data_leaks_when_gated_too(make):
    gated = make(power_gating=True)
    rows = [row for row in ledger_of(gated).rows if row.account == "leakage"]
    times = {kind: {row.time for row in rows if row.kind == kind} for kind in ("memory", "adc")}
    assert times["memory"] == {gated.timing.end_to_end}
    assert max(times["adc"]) < gated.timing.end_to_end


def test_an_array_works_while_its_lines_are_driven_and_while_it_is_sampled():
    busy = {"chip.a.dac": 2.0, "chip.a.array": 3.0, "chip.b.dac": 5.0, "chip.b.adc": 7.0}
    found = busy_times(SimpleNamespace(busy=busy))
    assert found == {**busy, "chip.a.array": 5.0, "chip.b.array": 5.0}


def test_a_residual_fifo_moves_every_word_of_every_token(case):
    rows = [row for row in ledger_of(case).rows if row.component.endswith(".bypass")]
    moved = [row for row in rows if row.account == "dynamic"]
    words = case.program.network.encoder.weight.shape[0]
    assert moved
    assert words > 1
    for row in moved:
        assert row.count == words * case.program.sequence_length


def test_what_several_stages_use_is_of_no_layer(case):
    users = {}
    for stage in case.program.stages:
        for action in stage.actions:
            users.setdefault(action.component, set()).add(stage.path)
    areas = {row.component: row.layer for row in ledger_of(case).areas}
    together = {path for path, stages in users.items() if len(stages) > 1 and path in areas}
    assert together
    assert {areas[path] for path in together} == {"shared"}
    assert "layer0" in areas.values()


def test_all_tiles_are_calibrated_side_by_side(case):
    account = one_off(case.program, case.costs, Upkeep(calibration_reads=16))
    by_stage = {}
    for entry in account.entries:
        if entry.action == "calibrate":
            by_stage[entry.stage] = by_stage.get(entry.stage, 0.0) + entry.time
    assert len(by_stage) > 1
    assert account.calibration_time == pytest.approx(max(by_stage.values()))


def test_halving_a_leakage_halves_exactly_its_part(make, case):
    def leakage(ledger, kind):
        rows = [r for r in ledger.rows if r.account == "leakage" and r.kind == kind]
        return math.fsum(r.energy for r in rows)

    card = load_card("dac/pwm_40nm")
    half = {("dac/pwm_40nm", "leakage"): 0.5 * card["leakage"].si}
    plain, halved = ledger_of(case), ledger_of(make(draws=half))
    assert leakage(halved, "dac") == pytest.approx(leakage(plain, "dac") / 2, rel=1e-12)
    for account in ("dynamic", "programming"):
        assert halved.by_account()[account] == plain.by_account()[account]
    others = [k for k in plain.by_kind() if k != "dac"]
    assert {k: halved.by_kind()[k] for k in others} == {k: plain.by_kind()[k] for k in others}


def test_measured_array_energy_replaces_the_estimate(case):
    real = activity(case, 3e-12)
    with_data, without = ledger_of(case, real), ledger_of(case)
    assert with_data.array_measured == real.array_energy
    assert with_data.array_estimate == without.array_estimate
    change = math.fsum(real.array_energy.values()) - math.fsum(without.array_estimate.values())
    assert with_data.energy - without.energy == pytest.approx(change, rel=1e-9)


def test_array_estimate_by_hand(case):
    """Mean activity x sum of conductances x V^2 x longest pulse, per read."""
    from imssa_sim.circuits.weights import targets, unit_conductance

    kernel = case.program.kernels[0]
    scale = unit_conductance(kernel.weights, "differential", "column", 1e-6, 300e-6)
    total = targets(kernel.weights, scale, "differential", 1e-6, 300e-6).sum()
    per_step = 0.25 * total * 0.2**2 * 127e-9
    expected = case.program.sequence_length * per_step
    assert ledger_of(case).array_estimate[f"{kernel.path}.array"] == pytest.approx(expected)


def test_different_counts_are_refused(case):
    wrong = activity(case)
    key = sorted(wrong.counts)[3]
    wrong.counts[key] += 1
    with pytest.raises(InternalError, match=key[1]) as error:
        ledger_of(case, wrong)
    assert str(wrong.counts[key]) in str(error.value)
    del wrong.counts[key]
    with pytest.raises(InternalError, match="0 by the functional execution"):
        ledger_of(case, wrong)


def test_array_energy_must_cover_the_arrays(case):
    real = activity(case)
    real.array_energy["chip.layer9.kernel.array"] = 1e-12
    with pytest.raises(InternalError, match="layer9"):
        ledger_of(case, real)
    missing = activity(case)
    missing.array_energy.popitem()
    with pytest.raises(InternalError, match="no array energy"):
        ledger_of(case, missing)


def test_a_row_that_does_not_add_up_is_refused(case):
    ledger = ledger_of(case)
    ledger.check()
    first = replace(ledger.rows[0], energy=ledger.rows[0].energy * 1.001)
    with pytest.raises(InternalError, match="does not close"):
        replace(ledger, rows=(first, *ledger.rows[1:])).check()
    negative = replace(ledger.rows[0], energy=-1e-12)
    with pytest.raises(InternalError, match=r"-1e-12 J"):
        replace(ledger, rows=(negative, *ledger.rows[1:])).check()


@settings(max_examples=40)
@given(
    layers=st.integers(1, 3), channels=st.integers(1, 6), modes=st.integers(1, 4),
    mapping=st.sampled_from(
        ["fused_lookahead", "fused_delayed", "fused_delta", "two_pass", "digital"]
    ),
    weights=st.sampled_from(["differential", "one_sided", "offset"]),
    encoding=st.sampled_from(["pulse_width", "amplitude", "bit_serial"]),
    bidirectional=st.booleans(), off_chip=st.booleans(),
)  # fmt: skip
def test_every_program_closes(
    make,
    random_networks,
    layers,
    channels,
    modes,
    mapping,
    weights,
    encoding,
    bidirectional,
    off_chip,
):
    dac = {
        "pulse_width": "dac/pwm_40nm",
        "amplitude": "dac/mnsim_amplitude",
        "bit_serial": "dac/isaac_1bit",
    }[encoding]
    case = make(
        form=random_networks.form_of(mapping),
        network={
            "layers": layers, "channels": channels, "modes": modes, "length": 5,
            "bidirectional": bidirectional,
        },
        tile={"weights": weights},
        dac={"card": dac, "encoding": encoding},
        mapping={"kernel": mapping},
        off_chip={"card": "off_chip/lpddr4" if off_chip else None},
    )  # fmt: skip
    ledger = ledger_of(case)
    accounts = ledger.by_account()
    assert math.fsum(v for k, v in accounts.items() if k != "programming") == pytest.approx(
        ledger.energy, rel=1e-12
    )
    assert (accounts.get("off_chip", 0.0) > 0) == off_chip
    assert ledger.average_power * ledger.elapsed == pytest.approx(ledger.energy, rel=1e-12)
    assert ledger.peak_power >= ledger.average_power
    assert 0 <= ledger.assumed_share <= 1
    assert {a.layer for a in ledger.areas} >= {f"layer{i}" for i in range(layers)}


def test_programming_is_what_the_cell_model_says(case):
    """Energy of all cells at their targets; time of one tile, cell by cell."""
    from imssa_sim.circuits.weights import targets, unit_conductance
    from imssa_sim.devices.write import PulseProgramming

    model = PulseProgramming(
        pulses=8.52, time=1e-6, verify_time=1e-6, set_voltage=1.2, reset_voltage=1.5,
        voltage_step=0.1, window=2.373e-6,
    )  # fmt: skip
    ledger, kernel = ledger_of(case), case.program.kernels[0]
    scale = unit_conductance(kernel.weights, "differential", "column", 1e-6, 300e-6)
    goals = targets(kernel.weights, scale, "differential", 1e-6, 300e-6)
    row = next(r for r in ledger.rows if r.account == "programming")
    assert row.component == f"{kernel.path}.array"
    assert row.energy == pytest.approx(model.cell_energy(goals).sum(), rel=1e-9)
    assert ledger.programming_time == pytest.approx(16 * 32 * model.cell_time())
    assert ledger.programming_energy not in (0.0, ledger.energy)


def test_idle_tiles_of_a_fixed_chip_cost_area_and_leakage(make, case):
    needed = case.program.tiles_needed
    fixed = make(chip={"tiles": needed + 7})
    idle = [row for row in ledger_of(fixed).areas if row.component.startswith("chip.idle_tiles")]
    area = math.fsum(row.area for row in idle)
    assert ledger_of(fixed).area == pytest.approx(ledger_of(case).area + area)
    tiles = [
        a
        for a in ledger_of(case).areas
        if a.kind in ("dac", "array", "adc", "driver", "sample_hold", "control")
    ]
    assert area == pytest.approx(7 / needed * math.fsum(a.area for a in tiles), rel=1e-9)


def test_ops_by_both_rules(case):
    ledger = ledger_of(case)
    assert ledger.operations("useful") == 2 * case.program.useful_macs
    assert ledger.operations("array") == 2 * case.program.array_macs
    assert ledger.efficiency("useful") == 2 * case.program.useful_macs / ledger.energy
    tops_per_area = 2 * case.program.array_macs / ledger.elapsed / ledger.area
    assert ledger.density("array") == pytest.approx(tops_per_area)
    assert ledger.energy_delay_product == ledger.energy * case.timing.end_to_end


def test_exports_hold_every_row(case, tmp_path):
    ledger = ledger_of(case)
    ledger.write_parquet(tmp_path / "ledger.parquet")
    parquet = pd.read_parquet(tmp_path / "ledger.parquet")
    assert parquet.to_dict("records") == [vars(row) for row in ledger.rows]
    assert {name: kind.kind for name, kind in parquet.dtypes.items() if kind.kind != "O"} == {
        "count": "i", **dict.fromkeys(("time", "energy", *STATUSES), "f")
    }  # fmt: skip
    running = parquet[parquet.account != "programming"]
    assert math.fsum(running.energy) == ledger.energy
    assert list(parquet.energy) == [row.energy for row in ledger.rows]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not tell")
def test_writing_parquet_leaves_no_thread_behind(case, tmp_path):
    """Arrow's own threads may abort a process that ends while one of them is still at work."""
    assert pyarrow.parquet  # loading it may start what it likes
    before = len(list(Path("/proc/self/task").iterdir()))
    ledger_of(case).write_parquet(tmp_path / "ledger.parquet")
    assert len(list(Path("/proc/self/task").iterdir())) == before


def test_cards_of_the_wrong_form_or_range(make):
    with pytest.raises(InputError, match="driver for 'bit_serial', but the encoding"):
        make(dac={"card": "dac/isaac_1bit"})
    with pytest.raises(ValidityError, match="from 4 to 16, not for 3"):
        make(adc={"bits": 3})


def test_citations_are_keys_of_the_bibliography(case):
    from imssa_sim.cards import references

    assert {"andrulis2024adc", "stillmaker2017"} <= set(case.costs.citations)
    assert set(case.costs.citations) <= set(references())
