"""The two observations of the IMSSA chip, on the shipped networks; 2-bit weights on tiles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.config import load_config
from imssa_sim.mapping.build import build_program
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.quantisation import quantise_network

ROOT = Path(__file__).parents[2]
NOISELESS = ("hardware.effects.faults=false", "hardware.effects.read_noise=false")
CHIPS = 10


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "imssa_two_class", raising=False)
    import imssa_two_class

    return imssa_two_class


def networks(study: Any, name: str) -> list[Path]:
    return list(study.named(study.NETWORKS, name))


def test_ternary_kernels_stand_on_one_array() -> None:
    """A and C take -1, 0, 1 times a power of two on the column's grid, and so do B and D."""
    config = load_config("imssa_two_class").config
    inputs = prepare_inputs(config)
    assert inputs.used.name == "sdigits[0, 1]"
    network = quantise_network(config, inputs)
    (kernel,) = build_program(network, config.hardware, inputs.inputs.shape[1]).kernels
    assert kernel.weights.shape[0] == 1
    values = np.abs(np.unique(kernel.weights))
    assert np.all(np.log2(values[values > 0]) % 1 == 0)
    codes = network.layers[0].kernel
    for part in (codes.a_re, codes.a_im, codes.b_re, codes.b_im, codes.c_re, codes.c_im, codes.d):
        assert set(np.unique(part)) <= {-1, 0, 1}
    # Both signs and zero are in use, otherwise the widths above would mean nothing.
    assert {-1, 0, 1} <= set(np.unique(codes.a_re)) | set(np.unique(codes.c_re))


def test_stuck_on_devices_cost_points_and_their_removal_brings_them_back(study: Any) -> None:
    found = {
        name: study.evaluate(networks(study, "2bit"), 2, CHIPS, *settings)
        for name, settings in {
            "chip": (),
            "no stuck-on": ("hardware.faults.stuck_on=0",),
            "many": ("hardware.faults.stuck_on=0.01",),
        }.items()
    }
    mean = {name: of.chips.mean() for name, of in found.items()}
    assert mean["no stuck-on"] - mean["chip"] > 3
    assert mean["chip"] - mean["many"] > 10
    assert found["chip"].digital.mean() - mean["no stuck-on"] < 3


def test_two_bits_tolerate_more_write_noise_than_five(study: Any) -> None:
    """The same float networks, training, chips and images; only the bits differ.

    In the mean alone: networks vary more among each other (docs/physics.md).
    """
    lost = {}
    for bits in study.WIDTHS:
        clean, noisy = (
            study.evaluate(
                networks(study, f"{bits}bit"), bits, CHIPS, *NOISELESS,
                f"hardware.chip.tile.programming_sigma={sigma} uS",
            ).chips.mean(axis=1)
            for sigma in (0, 15)
        )  # fmt: skip
        lost[bits] = np.mean(clean - noisy)
    assert 5 < lost[2] < lost[5] - 2


def test_the_tolerable_noise_is_interpolated(study: Any) -> None:
    curve = np.interp(study.SIGMAS, [0, 10, 20, 30], [99, 99, 79, 59])
    flat = np.full(len(study.SIGMAS), 90.0)
    # 5 points below 99 lie a quarter of the way from 10 to 20; the grid has points in between.
    assert study.tolerable(np.array([curve]), 5.0)[0] == pytest.approx(12.5)
    assert study.tolerable(np.array([flat]), 5.0)[0] == np.inf
