"""Digital, memory, bus, driver, array and scaling costs against arithmetic by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.cards import load_card
from imssa_sim.components import array
from imssa_sim.components.bus import bus_form
from imssa_sim.components.dac import dac_form, periods_held
from imssa_sim.components.digital import Digital, accumulator_bits
from imssa_sim.components.memory import memory_form
from imssa_sim.components.off_chip import off_chip_form
from imssa_sim.components.parameters import Parameters, Use, log_interpolate, weakest
from imssa_sim.components.scaling import Scaling
from imssa_sim.config import load_config
from imssa_sim.errors import InputError, ValidityError

SCALING = Scaling(load_card("scaling/stillmaker_baas_2017"))


def digital(card="digital/cmos_40nm", node=40e-9, supply=0.9):
    return Digital(Parameters(load_card(card)), SCALING, node, supply)


def test_cells_at_their_own_node_are_the_published_ones():
    d = digital()
    assert d.add(32) == pytest.approx(0.21e-12)
    assert d.multiply(32, 32) == pytest.approx(12.68e-12)
    assert d.compare(32) == pytest.approx(0.0295e-12)
    assert d.register(1) == pytest.approx(9e-15)
    assert d.add_size(32) == pytest.approx((278e-12, 2.4e-6))
    assert d.multiply_size(32, 32) == pytest.approx((6350e-12, 80e-6))


def test_horowitz_multipliers_go_with_the_square_of_the_bits():
    """The published 8-bit values are not in the card: .2 pJ product, .03 pJ sum."""
    d = digital("digital/cmos_45nm_horowitz", 45e-9)
    assert d.multiply(8, 8) == pytest.approx(0.2e-12, rel=0.05)
    assert d.add(8) == pytest.approx(0.03e-12, rel=0.2)
    assert d.add(16) == pytest.approx(0.05e-12, rel=0.01)


def test_compositions_by_hand():
    d = digital()
    add, multiply, compare = 0.21 / 32, 12.68 / 1024, 0.0295 / 32  # pJ per bit, bit^2, bit
    requantise = multiply * 8 * 24 + 2 * add * 32 + 2 * compare * 32
    assert d.requantise(8) == pytest.approx(requantise * 1e-12)
    assert d.mac(8) == pytest.approx((multiply * 64 + add * 24) * 1e-12)
    normalise = 2 * multiply * 24 * 8 + (4 + 24) * add * 24
    assert d.normalise(8) == pytest.approx(normalise * 1e-12)
    assert accumulator_bits(8) == 24
    area = 6350 * 8 * 24 / 1024 + 2 * 278 + 2 * 71
    assert d.requantise_size(8)[0] == pytest.approx(area * 1e-12)
    assert d.round_and_clip(8) == pytest.approx((8 * add + 2 * 8 * compare) * 1e-12)
    assert d.round_and_clip_size(8)[0] == pytest.approx((278 + 2 * 71) / 4 * 1e-12)
    area = 6350 * 64 / 1024 + 278 * 24 / 32 + 5.98 * 24
    assert d.mac_size(8)[0] == pytest.approx(area * 1e-12)


def test_scaling_factors_by_hand():
    """65 nm, 1.1 V to 32 nm, .9 V with the published polynomials."""
    fine = 0.8367 * 0.81 - 0.4341 * 0.9 + 0.1701
    coarse = 3.755 * 1.21 - 4.398 * 1.1 + 1.975
    assert SCALING.energy(65e-9, 1.1, 32e-9, 0.9) == pytest.approx(fine / coarse)
    fine = -1047 * 0.729 + 2982 * 0.81 - 2797 * 0.9 + 873.5
    coarse = -53.3 * 1.331 + 230.4 * 1.21 - 333.9 * 1.1 + 178.6
    assert SCALING.delay(65e-9, 1.1, 32e-9, 0.9) == pytest.approx(fine / coarse)
    assert SCALING.area(45e-9, 32e-9) == pytest.approx(0.46, rel=1e-3)
    assert SCALING.area(180e-9, 130e-9) == pytest.approx(0.34, rel=3e-3)
    assert SCALING.area(32e-9, 7e-9) == pytest.approx(0.13)
    assert SCALING.leakage(45e-9, 32e-9) == SCALING.area(45e-9, 32e-9)


@given(
    st.floats(7e-9, 180e-9), st.floats(7e-9, 180e-9), st.floats(7e-9, 180e-9),
    st.floats(0.9, 1.1),
)  # fmt: skip
def test_scaling_is_a_ratio(a, b, c, supply):
    """There and back is one, and two legs are the whole way."""
    try:
        legs = SCALING.energy(a, supply, b, supply) * SCALING.energy(b, supply, c, supply)
        whole = SCALING.energy(a, supply, c, supply)
    except ValidityError:  # the fit of an old node at a low supply
        return
    assert legs == pytest.approx(whole, rel=1e-9)
    assert SCALING.area(a, b) * SCALING.area(b, a) == pytest.approx(1)


def test_scaling_outside_of_its_range():
    with pytest.raises(ValidityError, match="node from 7e-09"):
        SCALING.energy(32e-9, 0.9, 5e-9, 0.9)
    with pytest.raises(ValidityError, match="not positive"):
        SCALING.energy(32e-9, 0.9, 180e-9, 0.7)
    with pytest.raises(ValidityError, match="supply"):
        SCALING.energy(32e-9, 0.9, 32e-9, 0.2)


def test_interpolation_hits_the_table_and_follows_power_laws():
    xs, ys = np.array([1.0, 2.0, 8.0]), np.array([3.0, 12.0, 192.0])  # y = 3 x^2
    assert log_interpolate(2, xs, ys) == 12.0
    assert log_interpolate(4, xs, ys) == pytest.approx(48)
    assert log_interpolate(16, xs, ys) == pytest.approx(768)
    assert log_interpolate(4, xs[::-1], ys[::-1]) == pytest.approx(48)
    many = log_interpolate(4, xs, np.stack([ys, 2 * ys]))
    assert many == pytest.approx([48, 96])


def test_sram_of_puma():
    card = load_card("memory/sram_32nm_puma")
    p = Parameters(card)
    form = memory_form(card, 512)
    # .24 mW at one access a cycle of 1 GHz, 16 bits each.
    assert form.energy(p, 512) == pytest.approx(0.24e-12 / 16)
    assert form.area(p, 100) == pytest.approx(0.00056e-6)  # no smaller than 256 B
    assert form.area(p, 4096) == pytest.approx(2 * 0.00392e-6)
    assert form.leakage(p, 2048 + 512) == pytest.approx((0.33 + 0.078) * 1e-3)
    with pytest.raises(ValidityError, match="bytes"):
        memory_form(card, 2**27)


def test_reads_of_horowitz():
    card = load_card("memory/sram_45nm_horowitz")
    form, p = memory_form(card, 8192), Parameters(card)
    assert form.energy(p, 8192) * 64 == pytest.approx(10e-12)
    assert form.energy(p, 16384) * 64 == pytest.approx(10e-12 * 2**0.5)  # 20/10 over 4x: a root


def test_edram_and_bus_of_isaac():
    card = load_card("memory/edram_32nm_isaac")
    form, p = memory_form(card, 65536), Parameters(card)
    per_bit = 20.7e-3 / 1.2e9 / 256
    assert form.energy(p, 1) + form.leakage(p, 1) / 1.2e9 / 256 == pytest.approx(per_bit)
    card = load_card("bus/isaac_32nm")
    link, p = bus_form(card), Parameters(card)
    # At full activity, dynamic energy and leakage make up the published 7 mW and .09 mm^2.
    power = 384 * 1.2e9 * link.energy(p, 1) + link.leakage(p, 384, 1)
    assert power == pytest.approx(7e-3)
    assert link.area(p, 384, 1) == pytest.approx(0.09e-6)


def test_wire_and_links():
    card = load_card("bus/wire_32nm")
    # A quarter of .2 pF (1 mm) at .9 V.
    assert bus_form(card).energy(Parameters(card), 9) == pytest.approx(0.25 * 0.2e-12 * 0.81)
    card = load_card("off_chip/lpddr4")
    assert off_chip_form(card).energy(Parameters(card), 1) == pytest.approx(8e-12)
    card = load_card("off_chip/hypertransport_isaac")
    link, p = off_chip_form(card), Parameters(card)
    power = 25.6e9 * 8 * link.energy(p, 1) + link.leakage(p, 1, 1)
    assert power == pytest.approx(10.4)


def test_trees_and_meshes_by_hand():
    card = load_card("bus/htree_32nm")
    tree, p = bus_form(card), Parameters(card)
    # 64 tiles of .3 mm: 2.4 mm from root to leaf; 3/2 x .3 mm x 56 of wire.
    assert tree.energy(p, 64) == pytest.approx(0.25 * 0.2e-9 * 2.4e-3 * 0.81)
    assert tree.area(p, 32, 64) == pytest.approx(0.2e-6 * 1.5 * 0.3e-3 * 56 * 32)
    card = load_card("bus/mesh_isaac")
    mesh, p = bus_form(card), Parameters(card)
    router = 0.9 * 42e-3 / (1.2e9 * 256) + 0.25 * 0.2e-9 * 0.6e-3 * 0.81
    assert mesh.energy(p, 4) == pytest.approx(router)  # one router: one hop
    assert mesh.energy(p, 400) == pytest.approx(0.667 * 10 * router)
    assert mesh.area(p, 32, 401) == pytest.approx(101 * 0.151e-6)


def test_h_trees_wire_length_is_that_of_a_drawn_one():
    """Build the tree level by level: each H joins four nodes with three bars."""

    def drawn(levels):
        spacing, total, nodes = 1.0, 0.0, 4**levels
        for _ in range(levels):
            nodes //= 4
            total += nodes * 3 * spacing
            spacing *= 2
        return total

    p = Parameters(load_card("bus/htree_32nm"))
    tree = bus_form(p.card)
    for levels in (1, 2, 3, 5):
        length = tree.area(p, 1, 4**levels) / 0.2e-6 / 0.3e-3
        assert length == pytest.approx(drawn(levels))


def test_drivers():
    card = load_card("dac/isaac_1bit")
    form, p = dac_form(card, "bit_serial"), Parameters(card)
    total = form.energy(p, 8) + form.leakage(p, 8) * 100e-9
    assert total == pytest.approx(0.39e-12)
    card = load_card("dac/mnsim_amplitude")
    form, p = dac_form(card), Parameters(card)
    assert form.area(p, 4) == pytest.approx(1.328e-12)
    assert form.energy(p, 8) * 1e9 + form.leakage(p, 8) == pytest.approx(499.2e-6)
    card = load_card("dac/pwm_40nm")
    assert dac_form(card).energy(Parameters(card), 4) == pytest.approx(0.291e-12 / 2)
    with pytest.raises(InputError, match="encoding is 'amplitude'"):
        dac_form(card, "amplitude")


def test_word_and_bit_lines_at_neurrams_node():
    """256 x (1.5 + .6) fF + 48 fF + wire, at 130 nm where the figures were read."""
    p, wires = Parameters(load_card("arrays/crossbar_1t1r")), Parameters(load_card("wires/cmos"))
    pitch = 12**0.5 * 130e-9
    capacitance = 256 * 2.1e-15 + 48e-15 + 0.2e-9 * pitch * 256
    assert array.word_line_charge(p, wires, 256, 130e-9) == pytest.approx(capacitance * 1.0**2)
    capacitance = 256 * 1.5e-15 + 0.2e-9 * pitch * 256
    energy = array.bit_line_charge(p, wires, 256, 130e-9, 0.2)
    assert energy == pytest.approx(capacitance * 0.04)
    assert array.cell_area(p, 32e-9) == pytest.approx(12 * (32e-9) ** 2)


def test_estimated_reads_by_encoding():
    p = Parameters(load_card("arrays/crossbar_1t1r"))
    full = 1e-3 * 0.2**2
    pulse = array.full_pulse("pulse_width", 8, 1e-9, 1e-8)
    assert pulse == pytest.approx(127e-9)
    assert array.estimated_read(p, "pulse_width", 1e-3, 0.2, pulse) == pytest.approx(
        0.25 * full * 127e-9
    )
    pulse = array.full_pulse("bit_serial", 8, 1e-9, 1e-8)
    assert array.estimated_read(p, "bit_serial", 1e-3, 0.2, pulse) == pytest.approx(
        0.5 * full * 1e-8
    )
    assert array.estimated_read(p, "amplitude", 1e-3, 0.2, 1e-8) == pytest.approx(0.1 * full * 1e-8)


def test_the_uniform_and_gaussian_activities_bracket_the_assumed_ones():
    """What the card's derivation says about the two distributions of codes."""
    rng = np.random.default_rng(0)
    uniform = np.abs(rng.uniform(-1, 1, 200_000))
    gauss = np.abs(np.clip(rng.standard_normal(200_000) / 4, -1, 1))
    card = load_card("arrays/crossbar_1t1r")
    assert gauss.mean() < card["activity_mean"].si < uniform.mean()
    assert (gauss**2).mean() < card["activity_square"].si < (uniform**2).mean()


def test_uses_are_recorded_and_the_weakest_counts():
    p = Parameters(load_card("dac/pwm_40nm"))
    assert p.uses == ()
    p.peek("leakage")
    assert p.uses == ()
    _ = p["energy"]
    assert [use.entry for use in p.uses] == ["energy"]
    uses = tuple(Use("c", "e", status) for status in ("measured", "derived", "fitted"))
    assert weakest(uses) == "derived"
    assert weakest((*uses, Use("c", "f", "assumed"))) == "assumed"


@pytest.mark.parametrize(("hold", "periods"), [(1e-8, 10), (0.5e-9, 1), (2.5e-9, 2.5)])
def test_an_amplitude_is_charged_for_as_long_as_it_is_held(hold, periods):
    """Power times the time that the array integrates, at least one period of the driver."""
    hardware = load_config(
        "sdigits",
        [
            "hardware.dac.encoding=amplitude", "hardware.dac.card=dac/mnsim_amplitude",
            f"hardware.chip.tile.read_time={hold} s",
        ],
    ).config.hardware  # fmt: skip
    card = load_card("dac/mnsim_amplitude")
    assert periods_held(hardware, card) == pytest.approx(periods)
    pulses = load_config("sdigits").config.hardware
    assert periods_held(pulses, load_card("dac/pwm_40nm")) == 1
