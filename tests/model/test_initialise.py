from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.model.initialise import initial_A, random_network


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


def test_random_network_follows_the_stated_distributions() -> None:
    network = random_network(
        layers=2, width=512, state=16, inputs=3, classes=7, initialisation="lin", seed=1
    )
    kernel = network.layers[1].kernel
    np.testing.assert_allclose(kernel.A, np.tile(initial_A("lin", 8), (512, 1)))
    assert kernel.log_dt.min() >= np.log(1e-3)
    assert kernel.log_dt.max() <= np.log(1e-1)
    # Mean of a uniform variable over (a, b) with 512 draws: within 4 standard errors.
    spread = (np.log(1e-1) - np.log(1e-3)) / np.sqrt(12)
    assert abs(kernel.log_dt.mean() - np.log(1e-2)) < 4 * spread / np.sqrt(512)
    assert abs(np.mean(np.abs(kernel.C) ** 2) - 1) < 4 / np.sqrt(kernel.C.size)
    bound = 1 / np.sqrt(512)
    assert np.abs(network.layers[0].weight).max() <= bound
    assert np.abs(network.layers[0].weight).max() > 0.999 * bound
    assert network.parameters == 512 * 4 + 7 * 513 + 2 * (
        512 + 512 * 8 * 4 + 512 + 1024 * 513 + 2 * 512
    )


def test_published_parameter_count() -> None:
    network = random_network(layers=4, width=128, state=64, inputs=3, classes=10)
    assert network.parameters == 201_482


def test_seed_decides_everything() -> None:
    one, two, other = (
        random_network(layers=1, width=4, state=4, inputs=1, classes=2, seed=s) for s in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.layers[0].kernel.C, two.layers[0].kernel.C)
    assert not np.array_equal(one.layers[0].kernel.C, other.layers[0].kernel.C)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": 7}, "must be even"),
        ({"width": 0}, "model.width is 0"),
        ({"dt_range": (0.1, 0.01)}, "ascending"),
        ({"initialisation": "leg"}, "did you mean 'legs'"),
    ],
)
def test_bad_sizes_are_named(change: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"layers": 1, "width": 4, "state": 4, "inputs": 1, "classes": 2}
    with pytest.raises(InputError, match=message):
        random_network(**(settings | change))  # type: ignore[arg-type]
