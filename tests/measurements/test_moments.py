"""Likelihood and criterion of fitted moments, against scipy's normal density."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from imssa_sim.measurements.moments import fit_moments


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_the_likelihood_is_that_of_normal_values(scale):
    generator = np.random.default_rng(4)
    x = np.repeat(np.linspace(1.0, 30.0, 12), 25) * scale
    y = scale * (0.02 * x / scale + (0.3 + 0.02 * x / scale) * generator.normal(size=len(x)))
    known = np.full(len(x), (0.1 * scale) ** 2)
    found = fit_moments(x, y, known)
    spread = np.sqrt(found.spread_at(x) ** 2 + known)
    by_hand = norm.logpdf(y, found.mean_at(x), spread).sum()
    assert found.likelihood == pytest.approx(by_hand, abs=1e-3)
    assert found.bic == pytest.approx(found.size * math.log(len(x)) - 2 * found.likelihood)
