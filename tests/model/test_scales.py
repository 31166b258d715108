"""Trained quantisers in checkpoints: what is stored, when a run uses them, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.checkpoint import load_checkpoint, save_checkpoint
from imssa_sim.model.initialise import random_network
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.quantise import quantise
from imssa_sim.ssm.forms import DELTA, LOOKAHEAD, SEPARATE

LENGTH = 20
BITS = BitWidths(**dict.fromkeys(BitWidths.__dataclass_fields__, 7))


@pytest.fixture
def network():
    return random_network(
        layers=2, width=5, state=6, inputs=2, classes=3, bidirectional=True,
        initialisation="lin", dt_range=(0.05, 0.5), seed=1,
    )  # fmt: skip


@pytest.fixture
def inputs():
    return np.random.default_rng(0).normal(size=(8, LENGTH, 2))


@pytest.fixture
def quantisers(network, inputs):
    options = CalibrationOptions()
    ranges = calibrate(network, inputs, BITS, options)
    return TrainedQuantisers(BITS, LOOKAHEAD, LENGTH, options, ranges)


def test_known_ranges_give_what_calibration_gives(network, inputs, quantisers):
    """The two ways to a quantised network meet where the ranges are the same."""
    calibrated = run_digital(quantise(network, BITS, inputs), inputs)
    known = run_digital(quantisers.quantise(network), inputs)
    assert np.array_equal(known.logits, calibrated.logits)


def test_differences_are_named(quantisers):
    same = (BITS, LOOKAHEAD, LENGTH, CalibrationOptions())
    assert quantisers.difference(*same) == ""
    assert "bits.A 5 instead of 7" in quantisers.difference(replace(BITS, A=5), *same[1:])
    assert "separate instead of lookahead" in quantisers.difference(BITS, SEPARATE, *same[2:])
    assert "21 steps instead of 20" in quantisers.difference(*same[:2], 21, same[3])
    # Ranges of activations are stored, so the method that would find them does not matter.
    assert quantisers.difference(*same[:3], CalibrationOptions(activations="max")) == ""
    assert "weight ranges mse" in quantisers.difference(
        *same[:3], CalibrationOptions(weights="mse")
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("quantisers.input", None, "missing tensor 'quantisers.input'"),
        ("quantisers.layers.1.state", np.zeros((5, 2), np.float32), r"shape \(5, 3\)"),
        ("quantisers.final", np.array(np.nan, np.float32), "finite ranges"),
        ("quantisers.layers.0.gate", np.array(-1, np.float32), "not negative"),
        ("quantisers.layers.2.gate", np.array(1, np.float32), "unexpected tensor"),
    ],
)
def test_damaged_quantisers_are_refused(tmp_path, network, quantisers, name, value, message):
    from safetensors import safe_open

    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, {}, quantisers)
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        texts = file.metadata()
    tensors.pop(name, None)
    if value is not None:
        tensors[name] = value
    save_file(tensors, path, metadata=texts)
    with pytest.raises(InputError, match=message):
        load_checkpoint(path)


def test_turns_are_kept(tmp_path, network, inputs):
    """Those of the network when training began, not those of what became of it."""
    bits = replace(BITS, state=12, drive=7)
    ranges = calibrate(network, inputs, bits, CalibrationOptions())
    turns = tuple(np.full((5, 3), q) for q in (1, 2))
    path = tmp_path / "net.safetensors"
    for given, kept in ((turns, (1, 2)), ((), (0, 0))):
        own = TrainedQuantisers(bits, DELTA, LENGTH, CalibrationOptions(), ranges, given)
        save_checkpoint(path, network, {}, own)
        stored = load_checkpoint(path).quantisers
        assert stored is not None
        for layer, q in zip(stored.quantise(network).layers, kept, strict=True):
            for kernel in layer.kernels:
                assert np.all(kernel.turns == q)


@pytest.mark.parametrize("wrong", [np.full((5, 3), 4), np.full((5, 2), 1)])
def test_wrong_turns_are_refused(tmp_path, network, quantisers, wrong):
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, {}, replace(quantisers, form=DELTA, turns=(wrong, wrong)))
    with pytest.raises(InputError, match=r"turns' must hold 0, 1, 2 or 3 in shape \(5, 3\)"):
        load_checkpoint(path)


def test_a_checkpoint_without_quantisers_has_none(tmp_path, network):
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, network, {})
    assert load_checkpoint(path).quantisers is None
