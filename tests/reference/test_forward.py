from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.model.elementwise import gelu, glu, normalise
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Norm
from imssa_sim.reference.forward import accuracy, forward
from imssa_sim.ssm.evaluate import apply_kernel
from imssa_sim.threads import use_threads

SMALL: dict[str, Any] = {"layers": 2, "width": 6, "state": 8, "inputs": 2, "classes": 3}


@settings(max_examples=25, deadline=None)
@given(
    bidirectional=st.booleans(),
    norm=st.sampled_from(["layer", "batch", "none"]),
    position=st.sampled_from(["pre", "post"]),
    method=st.sampled_from(["zoh", "bilinear"]),
    initialisation=st.sampled_from(["lin", "inv", "legs", "real"]),
    length=st.integers(1, 70),
    seed=st.integers(0, 1000),
)
def test_recurrence_equals_convolution(
    bidirectional: bool,
    norm: Any,
    position: Any,
    method: Any,
    initialisation: Any,
    length: int,
    seed: int,
) -> None:
    network = random_network(
        **SMALL,
        bidirectional=bidirectional,
        norm=norm,
        norm_position=position,
        discretisation=method,
        initialisation=initialisation,
        seed=seed,
    )
    inputs = np.random.default_rng(seed).normal(size=(2, length, 2))
    difference = forward(network, inputs) - forward(network, inputs, "recurrent")
    assert np.abs(difference).max() < 1e-10


def test_long_sequence_agrees_to_ten_digits() -> None:
    network = random_network(layers=4, width=16, state=64, inputs=1, classes=10)
    inputs = np.random.default_rng(0).normal(size=(2, 1024, 1))
    difference = forward(network, inputs) - forward(network, inputs, "recurrent")
    assert np.abs(difference).max() < 1e-10


def test_batch_is_chunked_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(**SMALL)
    inputs = np.random.default_rng(0).normal(size=(7, 20, 2))
    whole = forward(network, inputs)
    monkeypatch.setattr("imssa_sim.reference.forward._CHUNK_ELEMENTS", 2 * 20 * 6)
    sizes: list[int] = []
    chunked = forward(
        network, inputs, capture=lambda n, a: sizes.append(len(a)) if n == "pooled" else None
    )
    np.testing.assert_allclose(chunked, whole, atol=1e-13)
    assert sizes == [2, 2, 2, 1]


@pytest.mark.parametrize("position", ["pre", "post"])
def test_captured_values_chain_together(position: Any) -> None:
    network = random_network(**SMALL, norm_position=position, seed=3)
    inputs = np.random.default_rng(2).normal(size=(3, 15, 2))
    seen: dict[str, np.ndarray] = {}
    logits = forward(network, inputs, capture=lambda name, a: seen.setdefault(name, a.copy()))
    names = [
        "residual", "kernel_input", "kernel_output", "gelu", "linear", "glu", "sum",
    ]  # fmt: skip
    assert list(seen) == [
        "input",
        *(f"layer{i}.{n}" for i in (0, 1) for n in names),
        "final",
        "pooled",
    ]
    layer = network.layers[1]
    assert layer.norm is not None
    at = {n: seen[f"layer1.{n}"] for n in names}
    kernel_input = normalise(layer.norm, at["residual"]) if position == "pre" else at["residual"]
    np.testing.assert_allclose(at["kernel_input"], kernel_input)
    y = apply_kernel(layer.kernel, at["kernel_input"], "zoh", "recurrent")
    np.testing.assert_allclose(at["kernel_output"], y, atol=1e-12)
    np.testing.assert_allclose(at["gelu"], gelu(at["kernel_output"]))
    np.testing.assert_allclose(at["linear"], at["gelu"] @ layer.weight.T + layer.bias)
    np.testing.assert_allclose(at["glu"], glu(at["linear"]))
    np.testing.assert_allclose(at["sum"], at["residual"] + at["glu"])
    last = at["sum"] if position == "pre" else normalise(layer.norm, at["sum"])
    np.testing.assert_allclose(seen["final"], last)
    np.testing.assert_allclose(seen["pooled"], last.mean(axis=1))
    np.testing.assert_allclose(
        logits, seen["pooled"] @ network.decoder_weight.T + network.decoder_bias
    )


def test_normalisations_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    v = rng.normal(2, 3, size=(4, 5, 6))
    gain, offset = rng.normal(size=6), rng.normal(size=6)
    layer = (normalise(Norm(gain, offset, epsilon=0.0), v) - offset) / gain
    np.testing.assert_allclose(layer.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(layer.std(axis=-1), 1)
    mean, variance = rng.normal(size=6), rng.uniform(0.5, 2, 6)
    batch = normalise(Norm(gain, offset, mean, variance, epsilon=0.0), v)
    np.testing.assert_allclose(batch, (v - mean) / np.sqrt(variance) * gain + offset)


def test_gelu_uses_the_error_function() -> None:
    # Golden values: 1 * Phi(1) and -2 * Phi(-2) from tables of the normal distribution.
    np.testing.assert_allclose(
        gelu(np.array([1.0, -2.0, 0.0])), [0.8413447460685429, -0.0455002638963584, 0.0], rtol=1e-12
    )


def test_accuracy_counts_the_largest_logit() -> None:
    network = random_network(**SMALL)
    inputs = np.random.default_rng(0).normal(size=(8, 5, 2))
    labels = forward(network, inputs).argmax(axis=1)
    assert accuracy(network, inputs, labels) == 1.0
    labels[:2] = (labels[:2] + 1) % 3
    assert accuracy(network, inputs, labels) == 0.75


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 1), (3, 0, 2)])
def test_wrong_input_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"\(batch, steps, 2\)"):
        forward(random_network(**SMALL), np.zeros(shape))


def test_unknown_mode_is_named() -> None:
    with pytest.raises(InputError, match="unknown mode 'fft'"):
        forward(random_network(**SMALL), np.zeros((1, 2, 2)), "fft")  # type: ignore[arg-type]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_single_precision_stays_close(bidirectional: bool, norm: Any) -> None:
    network = random_network(
        layers=4, width=16, state=64, inputs=1, classes=10, bidirectional=bidirectional, norm=norm
    )
    inputs = np.random.default_rng(0).normal(size=(6, 1024, 1)).astype(np.float32)
    exact = forward(network, inputs)
    single = forward(network, inputs, precision="single")
    assert 0 < np.abs(single - exact).max() < 2e-5 * np.abs(exact).max()
    stepwise = forward(network, inputs[:1], "recurrent", precision="single")
    assert np.abs(stepwise - exact[:1]).max() < 2e-5 * np.abs(exact).max()


def test_activations_in_single_precision() -> None:
    x = np.linspace(-12, 12, 20001)
    # The bound of Abramowitz and Stegun's 7.1.26, half of it times x, and rounding.
    assert np.abs(gelu(x.astype(np.float32)) - gelu(x)).max() < 0.5 * 1.5e-7 * 12 + 1e-6
    z = np.stack([np.ones_like(x), x], axis=-1)
    assert np.abs(glu(z.astype(np.float32)) - glu(z)).max() < 2e-7


def test_unknown_precision_is_named() -> None:
    with pytest.raises(InputError, match="unknown precision 'half'"):
        forward(random_network(**SMALL), np.zeros((1, 2, 2)), precision="half")  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_captures_keep_the_order_of_the_batch_on_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "5")
    monkeypatch.setattr("imssa_sim.reference.forward._CHUNK_ELEMENTS", 20 * 6)
    inputs = np.random.default_rng(0).normal(size=(12, 20, 2))
    seen: dict[str, list[np.ndarray]] = {}
    with use_threads(threads):
        forward(
            random_network(**SMALL),
            inputs,
            capture=lambda name, a: seen.setdefault(name, []).append(a.copy()),
        )
    np.testing.assert_array_equal(np.concatenate(seen["input"]), inputs)
    whole: dict[str, np.ndarray] = {}
    monkeypatch.undo()
    forward(
        random_network(**SMALL), inputs, capture=lambda name, a: whole.setdefault(name, a.copy())
    )
    for name, parts in seen.items():
        np.testing.assert_allclose(np.concatenate(parts), whole[name], atol=1e-13)


def test_an_error_in_a_capture_ends_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imssa_sim.reference.forward._CHUNK_ELEMENTS", 20 * 6)
    seen = 0

    def capture(name: str, values: np.ndarray) -> None:
        nonlocal seen
        seen += name == "layer0.gelu"
        if seen == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), use_threads(4):
        forward(random_network(**SMALL), np.zeros((9, 20, 2)), capture=capture)


def test_blocks_of_tokens_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    from imssa_sim.reference import forward as module

    network = random_network(**SMALL, seed=4)
    inputs = np.random.default_rng(0).normal(size=(2, 50, 2))
    whole: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    forward(network, inputs, capture=lambda name, v: whole.update({name: v.copy()}))
    monkeypatch.setattr(module, "_WHOLE", 40)
    monkeypatch.setattr(module, "_BLOCK", 40)
    block = module._by_tokens(lambda v: v * 2, np.arange(300.0).reshape(2, 50, 3))
    np.testing.assert_array_equal(block, 2 * np.arange(300.0).reshape(2, 50, 3))
    forward(network, inputs, capture=lambda name, v: parts.update({name: v.copy()}))
    assert set(parts) == set(whole)
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)
