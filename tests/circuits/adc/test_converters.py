"""Gain and offset of a converter set against what its column was found to have."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.circuits.adc.converters import Converters, Trim


def codes(converters: Converters, sums: np.ndarray) -> np.ndarray:
    """Outer codes of exact sums (n, T, C), as fine parts of one."""
    inner = np.floor(sums * converters.scale + converters.offset)
    return inner / converters.fine


@pytest.mark.parametrize("fine", [1, 4, 8])
def test_a_trimmed_converter_gives_the_promised_codes(fine: int) -> None:
    """A column that reads gain·x + offset gives x after trimming, with fine inner codes too."""
    rng = np.random.default_rng(fine)
    gain, offset = rng.uniform(0.5, 1.7, (2, 5)), rng.uniform(-9, 9, (2, 5))
    scale = rng.uniform(0.05, 0.2, (2, 5))
    nominal = Converters(scale * fine, np.full((2, 5), 0.5 * fine), -500, 500, fine=fine)
    sums = rng.uniform(-300, 300, (400, 2, 5))
    # What arrives at the converter of a column with that gain and offset, both in codes.
    arriving = (sums * scale * gain + 0.5 * gain - 0.5 + offset) / scale
    error = codes(nominal.trimmed(Trim(gain, offset)), arriving) - codes(nominal, sums)
    assert np.abs(error).max() <= 1.0 / fine + 0.5 + 1e-9
    assert np.abs(error.mean(axis=0)).max() < 0.6


def test_noise_of_a_raised_gain_counts_for_more() -> None:
    nominal = Converters(np.ones((1, 2)), np.zeros((1, 2)), -8, 7, variance=np.full((1, 2), 3.0))
    trimmed = nominal.trimmed(Trim(np.array([[2.0, 0.5]]), np.zeros((1, 2))))
    np.testing.assert_allclose(trimmed.variance, [[12.0, 0.75]])
