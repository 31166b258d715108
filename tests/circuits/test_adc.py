import math

import numpy as np
import pytest

from imssa_sim.circuits.adc import Converters, real_converters, sar_codes, silence
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


def converters(hardware, bits=8, **adc):
    config = hardware(adc={"bits": bits, "per_tile": 10, **adc}).adc
    high = (1 << (bits - 1)) - 1
    scale = np.full(SHAPE, 0.25)
    nominal = Converters(scale, np.full(SHAPE, 0.5), -high - 1, high)
    return real_converters(nominal, USED, config, WHERE)


def test_no_errors_are_the_nominal_converter(hardware):
    found = converters(hardware)
    assert found.table is None
    assert np.all(found.variance == 0)
    assert np.all(found.scale == 0.25)
    assert np.all(found.offset == 0.5)


@pytest.mark.parametrize("bits", [3, 8, 11])
@pytest.mark.parametrize("fine", [1, 4])
def test_a_perfect_sar_is_uniform(bits, fine):
    codes = sar_codes(bits, np.zeros(bits), fine)
    assert np.array_equal(codes, np.repeat(np.arange(1 << bits), fine))


def test_spreads_and_sharing(hardware):
    found = converters(hardware, gain_spread=0.01, offset_spread=0.5)
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


def test_noise_and_effective_bits(hardware):
    assert converters(hardware, noise=0.7).variance[0, 0] == pytest.approx((0.7 * 4) ** 2)
    # noise and quantisation together: a converter of 7 bits has LSB/√12 of twice the size
    total = converters(hardware, enob=7.0).variance[0, 0] + 4**2 / 12
    assert total == pytest.approx((2 * 4) ** 2 / 12)
    with pytest.raises(InputError, match=r"enob 9\.0 exceeds"):
        converters(hardware, enob=9.0)


def test_mismatch_is_measured_as_inl(hardware):
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


def test_the_table_stands_for_the_codes(hardware):
    found = converters(hardware, bits=6, mismatch=0.05)
    perfect = converters(hardware, bits=6)
    acc = np.random.default_rng(0).uniform(-150, 150, (50, *SHAPE))
    real = np.stack([convert(found, a) for a in acc])
    ideal = np.stack([convert(perfect, a) for a in acc])
    assert real.min() == -32
    assert real.max() == 31
    assert 0.01 < np.mean(real != ideal) < 0.5
    assert np.abs(real - ideal).max() <= 3
    tiny = converters(hardware, bits=6, mismatch=1e-9)
    same = np.stack([convert(tiny, a) for a in acc])
    assert np.mean(same != ideal) < 1e-3  # inputs within a sixteenth step of a transition


def test_tables_that_would_fill_the_memory_are_refused(hardware):
    with pytest.raises(InputError, match="use fewer bits"):
        converters(hardware, bits=16, mismatch=0.01)


@pytest.mark.parametrize("mismatch", [0.0, 0.02])
def test_a_dead_converter_takes_all_its_columns(hardware, mismatch):
    sound = converters(hardware, mismatch=mismatch, offset_spread=0.5)
    found = silence(sound, USED, 10, 0.2, WHERE)
    acc = np.random.default_rng(0).uniform(-400, 400, (20, *SHAPE))
    codes = np.stack([convert(found, a) for a in acc])
    dead = np.all(codes == 0, axis=0)
    groups = dead.reshape(30, 10, 4)
    assert np.all(groups == groups[:, :, :1])
    assert groups[:, :, 0].mean() == pytest.approx(0.2, abs=5 * math.sqrt(0.16 / 300))
    expected = np.stack([convert(sound, a) for a in acc])
    assert np.array_equal(codes[:, ~dead], expected[:, ~dead])
    assert np.array_equal(convert(silence(sound, USED, 10, 0.0, WHERE), acc[0]), expected[0])
