from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.ssm.s4d.initialise import initial_A


def hippo_legs(size: int) -> np.ndarray:
    """HiPPO-LegS entry by entry, as in Gu et al. 2020 (arXiv 2008.07669), equation of theorem 2."""
    A = np.zeros((size, size))
    for n in range(size):
        for k in range(size):
            if n > k:
                A[n, k] = -np.sqrt(2 * n + 1) * np.sqrt(2 * k + 1)
            elif n == k:
                A[n, k] = -(n + 1)
    return A


@pytest.mark.parametrize("modes", [1, 2, 8, 32])
def test_legs_is_the_spectrum_of_the_normal_part(modes: int) -> None:
    size = 2 * modes
    P = np.sqrt(np.arange(size) + 0.5)
    spectrum = np.linalg.eigvals(hippo_legs(size) + np.outer(P, P))
    upper = np.sort_complex(spectrum[spectrum.imag > 0].imag)
    A = initial_A("legs", modes)
    np.testing.assert_allclose(A.imag, upper.real, rtol=1e-9)
    np.testing.assert_allclose(spectrum.real, -0.5, atol=1e-9)
    np.testing.assert_array_equal(A.real, -0.5)


def test_inverse_law_approximates_legs() -> None:
    # Conjecture 1 of arXiv 2206.11893: the imaginary parts of S4D-LegS follow those of S4D-Inv.
    legs = np.sort(initial_A("legs", 64).imag)[::-1]
    inv = initial_A("inv", 64).imag
    np.testing.assert_allclose(legs[:3], inv[:3], rtol=0.04)


def test_closed_forms() -> None:
    np.testing.assert_allclose(initial_A("lin", 3), [-0.5, -0.5 + 1j * np.pi, -0.5 + 2j * np.pi])
    np.testing.assert_array_equal(initial_A("real", 3), [-1, -2, -3])
    # N = 4: (4/pi)(4/1 - 1) and (4/pi)(4/3 - 1)
    np.testing.assert_allclose(initial_A("inv", 2), [-0.5 + 12j / np.pi, -0.5 + 4j / (3 * np.pi)])
