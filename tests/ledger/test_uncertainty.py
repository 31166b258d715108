"""Intervals of the totals: against distributions in closed form, sampling, and linear models."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from imssa_sim.cards import load_card
from imssa_sim.costs.adc_choice import adc_choice
from imssa_sim.costs.distributions import (
    Normal,
    Triangular,
    distribution_of,
    draws_at,
    latin_hypercube,
    varied_entries,
)
from imssa_sim.errors import InputError
from imssa_sim.ledger import build_ledger, uncertainty
from imssa_sim.ledger.uncertainty import UNITS, LedgerModel, evaluate_uncertainty


@pytest.fixture(scope="module")
def run(make):
    case = make()
    ledger = build_ledger(case.program, case.costs, case.timing)
    return case.program, case.hardware, ledger


@pytest.fixture(scope="module")
def found(run):
    return evaluate_uncertainty(*run)


@given(
    low=st.floats(0.01, 10), left=st.floats(0.01, 5), right=st.floats(0.01, 5),
    u=st.floats(0.001, 0.999),
)  # fmt: skip
def test_triangular_quantiles_are_scipys(low, left, right, u):
    ours = Triangular(low, low + left, low + left + right, False).quantile(np.array([u]))[0]
    span = left + right
    assert ours == pytest.approx(stats.triang(left / span, low, span).ppf(u), rel=1e-9)
    ends = np.log([low, low + left, low + left + right])
    share = (ends[1] - ends[0]) / (ends[2] - ends[0])
    theirs = np.exp(stats.triang(share, ends[0], ends[2] - ends[0]).ppf(u))
    ours = Triangular(low, low + left, low + left + right, True).quantile(np.array([u]))[0]
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_normal_quantiles_are_scipys_and_stay_positive():
    u = np.array([1e-6, 0.1, 0.5, 0.9])
    ours = Normal(np.asarray(2.0), np.asarray(0.8)).quantile(u)
    assert ours[1:] == pytest.approx(stats.norm(2, 0.8).ppf(u[1:]))
    assert ours[0] == pytest.approx(0.002)


def test_which_entries_vary():
    card = load_card("dac/pwm_40nm")
    assert distribution_of(card["bits"]) is None  # a definition: range of equal ends
    energy = distribution_of(card["energy"])
    assert (energy.low, energy.mode, energy.high) == pytest.approx((0.1e-12, 0.291e-12, 0.6e-12))
    assert energy.logarithmic  # six-fold
    assumed = load_card("cells/taox_imssa")["g_max"]
    assert (assumed.status, assumed.range) == ("assumed", None)
    g = assumed.si
    assert distribution_of(assumed) == Triangular(g / 2, g, 2 * g, True)
    survey = load_card("adc/survey_andrulis_2024")
    assert distribution_of(survey["energy_constant"]) is None  # fitted, without a range
    assert {v.entry for v in varied_entries([survey, survey])} == {"energy_spread", "idle_fraction"}


def test_strata_are_hit_once_each():
    u = latin_hypercube(50, 3, seed=1)
    assert np.all(np.sort((u * 50).astype(int), axis=0) == np.arange(50)[:, None])
    assert np.array_equal(u, latin_hypercube(50, 3, seed=1))
    assert not np.array_equal(u, latin_hypercube(50, 3, seed=2))
    assert not np.array_equal(u, latin_hypercube(50, 3, seed=1, stream=1))


def totals_of(ledger):
    """Return every total of a ledger under the names of drawn ones."""
    accounts = ledger.by_account()
    return {
        "energy": ledger.energy, "dynamic": accounts["dynamic"], "leakage": accounts["leakage"],
        "off_chip": accounts.get("off_chip", 0.0), "power": ledger.average_power,
        "leakage_power": ledger.leakage_power, "area": ledger.area,
        "efficiency_useful": ledger.efficiency("useful"),
        "efficiency_array": ledger.efficiency("array"),
        "density_useful": ledger.density("useful"), "density_array": ledger.density("array"),
    }  # fmt: skip


def test_the_nominal_totals_are_the_ledgers(run, found):
    expected = totals_of(run[2])
    assert set(expected) == set(UNITS)
    for name, value in expected.items():
        assert found.intervals[name].nominal == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"off_chip": {"card": "off_chip/hypertransport_isaac"}, "power_gating": True},
        {"tile": {"weights": "one_sided", "array": "arrays/crossbar_1t1r_logic"},
         "memory": {"card": "memory/edram_32nm_isaac"}, "bus": {"card": "bus/mesh_isaac"}},
    ],
)  # fmt: skip
def test_one_draw_is_the_ledger_with_those_numbers(make, changes):
    """The vectorised totals are those of a scalar cost model and ledger with the drawn cards."""
    nominal = make(**changes)
    ledger = build_ledger(nominal.program, nominal.costs, nominal.timing)
    model = LedgerModel(nominal.program, nominal.hardware, ledger)
    u = latin_hypercube(7, len(model.varied), seed=3)
    totals = model.at(u)
    assert set(totals) == set(UNITS)
    for draw in (0, 6):
        single = draws_at(model.varied, u[draw : draw + 1])
        scalar = {key: float(value[0]) for key, value in single.items()}
        case = make(draws=scalar, **changes)
        alone = totals_of(build_ledger(case.program, case.costs, case.timing))
        for name, value in alone.items():
            assert totals[name][draw] == pytest.approx(value, rel=1e-12), name


def only_the_own_card(monkeypatch):
    monkeypatch.setattr(uncertainty, "adc_choice", lambda hardware: (hardware.adc.card,))


@pytest.mark.parametrize(
    ("bits", "rate", "node", "others"),
    [
        (8, 1e8, 32e-9, "isaac_saberi kull_2013 puma_linear sar_32nm zigzag_imc_28nm"),
        (7, 1e8, 32e-9, "isaac_saberi puma_linear ramkaj_2018 sar_32nm zigzag_imc_28nm"),
        (8, 1e9, 32e-9, "isaac_saberi kull_2013 puma_linear"),
        (8, 1e6, 65e-9, "jia_column_65nm jia_sar_65nm sar_65nm"),
        (8, 1e7, 65e-9, "sar_65nm"),
        (16, 1e7, 32e-9, "puma_linear"),
    ],
)  # fmt: skip
def test_models_are_drawn_that_hold_at_bits_rate_and_node(run, bits, rate, node, others):
    hardware = run[1]
    at = hardware.model_copy(update={
        "adc": hardware.adc.model_copy(update={"bits": bits, "rate": rate}),
        "chip": hardware.chip.model_copy(update={"technology": node}),
    })  # fmt: skip
    own, *found = adc_choice(at)
    assert own == "adc/survey_andrulis_2024"
    assert set(found) == {f"adc/{name}" for name in others.split()}


def test_the_choice_of_the_adc_model_is_drawn_evenly_and_apart(make, run, found):
    """Every shipped model's energy lies inside; the entries' own interval is what it was alone."""
    program, hardware, _ = run
    names = [model.card for model in found.models]
    assert names == list(adc_choice(hardware))
    assert len(names) > 3
    both, alone = found.intervals["energy"], found.parameters["energy"]
    assert both.low < alone.low < alone.high < both.high
    inside, draws = 0, found.samples["energy"]
    for model in found.models:
        case = make(adc={"card": model.card})
        ledger = build_ledger(case.program, case.costs, case.timing)
        # The median chip of each model is a chip with that card, not another's price.
        assert model.centres["energy"] == pytest.approx(
            LedgerModel(program, case.hardware, ledger).centres()["energy"], rel=1e-12
        )
        inside += both.low <= ledger.energy <= both.high
    assert inside >= len(names) - 1
    first, last = found.span("energy")
    assert first.centres["energy"] == min(m.centres["energy"] for m in found.models)
    assert last.centres["energy"] == max(m.centres["energy"] for m in found.models)
    share = np.mean(np.isclose(draws, own_draws(run), rtol=1e-12, atol=0))
    assert share == pytest.approx(1 / len(names), abs=0.01)


def own_draws(run):
    model = LedgerModel(*run)
    return model.at(latin_hypercube(10_000, len(model.varied), 0))["energy"]


def test_intervals_are_reproducible_and_contain_what_they_say(run, found):
    again = evaluate_uncertainty(*run)
    assert again.intervals == found.intervals
    assert again.drivers == found.drivers
    assert evaluate_uncertainty(*run, seed=1).intervals != found.intervals
    for name, interval in found.intervals.items():
        assert interval.low <= interval.median <= interval.high
        values = found.samples[name]
        inside = np.mean((values >= interval.low) & (values <= interval.high))
        assert inside == pytest.approx(0.9, abs=0.001) or np.ptp(values) == 0


def test_a_measured_array_energy_does_not_vary_with_the_activity(make):
    from types import SimpleNamespace

    case = make()
    arrays = {k.path for k in case.program.kernels} | {t.path for t in case.program.linears}
    activity = SimpleNamespace(
        counts=case.timing.counts, array_energy={f"{path}.array": 1e-9 for path in arrays}
    )
    ledger = build_ledger(case.program, case.costs, case.timing, activity)
    result = evaluate_uncertainty(case.program, case.hardware, ledger, draws=100)
    assert "activity_mean" not in {d.entry for d in result.drivers["energy"]}
    assert result.intervals["energy"].nominal == pytest.approx(ledger.energy)


def test_drivers_move_their_total_and_agree_with_sobol(run, found):
    drivers = found.drivers["energy"]
    assert [d.swing for d in drivers] == sorted((d.swing for d in drivers), reverse=True)
    assert all(abs(d.rank) <= 1 for d in drivers)
    centre = found.centres["energy"]
    assert all(min(d.low, d.high) <= centre <= max(d.low, d.high) for d in drivers)
    first = drivers[0]
    assert abs(first.rank) > 0.3
    model = LedgerModel(*run)
    names = [(v.card, v.entry) for v in model.varied]
    strongest = [names.index((d.card, d.entry)) for d in drivers[:6]]

    def energy(points):
        u = np.full((points.shape[1], len(names)), 0.5)
        u[:, strongest] = points.T.clip(1e-9, 1 - 1e-9)
        return model.at(u)["energy"]

    uniform = [stats.uniform()] * len(strongest)
    indices = stats.sobol_indices(func=energy, n=128, dists=uniform, rng=0)
    assert np.argmax(indices.total_order) in (0, 1)
    assert sum(indices.first_order) == pytest.approx(1, abs=0.15)  # nearly additive


def test_rank_correlations_are_spearmans(run, monkeypatch):
    only_the_own_card(monkeypatch)
    result = evaluate_uncertainty(*run, draws=300, seed=5)
    model = LedgerModel(*run)
    u = latin_hypercube(300, len(model.varied), 5)
    names = [(v.card, v.entry) for v in model.varied]
    for driver in result.drivers["area"][:3]:
        column = names.index((driver.card, driver.entry))
        expected = stats.spearmanr(u[:, column], result.samples["area"]).statistic
        assert driver.rank == pytest.approx(expected, abs=1e-9)


def test_ten_thousand_draws_are_quick(run):
    best = min(_seconds(run) for _ in range(3))
    assert best <= 2.0


def _seconds(run):
    begin = time.perf_counter()
    evaluate_uncertainty(*run, draws=10_000)
    return time.perf_counter() - begin


def test_bad_input(run):
    with pytest.raises(InputError, match="at least 100"):
        evaluate_uncertainty(*run, draws=10)
    with pytest.raises(InputError, match=r"level: 1\.5"):
        evaluate_uncertainty(*run, level=1.5)
