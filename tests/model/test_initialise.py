from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.model.initialise import random_network
from imssa_sim.ssm.s4d.initialise import initial_A


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
