"""The network in training and the golden model: equal sample by sample."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from imssa_sim.functional.digital import run_digital
from imssa_sim.model.initialise import random_network
from imssa_sim.model.ptq import nearest_turns
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths, LayeredBits
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.pruning import prune_shares
from imssa_sim.ssm.forms import output_form
from imssa_sim.ssm.kept import kept_modes

torch = pytest.importorskip("torch", reason="training needs PyTorch")

LENGTH = 24


def network_of(norm="layer", position="post", bidirectional=False):
    return random_network(
        layers=2, width=6, state=6, inputs=2, classes=4, norm=norm, norm_position=position,
        bidirectional=bidirectional, initialisation="lin", dt_range=(0.05, 0.5), seed=5,
    )  # fmt: skip


def inputs_of(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, LENGTH, 2)).astype(np.float32)


def quantisers_of(network, form="lookahead", options=None, **bits):
    options = options or CalibrationOptions()
    kinds = dict.fromkeys(BIT_KINDS, 6)
    widths = BitWidths(**kinds | bits)
    if output_form(form).accumulates:
        widths = replace(widths, state=min(widths.state + 5, 16), drive=widths.state)
    ranges = calibrate(network, inputs_of(16), widths, options)
    turns = nearest_turns(network, output_form(form))
    return TrainedQuantisers(widths, output_form(form), LENGTH, options, ranges, turns)


CASES = [
    *product(["lookahead", "separate"], ["layer", "batch", "none"], ["post", "pre"], [False, True]),
    *product(["delta"], ["layer"], ["post", "pre"], [False, True]),
    ("delta_feedback", "batch", "post", True),
]


@pytest.mark.parametrize(("form", "norm", "position", "both"), CASES)
def test_logits_are_those_of_the_golden_model(form, norm, position, both):
    from imssa_sim.training.qat_network import QatModule

    network = network_of(norm, position, both)
    module = QatModule(network, quantisers_of(network, form, state=5, activations=7))
    x = inputs_of(9, seed=1)
    module.eval()
    with torch.no_grad():
        found = module(torch.from_numpy(x)).numpy()
    expected = run_digital(module.quantised(), x)
    # Logits are integers times a scale; float32 holds them to its rounding.
    assert np.allclose(found, expected.logits, rtol=1e-5, atol=1e-6)
    assert np.array_equal(found.argmax(axis=1), expected.predictions)


BY_CHANNEL = CalibrationOptions(granularity=Granularities(kernel_input="channel"))


def uneven(network):
    """A network whose stream has channels of very different ranges."""
    factors = 2.0 ** -np.arange(network.width, dtype=np.float64)
    layers = []
    for layer in network.layers:
        norm = layer.norm
        if norm is not None:
            norm = replace(norm, weight=norm.weight * factors, bias=norm.bias * factors)
        layers.append(replace(layer, norm=norm))
    return replace(
        network,
        encoder_weight=network.encoder_weight * factors[:, None],
        encoder_bias=network.encoder_bias * factors,
        layers=tuple(layers),
    )


@pytest.mark.parametrize("form", ["lookahead", "separate", "delta"])
@pytest.mark.parametrize(("position", "both"), [("post", False), ("pre", True)])
def test_a_scale_for_each_input_of_a_kernel_agrees_before_and_after_training(form, position, both):
    from imssa_sim.training.qat_network import QatModule

    network = uneven(network_of("layer", position, both))
    network = prune_shares(network, inputs_of(16), 0.2, 0.2)
    module = QatModule(network, quantisers_of(network, form, BY_CHANNEL, state=5, activations=7))
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.01)
    x = inputs_of(9, seed=1)
    for step in range(3):
        module.eval()
        with torch.no_grad():
            found = module(torch.from_numpy(x)).numpy()
        expected = run_digital(module.quantised(), x)
        assert np.allclose(found, expected.logits, rtol=1e-5, atol=1e-6), step
        module.train()
        optimiser.zero_grad()
        logits = module(torch.from_numpy(inputs_of(8)))
        torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
        optimiser.step()
    before, after = module.quantisers.ranges, module.trained().ranges
    for one, other in zip(before.layers, after.layers, strict=True):
        ratio = other.kernel_input / one.kernel_input
        assert other.kernel_input.shape == (network.width,)
        assert np.unique(one.kernel_input).size > 1
        assert np.allclose(ratio, ratio[0], rtol=1e-6)
        assert ratio[0] != 1


PRUNED = list(product(["lookahead", "separate"], ["post", "pre"], [False, True]))


@pytest.mark.parametrize(("form", "position", "both"), PRUNED)
def test_pruned_networks_with_bits_by_layer_agree_too_and_stay_pruned(form, position, both):
    from imssa_sim.training.qat_network import QatModule

    network = prune_shares(network_of("layer", position, both), inputs_of(16), 0.3, 0.3)
    before = [kept_modes(layer.kernel) for layer in network.layers]
    kinds = dict.fromkeys(BIT_KINDS, 7)
    layers = (BitWidths(**kinds | {"state": 5, "activations": 6}), BitWidths(**kinds))
    options = CalibrationOptions()
    bits = LayeredBits(**kinds, layers=layers)
    ranges = calibrate(network, inputs_of(16), bits, options)
    module = QatModule(network, TrainedQuantisers(bits, output_form(form), LENGTH, options, ranges))
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.01)
    for _ in range(3):
        module.train()
        logits = module(torch.from_numpy(inputs_of(8)))
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
        optimiser.step()
    x = inputs_of(9, seed=1)
    module.eval()
    with torch.no_grad():
        found = module(torch.from_numpy(x)).numpy()
    quantised = module.quantised()
    assert np.allclose(found, run_digital(quantised, x).logits, rtol=1e-5, atol=1e-6)
    after = [kept_modes(layer.kernel) for layer in module.network().layers]
    assert all(np.array_equal(a.channels, b.channels) for a, b in zip(after, before, strict=True))
    assert all(np.array_equal(a.modes, b.modes) for a, b in zip(after, before, strict=True))
    assert sum(layer.kernel.channels for layer in quantised.layers) == 8
    parts = [quantised.layers[i].kernel.state_requant.bits for i in range(2)]
    assert parts == [5, 7]


def test_float_training_keeps_what_was_pruned_at_zero():
    from imssa_sim.training.torch_network import NetworkModule

    network = prune_shares(network_of(bidirectional=True), inputs_of(16), 0.3, 0.3)
    module = NetworkModule(network)
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(
            module(torch.from_numpy(inputs_of(8))), torch.arange(8) % 4
        ).backward()
        optimiser.step()
    for block, layer in zip(module.s4_layers, network.layers, strict=True):
        now = torch.view_as_complex(block.kernel.C).detach().numpy()
        assert np.array_equal(now == 0, layer.kernel.C == 0)
        assert np.array_equal(block.D.detach().numpy() == 0, layer.kernel.D == 0)


def test_every_parameter_and_range_has_a_finite_gradient():
    from imssa_sim.training.qat_network import QatModule

    network = network_of(bidirectional=True)
    module = QatModule(network, quantisers_of(network))
    module.train()
    logits = module(torch.from_numpy(inputs_of(8)))
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    missing = [n for n, p in module.named_parameters() if not p.grad.abs().sum() > 0]
    assert not missing


@pytest.mark.parametrize("size", ["state", "output", "weights"])
def test_noise_disturbs_training_and_evaluation_only_where_asked(size):
    from imssa_sim.training.noise import Noise
    from imssa_sim.training.qat_network import QatModule

    network, inputs = network_of(), torch.from_numpy(inputs_of(8))
    quiet, noisy = (
        QatModule(network, quantisers_of(network), noise=noise)
        for noise in (None, Noise(**{size: 0.2}))
    )
    expected = quiet.eval()(inputs)
    assert torch.equal(noisy.eval()(inputs), expected)
    noisy.noisy_evaluation = True
    assert not torch.equal(noisy(inputs), expected)
    noisy.noisy_evaluation = False
    assert not torch.equal(noisy.train()(inputs), quiet.train()(inputs))


def wider_states(quantisers):
    """Room above the largest state, which would drive with a clipped code."""
    ranges = quantisers.ranges
    layers = tuple(replace(layer, state=1.02 * layer.state) for layer in ranges.layers)
    return replace(quantisers, ranges=replace(ranges, layers=layers))


@pytest.mark.parametrize(
    ("form", "inputs"),
    [
        ("lookahead", "tensor"),
        ("delta", "tensor"),
        ("delta", "channel"),
        ("delta_feedback", "tensor"),
    ],
)
def test_gradient_approaches_that_of_the_float_network_with_fine_codes(form, inputs):
    """Where 14 bits make rounding negligible, straight-through is the true derivative."""
    from imssa_sim.training.qat_network import QatModule
    from imssa_sim.training.torch_network import NetworkModule

    network = network_of()
    fine = dict.fromkeys(BIT_KINDS, 14)
    options = CalibrationOptions(activations="max", granularity=Granularities(kernel_input=inputs))
    module = QatModule(network, wider_states(quantisers_of(network, form, options, **fine)))
    plain = NetworkModule(network)
    x, labels = torch.from_numpy(inputs_of(16)), torch.arange(16) % 4
    for each in (module, plain):
        torch.nn.functional.cross_entropy(each(x), labels).backward()
    wanted = dict(plain.named_parameters())
    for name, parameter in module.named_parameters():
        if name in wanted:
            expected = wanted[name].grad
            assert float((parameter.grad - expected).norm()) < 0.03 * float(expected.norm()), name


@pytest.mark.parametrize("form", ["lookahead", "delta", "delta_feedback"])
def test_stored_quantisers_rebuild_the_same_integers(tmp_path, form):
    from imssa_sim.model.checkpoint import load_checkpoint, save_checkpoint
    from imssa_sim.training.qat_network import QatModule

    network = network_of()
    options = CalibrationOptions(granularity=Granularities(state="channel", kernel_input="channel"))
    module = QatModule(network, quantisers_of(network, form, options))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.01 * torch.randn(parameter.shape)
    path = tmp_path / "net.safetensors"
    save_checkpoint(path, module.network(), {}, module.trained())
    loaded = load_checkpoint(path)
    assert loaded.quantisers is not None
    x = inputs_of(9, seed=2)
    again = run_digital(loaded.quantisers.quantise(loaded.network), x)
    assert np.array_equal(again.logits, run_digital(module.quantised(), x).logits)
    assert loaded.quantisers.options.granularity.state == "channel"
    assert loaded.quantisers.form == output_form(form)
