from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.model.structure import Structure
from imssa_sim.model.tensors import network_from_tensors
from imssa_sim.reference.forward import forward

torch = pytest.importorskip("torch", reason="training needs PyTorch")

SIZES: dict[str, Any] = {"layers": 2, "width": 6, "state": 8, "inputs": 2, "classes": 3}


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(
    ("norm", "position"), [("layer", "post"), ("batch", "pre"), ("none", "post")]
)
@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_module_computes_the_float_reference(
    bidirectional: bool, norm: Any, position: Any, method: Any
) -> None:
    from imssa_sim.training.torch_network import NetworkModule

    network = random_network(
        **SIZES,
        bidirectional=bidirectional,
        norm=norm,
        norm_position=position,
        discretisation=method,
        initialisation="lin",
    )
    module = NetworkModule(network, dropout=0.3).eval()
    inputs = np.random.default_rng(0).normal(size=(3, 70, 2)).astype(np.float32)
    logits = module(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(logits, forward(network, inputs), atol=2e-5)
    back = network_from_tensors(module.tensors(), "module", None, Structure.of(network))
    np.testing.assert_allclose(forward(back, inputs), forward(network, inputs), atol=1e-5)


@pytest.mark.parametrize(
    "made",
    [
        {"activation": "relu", "mixing": "plain", "residual": False, "pooling": "last"},
        {"activation": "none", "mixing": "silu", "output": "log_softmax"},
        {"activation": "glu", "mixing": "half_glu1", "pooling": "none"},
        {"activation": "gelu_tanh", "mixing": "half_glu2"},
        {"activation": "softplus", "mixing": "none", "pooling": "none"},
        {"activation": "elu", "mixing": "sigmoid"},
    ],
)
def test_modules_of_other_blocks_are_the_float_network(made: Any) -> None:
    from imssa_sim.training.torch_network import NetworkModule

    composition = Composition(**made)
    if composition.problem(SIZES["width"]):
        composition = replace(composition, mixing="glu")
    network = random_network(**SIZES, composition=composition)
    module = NetworkModule(network, dropout=0.3).eval()
    inputs = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
    outputs = module(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(outputs, forward(network, inputs), atol=2e-5)
    back = network_from_tensors(module.tensors(), "module", Structure.of(network))
    np.testing.assert_allclose(forward(back, inputs), forward(network, inputs), atol=1e-5)
    assert (module.train()(torch.from_numpy(inputs)).detach().numpy() != outputs).any()  # dropout


@pytest.mark.parametrize(
    ("family", "both", "method"),
    [("s5", False, "zoh"), ("s5", True, "bilinear"), ("lru", False, "zoh")],
)
def test_modules_of_one_state_are_the_float_network(family: str, both: bool, method: Any) -> None:
    from imssa_sim.training.torch_network import NetworkModule

    network = random_network(
        **SIZES, family=family, bidirectional=both, discretisation=method, dt_range=(0.1, 0.5)
    )
    module = NetworkModule(network, dropout=0.3).eval()
    inputs = np.random.default_rng(0).normal(size=(3, 20, 2)).astype(np.float32)
    outputs = module(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(outputs, forward(network, inputs), atol=2e-5)
    back = network_from_tensors(module.tensors(), "module", Structure.of(network))
    np.testing.assert_allclose(forward(back, inputs), forward(network, inputs), atol=1e-5)
    module.blocks[0].kernel.damp(0.3)
    damped = network_from_tensors(module.tensors(), "module", Structure.of(network))
    a = damped.layers[0].kernel.recurrences("zoh")[0].a
    assert np.abs(a).max() <= np.exp(-0.3) * (1 + 1e-6)


def test_convolution_has_the_gradients_of_its_definition() -> None:
    from imssa_sim.training.convolution import convolve

    generator = torch.Generator().manual_seed(0)
    u = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    k = torch.randn(3, 10, generator=generator, dtype=torch.float64, requires_grad=True)
    expected = torch.zeros(2, 3, 5, dtype=torch.float64)
    for step in range(5):
        for other in range(5):
            expected[..., step] += k[:, (step - other) % 10] * u[..., other]
    torch.testing.assert_close(convolve(u, k), expected)
    assert torch.autograd.gradcheck(convolve, (u, k))


def test_channels_drop_for_all_steps_and_keep_their_mean() -> None:
    from imssa_sim.training.torch_network import ChannelDropout

    torch.manual_seed(0)
    dropped = ChannelDropout(0.25)(torch.ones(200, 7, 50))
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 1 / 0.75]))
    assert bool((dropped == dropped[:, :1]).all())
    # 200 x 50 draws (the axes are batch, steps, channels).
    standard_error = (0.25 / 0.75 / 10_000) ** 0.5
    assert abs(float(dropped.mean()) - 1) < 4 * standard_error
    x = torch.randn(2, 3, 4)
    assert ChannelDropout(0.25).eval()(x) is x


def test_slow_parameters_have_their_own_rate_and_no_decay() -> None:
    from imssa_sim.training.fit import _parameter_groups
    from imssa_sim.training.schema import TrainSection
    from imssa_sim.training.torch_network import NetworkModule

    module = NetworkModule(random_network(**SIZES))
    names = {id(p): n for n, p in module.named_parameters()}
    others, slow = _parameter_groups(module, TrainSection(lr=0.02, ssm_lr=0.003), 0.0)
    found = {names[id(p)].rsplit(".", 1)[-1] for p in slow["params"]}
    assert found == {"log_dt", "log_A_real", "A_imag"}
    assert (slow["initial_rate"], slow["weight_decay"]) == (0.003, 0.0)
    assert (others["initial_rate"], others["weight_decay"]) == (0.02, 0.01)
    assert len(others["params"]) + len(slow["params"]) == len(names)
    assert _parameter_groups(module, TrainSection(lr=1e-4), 0.0)[1]["initial_rate"] == 1e-4
