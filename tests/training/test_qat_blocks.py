"""Quantisation-aware training of every composition of block and head, against the golden model."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.model.ptq import nearest_turns
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.forward import forward
from imssa_sim.reference.pruning import prune_shares
from imssa_sim.ssm.forms import output_form

torch = pytest.importorskip("torch", reason="training needs PyTorch")

LENGTH = 20
QS4D = Composition(activation="none", residual=False)
BLOCKS = {
    "qs4d": (QS4D, {"norm": "batch"}),
    "qs4d pre": (QS4D, {"norm_position": "pre", "bidirectional": True}),
    "imssa": (Composition(activation="none", mixing="relu", residual=False), {"norm": "none"}),
    "relu": (Composition(activation="relu", mixing="plain"), {"norm": "batch"}),
    "functions": (Composition(activation="gelu_tanh", mixing="tanh"), {"norm_position": "pre"}),
    "softplus": (Composition(activation="softplus", mixing="sigmoid"), {"bidirectional": True}),
    "silu": (Composition(activation="silu", mixing="elu", residual=False), {}),
    "glu": (Composition(activation="glu", mixing="plain", pooling="last"), {"norm": "none"}),
    "glu glu": (Composition(activation="glu", pooling="none"), {"norm_position": "pre"}),
    "no map": (Composition(activation="elu", mixing="none", output="log_softmax"), {}),
    "nothing": (Composition("none", "none", False), {"norm": "none", "bidirectional": True}),
    "half 1": (Composition(mixing="half_glu1"), {"norm_position": "pre"}),
    "half 2": (Composition(mixing="half_glu2", pooling="last"), {"bidirectional": True}),
    "half bare": (Composition(mixing="half_glu2", residual=False), {"norm": "batch"}),
    "last": (Composition(pooling="last"), {"norm": "batch", "norm_position": "pre"}),
    "steps": (Composition(pooling="none", output="log_softmax"), {}),
    "s4block": (Composition(copies=2), {"family": "s4block", "discretisation": "bilinear"}),
    "s4block both": (
        Composition(activation="glu", copies=2, mixing="plain"),
        {"family": "s4block", "bidirectional": True, "norm_position": "pre"},
    ),
    "s5": (Composition(mixing="half_glu1"), {"family": "s5", "norm_position": "pre"}),
    "s5 both": (
        Composition(activation="relu", mixing="half_glu2"),
        {"family": "s5", "bidirectional": True, "discretisation": "bilinear"},
    ),
    "lru": (Composition(pooling="last"), {"family": "lru", "norm": "batch"}),
}
FINE = BitWidths(**dict.fromkeys(BIT_KINDS, 16))
ROOM = 0.1
"""Of the logarithm of ranges above the largest values, so that rounding clips none of them."""


def network_of(made, **given):
    return random_network(
        layers=2, width=6, state=4, inputs=2, classes=3, initialisation="lin",
        dt_range=(0.05, 0.5), seed=5, composition=made, **given,
    )  # fmt: skip


def inputs_of(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, LENGTH, 2)).astype(np.float32)


def module_of(network, widths, form="lookahead", options=None):
    from imssa_sim.training.qat_network import QatModule

    options, form = options or CalibrationOptions(), output_form(form)
    ranges = calibrate(network, inputs_of(16), widths, options)
    turns = nearest_turns(network, form) if form.accumulates else ()
    return QatModule(network, TrainedQuantisers(widths, form, LENGTH, options, ranges, turns))


def agree(module, seed=1):
    """Whether a module gives what the golden model of its integers gives."""
    x = inputs_of(9, seed)
    module.eval()
    with torch.no_grad():
        found = module(torch.from_numpy(x)).numpy()
    expected = run_digital(module.quantised(), x)
    same = np.allclose(found, expected.logits, rtol=1e-5, atol=1e-6)
    return same and np.array_equal(found.argmax(axis=-1), expected.predictions)


def loss_of(logits):
    """Return a loss with a derivative by every logit, of every step where there are steps."""
    if isinstance(logits, torch.Tensor):
        return (logits * torch.arange(1.0, logits.numel() + 1).view(logits.shape).sin()).sum()
    return float((logits * np.sin(np.arange(1.0, logits.size + 1)).reshape(logits.shape)).sum())


def trained(module, steps=2):
    """Take steps of training, which move every range and parameter."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.01)
    for _ in range(steps):
        module.train()
        optimiser.zero_grad()
        loss_of(module(torch.from_numpy(inputs_of(8)))).backward()
        optimiser.step()
    return module


@pytest.mark.parametrize(("name", "form"), [*zip(BLOCKS, cycle(("separate", "delta")))])
def test_training_and_golden_model_agree_before_and_after_steps(name, form):
    made, given = BLOCKS[name]
    widths = BitWidths(**dict.fromkeys(BIT_KINDS, 6))
    widths = replace(widths, activations=7, kernel_output=5)
    if form == "delta":
        widths = replace(widths, state=10, drive=6)
    options = CalibrationOptions(granularity=Granularities(kernel_input="channel"))
    network = network_of(made, **given)
    module = module_of(network, widths, form, options if form == "delta" else None)
    assert agree(module)
    before = module.quantised()
    assert agree(trained(module))
    assert module.quantised().input_scale != before.input_scale
    missing = [n for n, p in module.named_parameters() if p.grad is None]
    assert not missing
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())


@pytest.mark.parametrize("name", ["qs4d", "relu", "no map", "softplus", "half 2"])
def test_pruned_blocks_agree_too(name):
    made, given = BLOCKS[name]
    network = prune_shares(network_of(made, **given), inputs_of(16), 0.3, 0.3)
    assert agree(trained(module_of(network, BitWidths(**dict.fromkeys(BIT_KINDS, 6)))))


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_are_finite_differences_of_the_float_network(name):
    """With 16 bits rounding is negligible: straight-through is the derivative along a direction."""
    made, given = BLOCKS[name]
    module = module_of(network_of(made, **given), FINE, options=CalibrationOptions("max"))
    with torch.no_grad():
        for logarithm in module.ranges.values():
            logarithm += ROOM
    x = inputs_of(5)
    loss_of(module(torch.from_numpy(x))).backward()
    parameters = dict(module.named_parameters())
    stored = {n: p for n, p in parameters.items() if not n.startswith("ranges.")}
    rng = np.random.default_rng(3)
    step = 1e-5
    for tensor, parameter in stored.items():
        held, along = parameter.detach().clone(), rng.normal(size=tuple(parameter.shape))
        ends = []
        for sign in (1, -1):
            moved = moved_network(module, tensor, held.double().numpy() + sign * step * along)
            ends.append(loss_of(forward(moved, x)))
        slope = (ends[0] - ends[1]) / (2 * step)
        found = float((parameter.grad.double().numpy() * along).sum())
        size = float(np.abs(parameter.grad.double().numpy() * along).sum())
        assert found == pytest.approx(slope, abs=0.005 * size + 1e-4), tensor


@pytest.mark.parametrize(
    ("name", "weights", "kernel"),
    [
        ("qs4d", "one_sided", "fused_lookahead"),
        ("glu glu", "one_sided", "fused_lookahead"),
        ("half 2", "differential", "fused_delayed"),
        ("s4block", "one_sided", "fused_lookahead"),
        ("s5 both", "four_line", "fused_lookahead"),
        ("softplus", "four_line", "fused_delayed"),
    ],
)
def test_on_a_drawn_chip_a_block_gives_what_the_simulated_chip_gives(
    random_networks, name, weights, kernel
):
    from imssa_sim.functional.analog import AnalogNetwork
    from imssa_sim.functional.calibrate_adc import calibrate_adc
    from imssa_sim.mapping.build import build_program
    from imssa_sim.training.drawn_chip import EVALUATION_CHIPS, ChipSource

    made, given = BLOCKS[name]
    tile = {"cell": "cells/rram_milo", "rows": 32, "columns": 32, "weights": weights}
    hardware = random_networks.hardware(tile=tile, ideal=False, mapping={"kernel": kernel})
    chips = ChipSource(hardware, seed=3, time=60.0, calibration=inputs_of(8))
    form = random_networks.form_of(kernel)
    module = module_of(network_of(made, **given), BitWidths(**dict.fromkeys(BIT_KINDS, 7)), form)
    module.chips = chips
    x = inputs_of(6)
    with torch.no_grad():
        found = module.eval()(torch.from_numpy(x)).numpy()
    program = build_program(module.quantised(), hardware)
    analog = AnalogNetwork(
        program, hardware, seed=chips.seed, chip=EVALUATION_CHIPS, time=60.0,
        calibration=calibrate_adc(program, hardware, chips.calibration),
    )  # fmt: skip
    assert np.allclose(found, analog.run(x).logits, rtol=1e-5, atol=1e-6)
    assert not np.allclose(found, run_digital(module.quantised(), x).logits, atol=0.01)
    loss_of(module.train()(torch.from_numpy(x))).backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)


def moved_network(module, tensor, values):
    """Return the float network of a module with one tensor changed, in double precision."""
    from imssa_sim.model.tensors import network_from_tensors

    tensors = {n: np.asarray(a, np.float64) for n, a in module.tensors().items()}
    if tensor in tensors:
        tensors[tensor] = values
    else:  # what a family trains in another form than it stores
        head, _, name = tensor.rpartition(".")
        match name:
            case "log_dt":
                tensors[f"{head}.dt"] = np.exp(values)
            case "log_A_real":
                tensors[f"{head}.A"][..., 0] = -np.exp(values)
            case _:
                tensors[f"{head}.{name.removesuffix('_imag')}"][..., 1] = values
    return network_from_tensors(tensors, "moved", module.structure)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"real_modes": True}, "real modes is not trained"),
        ({"A": lambda A: -A.conj()}, "does not decay"),
        ({"dt": lambda dt: 0 * dt}, "time step is not positive"),
    ],
)
def test_kernels_that_cannot_be_trained_are_named(change, message):
    from imssa_sim.training.torch_network import NetworkModule

    network = network_of(Composition(), family="s4block")
    kernel = network.layers[0].kernel
    given = {n: v(getattr(kernel, n)) if callable(v) else v for n, v in change.items()}
    layers = (replace(network.layers[0], kernel=replace(kernel, **given)), network.layers[1])
    with pytest.raises(InputError, match=message):
        NetworkModule(replace(network, layers=layers))


def test_dss_is_refused_by_name():
    from imssa_sim.training.torch_network import NetworkModule

    with pytest.raises(InputError, match=r"model\.discretisation: dss .* give zoh or bilinear"):
        NetworkModule(network_of(Composition(), family="s4block", discretisation="dss"))


@pytest.mark.parametrize("size", ["state", "output", "weights"])
def test_noise_acts_on_what_tiles_give_of_a_state_for_all_channels(size):
    from imssa_sim.training.noise import Noise

    network = network_of(Composition(), family="s5")
    module = module_of(network, BitWidths(**dict.fromkeys(BIT_KINDS, 7)))
    x = torch.from_numpy(inputs_of(4))
    quiet = module.train()(x)
    module.noise = Noise(**{size: 0.2})
    noisy = module(x)
    assert not torch.equal(noisy, quiet)
    noisy.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters())
