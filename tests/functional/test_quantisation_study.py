from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.functional.quantisation_study import (
    Point,
    Study,
    against_bits,
    sensitivity,
    threshold,
)
from imssa_sim.model.calibration import CalibrationOptions, Granularities
from imssa_sim.model.forward import forward
from imssa_sim.model.initialise import random_network
from imssa_sim.model.ptq import quantise


@pytest.fixture(scope="module")
def study() -> Study:
    net = random_network(layers=1, width=8, state=8, inputs=1, classes=4)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 20, 1))
    # Untrained logits hardly vary: centred, so that the data decide the class.
    centred = net.decoder_bias - forward(net, x).mean(axis=0)
    net = dataclasses.replace(net, decoder_bias=centred)
    predicted = forward(net, x).argmax(axis=1)
    assert len(np.unique(predicted)) == 4
    labels = np.where(rng.random(120) < 0.9, predicted, (predicted + 1) % 4)
    return Study(net, rng.normal(size=(16, 20, 1)), x, labels, predicted)


def test_points_agree_with_a_run_by_hand(study, random_networks):
    options = {
        "mode": CalibrationOptions(),
        "tensor": CalibrationOptions(granularity=Granularities(state="tensor")),
    }
    points = against_bits(study, [6, 14], options)
    assert [(p.label, p.bits) for p in points] == [
        ("mode", 6), ("mode", 14), ("tensor", 6), ("tensor", 14)
    ]  # fmt: skip
    widths = random_networks.bit_widths(
        **dict.fromkeys(("A", "B", "C", "D", "dt", "state", "linear"), 6),
        kernel_input=6, kernel_output=6, activations=6,
    )  # fmt: skip
    quantised = quantise(study.network, widths, study.calibration, options=options["tensor"])
    predicted = run_digital(quantised, study.inputs).predictions
    assert points[2].accuracy == np.mean(predicted == study.labels)
    assert points[2].agreement == np.mean(predicted == study.reference)
    # With 14 bits the predictions are the float network's but for near ties.
    assert points[1].agreement >= 0.97 > points[2].agreement
    assert points[1].accuracy < 1.0


def test_sensitivity_lowers_one_kind_at_a_time(study):
    points = {p.label: p for p in sensitivity(study, [2], CalibrationOptions(), kinds=["dt", "A"])}
    # With one scale per channel dt is exact at any width, so nothing is lost; A is not.
    assert points["dt"].agreement >= 0.95
    assert points["A"].agreement < points["dt"].agreement


def test_threshold_stops_at_the_first_miss():
    points = [Point("a", b, acc, np.nan) for b, acc in [(4, 0.9), (5, 0.5), (6, 0.9), (8, 1.0)]]
    assert threshold(points, "a", 0.8) == 6
    assert threshold(points, "a", 0.95) == 8
    assert threshold(points, "a", 1.1) is None
    with pytest.raises(InputError, match="labelled 'b'"):
        threshold(points, "b", 0.5)


def test_unknown_kinds_are_refused(study):
    with pytest.raises(InputError, match="did you mean 'state'"):
        sensitivity(study, [4], CalibrationOptions(), kinds=["sate"])
