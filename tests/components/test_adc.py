"""ADC forms against the published golden values and tables (FACTS of the sources in the cards)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.cards import list_cards, load_card
from imssa_sim.components.adc import (
    AdcPoint,
    adc_form,
    check_adc,
    dynamic_energy,
    schreier_fom,
    walden_fom,
)
from imssa_sim.components.parameters import Parameters
from imssa_sim.config import load_config
from imssa_sim.errors import ValidityError
from imssa_sim.simulation.run import simulate

ADCS = [card.name for card in list_cards("adc")]


def cost(name, at):
    p = Parameters(load_card(name))
    form = adc_form(p.card)
    return form.energy(p, at) * 1e12, form.area(p, at) * 1e12


@pytest.mark.parametrize(
    ("bits", "rate", "node", "picojoule", "square_micron"),
    [
        (8, 1.28e9, 32e-9, 1.92921, 6469.27),
        (4, 100e6, 32e-9, 0.923749, 3274.14),
        (8, 100e6, 65e-9, 6.49448, 11861.73),
        (12, 100e6, 32e-9, 29.0576, 9185.39),
    ],
)
def test_survey_gives_the_authors_values(bits, rate, node, picojoule, square_micron):
    energy, area = cost("adc/survey_andrulis_2024", AdcPoint(bits, rate, node))
    assert energy == pytest.approx(picojoule, rel=5e-6)
    assert area == pytest.approx(square_micron, rel=5e-6)


TABLE = {
    "survey": (
        "adc/survey_andrulis_2024", 100e6, (0.924, 0.936, 1.065, 1.312, 1.714, 2.340, 3.310),
    ),
    "survey, fast": (
        "adc/survey_andrulis_2024", 1.28e9, (0.924, 0.936, 1.065, 1.312, 1.929, 5.530, 16.42),
    ),
    "isaac": ("adc/isaac_saberi", 1.28e9, (0.79, 0.99, 1.20, 1.42, 1.67, 1.97, 2.38)),
    "sar": ("adc/sar_32nm", 50e6, (0.108, 0.136, 0.167, 0.199, 0.235, 0.272, 0.312)),
    "zigzag": ("adc/zigzag_imc_28nm", 50e6, (0.324, 0.406, 0.489, 0.580, 0.701, 0.941, 1.659)),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_band_of_the_published_models_over_resolution(name):
    card, rate, expected = TABLE[name]
    found = [cost(card, AdcPoint(bits, rate))[0] for bits in range(4, 11)]
    assert found == pytest.approx(expected, abs=5.1e-4, rel=5.1e-4)


def test_isaac_areas_are_the_published_table():
    areas = [cost("adc/isaac_saberi", AdcPoint(bits, 1.28e9))[1] for bits in range(4, 11)]
    assert areas == pytest.approx([361, 477, 627, 845, 1200, 1828, 3002])


def test_zigzag_area_and_delay_by_hand():
    p, at = Parameters(load_card("adc/zigzag_imc_28nm")), AdcPoint(8, 50e6, rows=128)
    form = adc_form(p.card)
    assert form.area(p, at) == pytest.approx(10 ** (-0.0369 * 8 + 1.206) * 256e-12)
    assert form.period(p, at) == pytest.approx(8 * (0.00653 * 128 + 0.640) * 1e-9)


def test_puma_power_at_full_rate_is_linear_in_the_bits():
    p = Parameters(load_card("adc/puma_linear"))
    form = adc_form(p.card)
    power = [form.energy(p, AdcPoint(b)) / form.period(p, AdcPoint(b)) for b in (1, 8)]
    assert power == pytest.approx([0.25e-3, 2e-3])
    # One MVM is 16 bits x 8 slices x 128 columns of conversions and 43.97 nJ in all.
    assert 16 * 8 * 128 * form.energy(p, AdcPoint(8)) < 43.97e-9


@pytest.mark.parametrize(
    ("name", "bits", "power", "rate"),
    [("adc/kull_2013", 8, 3.1e-3, 1.2e9), ("adc/ramkaj_2018", 7, 3.56e-3, 1.25e9)],
)
def test_measured_points(name, bits, power, rate):
    assert cost(name, AdcPoint(bits, rate))[0] == pytest.approx(power / rate * 1e12)


@pytest.mark.parametrize("name", ADCS)
def test_full_rate_power_is_the_published_energy(name):
    """Dynamic energy per conversion plus leakage over its time is all the published energy."""
    card = load_card(name)
    bits = int(card.valid["bits"][1]) if "bits" in card.valid else 8
    at = AdcPoint(min(bits, 8))
    p, form = Parameters(card), adc_form(card)
    total = dynamic_energy(p, at) + form.leakage(p, at) * form.period(p, at)
    assert total == pytest.approx(form.energy(p, at), rel=1e-12)
    assert 0 < dynamic_energy(p, at) < form.energy(p, at)


@pytest.mark.parametrize("name", ADCS)
def test_energy_area_and_time_do_not_fall_with_the_bits(name):
    card = load_card(name)
    low, high = (int(b) for b in card.valid["bits"])
    p, form = Parameters(card), adc_form(card)
    points = [AdcPoint(bits, 10e6) for bits in range(low, high + 1)]
    for quantity in (form.energy, form.area, form.period):
        assert np.all(np.diff([float(quantity(p, at)) for at in points]) >= 0), quantity


@given(
    node=st.sampled_from([16e-9, 32e-9, 65e-9, 130e-9]), bits=st.integers(4, 12),
    rate=st.floats(1e6, 2e9),
)  # fmt: skip
def test_survey_rises_with_node_and_rate(node, bits, rate):
    p = Parameters(load_card("adc/survey_andrulis_2024"))
    form = adc_form(p.card)
    here = AdcPoint(bits, rate, node)
    coarser, faster = AdcPoint(bits, rate, node * 1.1), AdcPoint(bits, rate * 1.1, node)
    assert form.energy(p, coarser) > form.energy(p, here)
    assert form.area(p, coarser) > form.area(p, here)
    assert form.energy(p, faster) >= form.energy(p, here)
    assert form.area(p, faster) > form.area(p, here)


def test_outside_of_the_validity_is_exit_code_3():
    with pytest.raises(ValidityError, match=r"from 4 to 16, not for 3") as error:
        check_adc(load_card("adc/survey_andrulis_2024"), AdcPoint(3))
    assert error.value.exit_code == 3
    with pytest.raises(ValidityError, match=r"at most 111\.1 MS/s, not 200 MS/s"):
        check_adc(load_card("adc/sar_32nm"), AdcPoint(8, 200e6))


def test_figures_of_merit():
    # Kull 2013: 3.1 mW, 8 b nominal, 1.2 GS/s: 10 fJ per step at eight effective bits.
    assert walden_fom(3.1e-3, 8, 1.2e9) == pytest.approx(3.1e-3 / 256 / 1.2e9)
    # An ideal 8-bit converter of 1 mW and 1 MHz: SNDR 49.92 dB + 90 dB.
    assert schreier_fom(1e-3, 49.92, 1e6) == pytest.approx(139.92)


def test_ways_have_the_energy_and_area_of_slower_converters() -> None:
    """Three ways at 300 MS/s are three converters of 100 MS/s; a conversion takes three periods."""
    few = ("evaluate.samples=2", "evaluate.chips=1", "baselines=[]", "hardware.adc.per_tile=68")
    one, three = (
        simulate(load_config("sdigits", (*few, *keys)), accuracy=False)
        for keys in (
            ("hardware.adc.rate=100 MHz",),
            ("hardware.adc.rate=300 MHz", "hardware.adc.ways=3"),
        )
    )
    areas = [result.ledger.area_by_kind()["adc"] for result in (one, three)]
    assert areas[1] == pytest.approx(3 * areas[0], rel=1e-12)
    energies = [
        sum(r.energy for r in x.ledger.rows if r.kind == "adc" and r.account == "dynamic")
        for x in (one, three)
    ]
    assert energies[1] == pytest.approx(energies[0], rel=1e-12)
    assert three.timing.interval == pytest.approx(one.timing.interval, rel=1e-12)
