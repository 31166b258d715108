"""Each shipped card prices a whole program, and a chip of another technology does too."""

import math

import pytest

from imssa_sim.cards import list_cards, load_card
from imssa_sim.errors import ValidityError
from imssa_sim.ledger import build_ledger


def names(kind):
    return [card.name for card in list_cards(kind)]


def ledger_of(case):
    return build_ledger(case.program, case.costs, case.timing)


@pytest.mark.parametrize("name", names("adc"))
def test_converters(make, name):
    low, high = (int(b) for b in load_card(name).valid["bits"])
    bits = min(max(8, low), high)
    # A neuron that converts a step at a time is slower than all others.
    rate = 4e5 if "step_time" in load_card(name) else 1e7
    ledger = ledger_of(make(adc={"card": name, "bits": bits, "rate": rate}))
    assert ledger.by_kind()["adc"] > 0
    assert ledger.area_by_kind()["adc"] > 0


@pytest.mark.parametrize("name", names("dac"))
def test_drivers(make, name):
    card = load_card(name)
    low, high = (int(b) for b in card.valid["bits"])
    dac = {"card": name, "encoding": card["form"].text, "bits": min(max(8, low), high)}
    ledger = ledger_of(make(dac=dac))
    assert ledger.by_kind()["dac"] > 0


@pytest.mark.parametrize(
    ("section", "name"),
    [(kind, name) for kind in ("digital", "memory", "bus", "off_chip") for name in names(kind)],
)
def test_other_parts(make, section, name):
    ledger = ledger_of(make(**{section: {"card": name}}))
    accounts = ledger.by_account()
    assert all(math.isfinite(v) and v > 0 for v in accounts.values())
    assert ("off_chip" in accounts) == (section == "off_chip")


@pytest.mark.parametrize("name", names("array"))
def test_arrays(make, name):
    ledger = ledger_of(make(tile={"array": name}))
    cells = load_card(name)["cell_area"].si * (32e-9) ** 2 * 16 * 32
    tiles = sum(row.instances for row in ledger.areas if row.kind == "array")
    assert ledger.area_by_kind()["array"] == pytest.approx(cells * tiles)


@pytest.mark.parametrize("name", names("cell"))
def test_cells(make, name):
    ledger = ledger_of(make(tile={"cell": name}))
    has_pulses = "write_pulses" in load_card(name)
    assert (ledger.programming_energy is not None) == has_pulses
    assert (ledger.programming_time is not None) == has_pulses
    assert has_pulses == bool(ledger.programming_energy)


def test_a_chip_of_another_node_costs_more_area_and_energy(make):
    fine = ledger_of(make())
    coarse = ledger_of(make(chip={"technology": 65e-9, "supply": 1.1}))
    assert coarse.area > 2 * fine.area
    assert coarse.by_kind()["multiplier"] > fine.by_kind()["multiplier"]
    assert coarse.by_kind()["adc"] > fine.by_kind()["adc"]


def test_an_impossible_chip_is_noticed_before_anything_runs(make):
    from imssa_sim.costs.card_prices import check_operating_point
    from imssa_sim.errors import InputError

    hardware = make().hardware

    def changed(section, **values):
        part = getattr(hardware, section).model_copy(update=values)
        return hardware.model_copy(update={section: part})

    check_operating_point(hardware)
    with pytest.raises(ValidityError, match="not for 3"):
        check_operating_point(changed("adc", bits=3))
    with pytest.raises(ValidityError, match="bits from 1 to 12, not for 13"):
        check_operating_point(changed("dac", bits=13))
    with pytest.raises(InputError, match="driver for 'pulse_width'"):
        check_operating_point(changed("dac", encoding="amplitude"))
    with pytest.raises(ValidityError, match="supply"):
        check_operating_point(changed("chip", supply=0.3))


def test_a_supply_that_the_scaling_does_not_hold_for(make):
    with pytest.raises(ValidityError, match="scaling"):
        ledger_of(make(chip={"technology": 180e-9, "supply": 0.7}))
