"""Derivatives by the ranges of quantisers, against finite differences of the loss."""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import REFERENCE, Composition
from imssa_sim.model.ptq import nearest_turns
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.ssm.forms import output_form

torch = pytest.importorskip("torch", reason="training needs PyTorch")

STEEP = ("state", "state_reverse", "kernel_input", "input", "final", "pooled")
"""Ranges that this loss depends on far beyond what the codes' rounding does to the difference."""
STEP = 0.02
"""Of the logarithm of a range; many values pass the clip within it, so the slope is smooth."""


def module_of(form, bidirectional, norm, position, composition=REFERENCE, family="s4d"):
    """A network whose ranges clip: fine codes, so that rounding does not show, and tight ranges."""
    from imssa_sim.training.qat_network import QatModule

    network = random_network(
        layers=1, width=8, state=6, inputs=2, classes=4, norm=norm, norm_position=position,
        bidirectional=bidirectional, initialisation="lin", dt_range=(0.05, 0.5), seed=5,
        composition=composition, family=family,
    )  # fmt: skip
    bits = BitWidths(**dict.fromkeys(BIT_KINDS, 13))
    options = CalibrationOptions()
    inputs = np.random.default_rng(0).normal(size=(64, 48, 2)).astype(np.float32)
    ranges = calibrate(network, inputs, bits, options)
    turns = nearest_turns(network, output_form(form))
    quantisers = TrainedQuantisers(bits, output_form(form), 48, options, ranges, turns)
    module = QatModule(network, quantisers)
    with torch.no_grad():
        for name, logarithm in module.ranges.items():
            # An input that is cut off just where the residual stream is would stand on the kink.
            logarithm -= 1.1 if name.endswith("kernel_input") else 0.7
    module.train()
    return module, torch.from_numpy(inputs)


CASES = {
    ("lookahead", False, "layer", "post"): (STEEP, 0.04),
    ("separate", True, "layer", "post"): (STEEP, 0.04),
    ("delta", False, "layer", "post"): (STEEP, 0.04),
    ("lookahead", True, "batch", "pre"): (("state", "state_reverse", "kernel_input"), 0.12),
    ("delta_feedback", True, "layer", "pre"): (("state", "state_reverse", "kernel_input"), 0.12),
    ("lookahead", False, "layer", "post", Composition("none", "silu")): (STEEP, 0.04),
    ("separate", True, "layer", "post", Composition("none", residual=False)): (STEEP, 0.04),
    ("lookahead", True, "layer", "post", REFERENCE, "s5"): (
        ("input", "final", "pooled", "state_reverse"), 0.05,
    ),
}  # fmt: skip
"""Ranges whose slope is far from what may be missed: before a norm, what is clipped is uneven."""


@pytest.mark.parametrize("made", CASES, ids=lambda made: "-".join(map(str, made[:4])))
def test_every_range_has_the_slope_of_the_loss(made):
    steep, missed = CASES[made]
    module, inputs = module_of(*made)
    weight = torch.from_numpy(
        np.random.default_rng(1).normal(size=(len(inputs), 4)).astype(np.float32)
    )

    def loss():
        return (module(inputs) * weight).sum()

    loss().backward()
    slopes, found = {}, {}
    for name, logarithm in module.ranges.items():
        slopes[name] = float(logarithm.grad.sum())
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                logarithm += sign * STEP
                ends.append(float(loss()))
                logarithm -= sign * STEP
        found[name] = (ends[0] - ends[1]) / (2 * STEP)
    assert min(abs(value) for name, value in found.items() if name.endswith(steep)) > 1.2 * missed
    for name, slope in slopes.items():
        assert slope == pytest.approx(found[name], rel=0.3, abs=missed), name


def test_a_gate_beyond_where_the_sigmoid_is_one_clips_nothing_more():
    """The range of a gate's codes ends there (`imssa_sim.model.ptq`), so that it has no slope."""
    module, inputs = module_of("lookahead", False, "layer", "post")
    (gate,) = (logarithm for name, logarithm in module.ranges.items() if name.endswith("gate"))
    found = []
    for reach in (1.0, 30.0, 40.0):
        with torch.no_grad():
            gate.copy_(torch.tensor(reach).log())
        module.zero_grad()
        logits = module(inputs)
        logits.square().sum().backward()
        found.append((logits.detach(), float(gate.grad)))
    assert abs(found[0][1]) > 1e-3
    assert found[1][1] == found[2][1] == 0.0
    assert torch.equal(found[1][0], found[2][0])
