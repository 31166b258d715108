import dataclasses
import math

import numpy as np
import pytest

from imssa_sim.circuits.adc.behaviour import AdcBehaviour, ConverterBank
from imssa_sim.circuits.adc.converters import Converters
from imssa_sim.circuits.adc.dead import DeadConverters
from imssa_sim.circuits.adc.mismatch import CapacitorMismatch, sar_codes
from imssa_sim.circuits.adc.noise import ConverterNoise
from imssa_sim.circuits.adc.spread import Spread
from imssa_sim.circuits.draws import Coordinates
from imssa_sim.errors import InputError

WHERE = Coordinates(1, 0, 0)
SHAPE = (30, 40)
USED = np.full(30, 40)


def convert(converters, acc):
    """Codes of one value per column, as the compiled reads give them."""
    code = np.floor(acc * converters.scale + converters.offset)
    code = np.clip(code, converters.low, converters.high)
    if converters.table is not None:
        place = (code - converters.low).astype(int)[..., None]
        code = np.take_along_axis(converters.table, place, axis=2)[..., 0]
    return code


def converters(*behaviours, bits=8):
    high = (1 << (bits - 1)) - 1
    nominal = Converters(np.full(SHAPE, 0.25), np.full(SHAPE, 0.5), -high - 1, high)
    return ConverterBank(bits, 10, behaviours).made(nominal, USED, WHERE)


def test_no_errors_are_the_nominal_converter():
    found = converters()
    assert found.table is None
    assert not np.any(found.variance)
    assert np.all(found.scale == 0.25)
    assert np.all(found.offset == 0.5)


@pytest.mark.parametrize("bits", [3, 8, 11])
@pytest.mark.parametrize("fine", [1, 4])
def test_a_perfect_sar_is_uniform(bits, fine):
    codes = sar_codes(bits, np.zeros(bits), fine)
    assert np.array_equal(codes, np.repeat(np.arange(1 << bits), fine))


def test_spreads_and_sharing():
    found = converters(Spread(gain=0.01, offset=0.5))
    gain = found.scale / 0.25
    offset = found.offset - 0.5 * gain
    # four neighbouring columns share each of the ten converters of a tile
    for values in (gain, offset):
        groups = values.reshape(30, 10, 4)
        assert np.all(groups == groups[:, :, :1])
        assert len(np.unique(groups[:, :, 0])) == 300
    for values, sigma in ((gain - 1, 0.01), (offset, 0.5)):
        own = values.reshape(30, 10, 4)[:, :, 0]
        assert own.std() == pytest.approx(sigma, rel=5 / math.sqrt(600))
        assert abs(own.mean()) < 5 * sigma / math.sqrt(300)


def test_noise_and_effective_bits():
    assert converters(ConverterNoise(rms=0.7)).variance[0, 0] == pytest.approx((0.7 * 4) ** 2)
    # noise and quantisation together: a converter of 7 bits has LSB/√12 of twice the size
    total = converters(ConverterNoise(enob=7.0)).variance[0, 0] + 4**2 / 12
    assert total == pytest.approx((2 * 4) ** 2 / 12)
    with pytest.raises(InputError, match=r"enob 9\.0 exceeds"):
        converters(ConverterNoise(enob=9.0))


def test_mismatch_is_measured_as_inl():
    """Largest INL of a binary array at the middle: σ/2·√(2^b) LSB (half of the units each)."""
    bits, sigma, fine = 8, 0.01, 8
    rng = np.random.default_rng(0)
    middle = []
    for _ in range(2000):
        codes = sar_codes(bits, sigma * rng.standard_normal(bits), fine)
        middle.append(np.searchsorted(codes, 1 << (bits - 1)) / fine - (1 << (bits - 1)))
    expected = sigma * math.sqrt(2**bits) / 2
    resolution = 1 / fine / math.sqrt(12)
    measured = math.sqrt(np.var(middle) - resolution**2)
    assert measured == pytest.approx(expected, rel=5 / math.sqrt(4000) + 0.02)


def test_the_table_stands_for_the_codes():
    found = converters(CapacitorMismatch(0.05), bits=6)
    perfect = converters(bits=6)
    acc = np.random.default_rng(0).uniform(-150, 150, (50, *SHAPE))
    real = np.stack([convert(found, a) for a in acc])
    ideal = np.stack([convert(perfect, a) for a in acc])
    assert real.min() == -32
    assert real.max() == 31
    assert 0.01 < np.mean(real != ideal) < 0.5
    assert np.abs(real - ideal).max() <= 3
    tiny = converters(CapacitorMismatch(1e-9), bits=6)
    same = np.stack([convert(tiny, a) for a in acc])
    assert np.mean(same != ideal) < 1e-3  # inputs within a sixteenth step of a transition


def test_tables_that_would_fill_the_memory_are_refused():
    with pytest.raises(InputError, match="use fewer bits"):
        converters(CapacitorMismatch(0.01), bits=16)


@pytest.mark.parametrize("mismatch", [0.0, 0.02])
def test_a_dead_converter_takes_all_its_columns(mismatch):
    errors = [Spread(offset=0.5), *([CapacitorMismatch(mismatch)] if mismatch else [])]
    sound = converters(*errors)
    found = converters(*errors, DeadConverters(0.2))
    acc = np.random.default_rng(0).uniform(-400, 400, (20, *SHAPE))
    codes = np.stack([convert(found, a) for a in acc])
    dead = np.all(codes == 0, axis=0)
    groups = dead.reshape(30, 10, 4)
    assert np.all(groups == groups[:, :, :1])
    assert groups[:, :, 0].mean() == pytest.approx(0.2, abs=5 * math.sqrt(0.16 / 300))
    expected = np.stack([convert(sound, a) for a in acc])
    assert np.array_equal(codes[:, ~dead], expected[:, ~dead])
    assert np.array_equal(convert(converters(*errors, DeadConverters(0.0)), acc[0]), expected[0])


def test_behaviours_act_in_their_order():
    class Halved(AdcBehaviour):
        def applied(self, converters, made):
            return dataclasses.replace(converters, scale=converters.scale / 2)

    behind = converters(Spread(gain=0.01), Halved())
    np.testing.assert_array_equal(behind.scale * 2, converters(Spread(gain=0.01)).scale)


def test_noise_of_two_behaviours_adds_up():
    both = converters(ConverterNoise(rms=0.3), ConverterNoise(rms=0.4))
    np.testing.assert_allclose(both.variance, converters(ConverterNoise(rms=0.5)).variance)
