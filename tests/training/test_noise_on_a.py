"""Noise on continuous A in training, as QS4D's authors have it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.initialise import random_network
from imssa_sim.model.scales import TrainedQuantisers
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.forward import forward
from imssa_sim.ssm.forms import SEPARATE

torch = pytest.importorskip("torch", reason="training needs PyTorch")

LENGTH, SIGMA = 20, 0.01


def network_of(**given):
    return random_network(**dict(
        layers=2, width=5, state=6, inputs=2, classes=3, initialisation="lin",
        dt_range=(0.05, 0.5), seed=2,
    ) | given)  # fmt: skip


def uneven(network):
    """A network whose Re A differ, so that noise on them has a range to be relative to."""
    rng = np.random.default_rng(7)
    layers = []
    for layer in network.layers:
        moved = layer.kernel.log_A_real + rng.uniform(-0.5, 0.5, layer.kernel.log_A_real.shape)
        layers.append(replace(layer, kernel=replace(layer.kernel, log_A_real=moved)))
    return replace(network, layers=tuple(layers))


def inputs_of(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, LENGTH, 2)).astype(np.float32)


def module_of(network, bits=6, noise_A=SIGMA):
    from imssa_sim.training.qat_network import QatModule

    widths, options = BitWidths(**dict.fromkeys(BIT_KINDS, bits)), CalibrationOptions()
    ranges = calibrate(network, inputs_of(16), widths, options)
    quantisers = TrainedQuantisers(widths, SEPARATE, LENGTH, options, ranges)
    return QatModule(network, quantisers, noise_A=noise_A)


def moved(network, module):
    """The network with a module's noise on its A, by its own parameters: Re A stays negative."""
    layers = []
    for layer, block in zip(network.layers, module.blocks, strict=True):
        A = layer.kernel.A + block.kernel.offset.numpy()
        kernel = replace(layer.kernel, log_A_real=np.log(-A.real), A_imag=A.imag)
        layers.append(replace(layer, kernel=kernel))
    return replace(network, layers=tuple(layers))


@pytest.mark.parametrize("rule", ["zoh", "bilinear"])
def test_float_training_runs_the_network_with_that_A(rule):
    from imssa_sim.training.torch_network import NetworkModule

    network, x = uneven(network_of(discretisation=rule, bidirectional=True)), inputs_of(6)
    module = NetworkModule(network, noise_A=SIGMA).train()
    found = [module(torch.from_numpy(x)).detach().numpy() for _ in range(2)]
    assert not np.allclose(found[0], found[1], atol=1e-4)
    assert np.allclose(found[1], forward(moved(network, module), x), atol=1e-4)
    assert np.allclose(module.eval()(torch.from_numpy(x)).detach(), forward(network, x), atol=1e-4)
    assert all(block.kernel.offset is None for block in module.blocks)


def test_quantised_training_runs_the_integers_of_the_network_with_that_A():
    network, x = uneven(network_of()), inputs_of(6)
    module = module_of(network).train()
    logits = module(torch.from_numpy(x))
    of_moved = module.trained().quantise(moved(module.network(), module))
    expected = run_digital(of_moved, x).logits
    assert np.allclose(logits.detach(), expected, rtol=1e-5, atol=1e-6)
    plain = run_digital(module.quantised(), x).logits
    assert not np.allclose(plain, expected, atol=1e-3)
    logits.sum().backward()
    assert float(module.blocks[0].kernel.log_A_real.grad.abs().sum()) > 0
    assert np.allclose(module.eval()(torch.from_numpy(x)).detach(), plain, rtol=1e-5, atol=1e-6)


def test_derivatives_are_taken_at_that_A():
    from imssa_sim.training.torch_network import NetworkModule

    network, x = uneven(network_of()), torch.from_numpy(inputs_of(6))
    module = NetworkModule(network, noise_A=SIGMA).train()
    module(x).square().sum().backward()
    other = NetworkModule(moved(network, module))
    other(x).square().sum().backward()
    for one, two in zip(module.blocks, other.blocks, strict=True):
        assert torch.allclose(one.kernel.A_imag.grad, two.kernel.A_imag.grad, rtol=1e-3, atol=1e-4)
        assert torch.allclose(one.kernel.C.grad, two.kernel.C.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", ["s4d", "s5"])
def test_the_deviation_is_relative_to_the_range_of_each_part(family):
    from imssa_sim.training.torch_network import NetworkModule

    network = network_of(family=family, layers=1, state=16)
    if family == "s4d":
        network = uneven(network)
    module = NetworkModule(network, noise_A=0.05).train()
    kernel = module.blocks[0].kernel
    A = kernel.continuous().detach().numpy()
    drawn = []
    for _ in range(400):
        module.draw_noise()
        drawn.append(kernel.offset.numpy())
    for part in ("real", "imag"):
        spread = np.ptp(getattr(A, part))
        sigma = getattr(np.asarray(drawn), part).std()
        assert sigma == pytest.approx(0.05 * spread, rel=0.05, abs=1e-9)


def test_kernels_that_hold_A_itself_are_moved_likewise():
    network, x = network_of(family="s4block", bidirectional=True), inputs_of(6)
    module = module_of(network).train()
    logits = module(torch.from_numpy(x)).detach()
    layers = []
    for layer, block in zip(module.network().layers, module.blocks, strict=True):
        kernel = replace(layer.kernel, A=layer.kernel.A + block.kernel.offset.numpy())
        layers.append(replace(layer, kernel=kernel))
    of_moved = module.trained().quantise(replace(module.network(), layers=tuple(layers)))
    assert np.allclose(logits, run_digital(of_moved, x).logits, rtol=1e-5, atol=1e-6)


def test_without_A_in_continuous_time_noise_on_it_is_refused():
    from imssa_sim.training.torch_network import NetworkModule

    with pytest.raises(InputError, match=r"train\.noise_A: LRU has no A in continuous time"):
        NetworkModule(network_of(family="lru"), noise_A=0.1)
