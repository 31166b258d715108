"""Calibration of the columns: the fit against NumPy, and what it takes off on programmed tiles."""

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.functional.calibrate_adc import calibrate_adc
from imssa_sim.functional.calibrate_columns import fit_columns
from imssa_sim.functional.digital import run_digital
from imssa_sim.mapping.build import build_program

OFF = dict.fromkeys(
    ("programming_error", "relaxation", "read_noise", "drift", "faults", "ir_drop", "nonlinearity"),
    False,
)
QUANTISATION = 12**-0.5


def readings(gain, offset, reads=400, seed=0, noise=0.0, swing=40.0):
    """Promised and read codes of columns (T, C) with known gains and offsets."""
    rng = np.random.default_rng(seed)
    promised = rng.normal(3.0, swing, (reads, *np.shape(gain)))
    return promised, np.floor(promised * gain + offset + noise * rng.normal(size=promised.shape))


def test_distinct_gains_are_those_of_a_line_through_each_column():
    rng = np.random.default_rng(1)
    gain, offset = rng.uniform(0.5, 1.6, (2, 30)), rng.uniform(-9, 9, (2, 30))
    promised, codes = readings(gain, offset)
    used = np.ones(gain.shape, bool)
    fit = fit_columns(promised, codes.astype(int), -500, 500, used)
    for t in range(2):
        for c in range(30):
            slope, start = np.polyfit(promised[:, t, c], codes[:, t, c] + 0.5, 1)
            assert fit.trim.gain[t, c] == pytest.approx(slope, rel=1e-4)
            assert fit.trim.offset[t, c] == pytest.approx(start, abs=0.01)
    assert np.sqrt(fit.after / fit.readings) < 1.6 * QUANTISATION
    assert np.sqrt(fit.before / fit.readings) > 5


def test_alike_gains_are_drawn_together_where_reads_are_few():
    """The standard errors of 400 columns fall where the columns do not differ (Stein)."""
    gain = np.full((1, 400), 0.9)
    promised, codes = readings(gain, 0.0, reads=12, noise=6.0, swing=20.0)
    fit = fit_columns(promised, codes.astype(int), -500, 500, np.ones(gain.shape, bool))
    alone = np.array([np.polyfit(promised[:, 0, c], codes[:, 0, c], 1)[0] for c in range(400)])
    assert np.std(fit.trim.gain - 0.9) < 0.4 * np.std(alone - 0.9)
    assert fit.trim.gain.mean() == pytest.approx(0.9, abs=5 * alone.std() / 20)


def test_dead_clipped_and_unused_columns_keep_the_nominal_setting():
    promised, codes = readings(np.array([[1.0, 1.0, 0.0, 9.0, 1.3]]), 0.0)
    codes[:, 0, 1] = 127  # always at the end of the range
    used = np.array([[True, True, True, True, False]])
    fit = fit_columns(promised, codes.astype(int), -128, 127, used)
    np.testing.assert_array_equal(fit.trim.gain[0, 1:], 1.0)
    np.testing.assert_array_equal(fit.trim.offset[0, 1:], 0.0)
    assert np.isfinite(fit.after)


def chips(random_networks, adc, **sections):
    sections["effects"] = OFF | sections.get("effects", {})
    return [
        random_networks.hardware(ideal=False, adc=adc | {"calibrate": on}, **sections)
        for on in (False, True)
    ]


def built(random_networks, chip, seed=4, **changes):
    net = random_networks.network(seed, layers=2)
    program = build_program(net, chip)
    x = np.random.default_rng(3).normal(size=(16, net.sequence_length, net.encoder.weight.shape[1]))
    sums = calibrate_adc(program, chip, x)
    network = AnalogNetwork(program, chip, seed=1, calibration=sums, time=60.0, **changes)
    return network, run_digital(net, x), network.run(x)


def rms(network):
    fits = network.instance.fits.values()
    readings = sum(f.readings for f in fits)
    return tuple(np.sqrt(sum(getattr(f, k) for f in fits) / readings) for k in ("before", "after"))


def test_spreads_of_the_converters_are_measured_and_taken_off(random_networks):
    adc = {"bits": 10, "gain_spread": 0.1, "offset_spread": 20.0, "calibration_reads": 256}
    off, on = chips(random_networks, adc, tile={"cell": "cells/ideal"})
    plain, digital, spoilt = built(random_networks, off)
    network, _, mended = built(random_networks, on)
    assert not plain.instance.fits
    before, after = rms(network)
    assert before > 10
    assert after < 2 * QUANTISATION
    wrong, right = (np.abs(r.logits - digital.logits).mean() for r in (spoilt, mended))
    assert right < 0.2 * wrong


def test_it_is_calibrated_behind_wires(random_networks):
    wires = {"word_resistance": 10.0, "bit_resistance": 10.0}
    off, on = chips(
        random_networks, {"bits": 10, "calibration_reads": 256},
        tile={"cell": "cells/taox_imssa", "wires": wires}, effects={"ir_drop": True},
    )  # fmt: skip
    _, digital, spoilt = built(random_networks, off)
    network, _, mended = built(random_networks, on)
    fits = network.instance.fits.values()
    assert np.mean([f.trim.gain.mean() for f in fits]) < 0.95
    before, after = rms(network)
    assert after < 0.5 * before
    wrong, right = (np.abs(r.logits - digital.logits).mean() for r in (spoilt, mended))
    assert right < wrong


def test_without_errors_the_gains_are_one_to_their_own_error(random_networks):
    _, on = chips(
        random_networks, {"bits": 12, "calibration_reads": 512}, tile={"cell": "cells/ideal"}
    )
    network, _, _ = built(random_networks, on)
    for path, fit in network.instance.fits.items():
        assert np.abs(fit.trim.gain - 1).max() < 0.01, path
    assert rms(network)[0] == pytest.approx(QUANTISATION, rel=0.15)


def test_a_calibration_is_that_of_its_own_time(random_networks):
    """Measured early and applied late, the drift between is left; the noise of reads differs."""
    _, on = chips(
        random_networks, {"bits": 10, "calibration_reads": 256},
        tile={"cell": "cells/pcm_joshi_2020"}, effects={"drift": True, "read_noise": True},
    )  # fmt: skip
    network, _, _ = built(random_networks, on)
    day = 86400.0
    stale, fresh = network.later(day, 60.0), network.later(day)
    for path, fit in network.instance.fits.items():
        kept = stale.instance.fits[path].trim
        np.testing.assert_array_equal(kept.gain, fit.trim.gain)
        new = fresh.instance.fits[path].trim
        assert new.gain.mean() < 0.9 * fit.trim.gain.mean()
    again = network.later(60.0, 60.0)
    for path, fit in network.instance.fits.items():
        np.testing.assert_array_equal(again.instance.fits[path].trim.gain, fit.trim.gain)


def test_off_and_ideal_chips_are_not_calibrated(random_networks):
    ideal = random_networks.hardware(adc={"calibrate": True})
    network, digital, result = built(random_networks, ideal)
    assert not network.instance.fits
    np.testing.assert_array_equal(result.logits, digital.logits)


def test_calibration_without_data_is_refused(random_networks):
    _, on = chips(random_networks, {}, tile={"cell": "cells/ideal"})
    net = random_networks.network(4)
    with pytest.raises(InputError, match="the converters need column sums"):
        AnalogNetwork(build_program(net, on), on)
