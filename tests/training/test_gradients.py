"""Derivatives by every parameter and range, against finite differences of the loss.

All families and blocks of float networks in double precision; networks of integers with codes so
fine that rounding does not show in the difference.
"""

from __future__ import annotations

import numpy as np
import pytest

from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.model.ptq import nearest_turns
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.ssm.forms import output_form

torch = pytest.importorskip("torch", reason="training needs PyTorch")

SIZES = {"width": 4, "state": 4, "inputs": 2, "classes": 3, "dt_range": (0.05, 0.5)}


def inputs_of(count, length):
    return np.random.default_rng(0).normal(size=(count, length, 2)).astype(np.float32)


def directions_of(module):
    """A direction in which each parameter is moved: none of its entries may have a wrong sign."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for name, p in module.named_parameters()
    }


def slopes_of(module, loss, step):
    """Return by name the derivative along a direction, as trained with and as the loss changes."""
    module.zero_grad()
    loss().backward()
    found = {}
    for name, direction in directions_of(module).items():
        if name.startswith("ranges."):
            continue  # tests/training/test_range_gradients.py
        parameter = module.get_parameter(name)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                before = parameter.clone()
                parameter += sign * step * direction
                ends.append(float(loss()))
                parameter.copy_(before)
        assert parameter.grad is not None, name
        found[name] = (float((parameter.grad * direction).sum()), (ends[0] - ends[1]) / (2 * step))
    return found


FLOATS = [
    {"norm": norm, "norm_position": position, "bidirectional": both, "discretisation": method}
    for norm, position, both, method in (
        ("layer", "post", False, "zoh"), ("batch", "pre", True, "bilinear"),
        ("none", "post", True, "zoh"), ("layer", "pre", False, "bilinear"),
    )
] + [
    {"family": "s5"}, {"family": "s5", "bidirectional": True, "discretisation": "bilinear"},
    {"family": "lru"}, {"family": "qs4d"},
    {"family": "s4block", "bidirectional": True, "discretisation": "bilinear"},
    {"family": "s4block", "composition": Composition(copies=2)},
    {"composition": Composition(activation="tanh", mixing="plain", pooling="last")},
    {"composition": Composition(activation="none", mixing="silu", output="log_softmax")},
    {"composition": Composition(activation="elu", mixing="half_glu2", residual=False)},
]  # fmt: skip


def named(made):
    return " ".join(str(v) for v in made.values())[:60]


@pytest.mark.parametrize("made", FLOATS, ids=named)
def test_every_parameter_of_a_float_network_has_the_slope_of_the_loss(made):
    from imssa_sim.training.torch_network import NetworkModule

    module = NetworkModule(random_network(layers=2, **SIZES, **made)).double()
    inputs = torch.from_numpy(inputs_of(6, 11)).double()
    labels = torch.arange(6) % 3

    def loss():
        return torch.nn.functional.cross_entropy(module(inputs), labels)

    found = slopes_of(module, loss, 1e-5)
    assert len(found) == len(list(module.parameters()))
    for name, (slope, expected) in found.items():
        assert slope == pytest.approx(expected, rel=1e-4, abs=1e-8), name
    assert sum(abs(slope) > 1e-6 for slope, _ in found.values()) > 0.8 * len(found)


def test_every_trainable_family_is_walked_over():
    from imssa_sim.training.kernel_modules import MODULES

    assert set(MODULES) == {"s4d", *(made["family"] for made in FLOATS if "family" in made)}


def fine_module(layers, form, norm, position, both, channels):
    """A network of integers whose ranges clip nothing, with codes that rounding does not show."""
    from imssa_sim.training.qat_network import QatModule

    network = random_network(
        layers=layers, **SIZES, norm=norm, norm_position=position, bidirectional=both,
        initialisation="lin",
    )  # fmt: skip
    bits = BitWidths(**dict.fromkeys(BIT_KINDS, 15))
    granularity = Granularities(kernel_input="channel" if channels else "tensor")
    options = CalibrationOptions(activations="max", granularity=granularity)
    inputs = inputs_of(32, 24)
    ranges = calibrate(network, inputs, bits, options)
    turns = nearest_turns(network, output_form(form))
    module = QatModule(
        network, TrainedQuantisers(bits, output_form(form), 24, options, ranges, turns)
    )
    with torch.no_grad():
        for logarithm in module.ranges.values():
            logarithm += 0.3  # so that nothing clips on the way
    return module.train(), torch.from_numpy(inputs)


FORMS = [
    (2, "lookahead", "layer", "post", False, False),
    (1, "lookahead", "layer", "pre", True, True),
    (1, "lookahead", "batch", "post", True, False),
    (1, "separate", "layer", "pre", False, True),
    (1, "separate", "none", "post", True, False),
    (2, "separate", "batch", "pre", False, False),
    (1, "delta", "layer", "post", True, True),
    (1, "delta_feedback", "batch", "pre", False, False),
]


@pytest.mark.parametrize("made", FORMS, ids=lambda made: "-".join(map(str, made)))
def test_every_parameter_of_a_network_of_integers_has_the_slope_of_the_loss(made):
    module, inputs = fine_module(*made)
    weight = torch.from_numpy(np.random.default_rng(1).normal(size=(len(inputs), 3)))

    def loss():
        return (module(inputs).double() * weight).sum()

    found = slopes_of(module, loss, 0.03)
    for name, (slope, expected) in found.items():
        assert slope == pytest.approx(expected, rel=0.1, abs=0.05), name
    # Far from what rounding leaves of a difference, so that a wrong sign shows.
    assert sum(abs(slope) > 0.12 for slope, _ in found.values()) >= 0.6 * len(found)
