from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.signal import lfilter

from imssa_sim.errors import InputError
from imssa_sim.model.initialise import random_network
from imssa_sim.ssm.evaluate import (
    apply_kernel,
    evaluator,
    impulse_response,
    iterate_states,
)
from imssa_sim.ssm.recurrence import Recurrence
from imssa_sim.ssm.s4d.kernel import S4DKernel

SMALL: dict[str, Any] = {"layers": 2, "width": 6, "state": 8, "inputs": 2, "classes": 3}


def naive_kernel(kernel: S4DKernel, u: np.ndarray, method: Any) -> np.ndarray:
    """The definition, as loops over one channel, step and mode."""
    a, b = kernel.discrete(method)
    batch, length, channels = u.shape
    y = np.zeros(u.shape)
    for s in range(batch):
        for h in range(channels):
            x = np.zeros(kernel.modes, dtype=complex)
            for k in range(length):
                x = a[h] * x + b[h] * u[s, k, h]
                y[s, k, h] = 2 * (kernel.C[h] @ x).real + kernel.D[h] * u[s, k, h]
            if kernel.C_reverse is not None:
                x = np.zeros(kernel.modes, dtype=complex)
                for k in range(length - 2, -1, -1):
                    x = a[h] * x + b[h] * u[s, k + 1, h]
                    y[s, k, h] += 2 * (kernel.C_reverse[h] @ x).real
    return y


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("method", ["zoh", "bilinear"])
def test_kernel_matches_its_definition(bidirectional: bool, method: Any) -> None:
    rng = np.random.default_rng(1)
    kernel = random_network(**SMALL, bidirectional=bidirectional, initialisation="lin").layers[0]
    u = rng.normal(size=(2, 11, 6))
    expected = naive_kernel(kernel.kernel, u, method)
    for mode in ("convolution", "recurrent"):
        np.testing.assert_allclose(
            apply_kernel(kernel.kernel, u, method, mode), expected, atol=1e-12
        )


def test_impulse_response_is_the_kernel_of_the_paper() -> None:
    kernel = random_network(**SMALL, initialisation="inv").layers[0].kernel
    a, b = kernel.discrete("zoh")
    (recurrence,) = kernel.recurrences("zoh")
    K = impulse_response(recurrence, 37)
    powers = a[..., None] ** np.arange(37)
    np.testing.assert_allclose(
        K, 2 * np.einsum("hm,hml->hl", kernel.C * b, powers).real, atol=1e-13
    )


def test_bidirectional_offset_as_in_the_authors_code() -> None:
    # y_l = sum_j k0[j] u[l-j] + sum_j k1[j] u[l+1+j], as two plain correlations.
    rng = np.random.default_rng(4)
    kernel = random_network(**SMALL, bidirectional=True).layers[0].kernel
    u = rng.normal(size=(1, 9, 6))
    k0, k1 = (impulse_response(r, 9) for r in kernel.recurrences("zoh"))
    for h in range(6):
        expected = np.convolve(u[0, :, h], k0[h])[:9] + kernel.D[h] * u[0, :, h]
        ahead = np.convolve(u[0, ::-1, h], k1[h])[:9][::-1]
        expected[:-1] += ahead[1:]
        np.testing.assert_allclose(apply_kernel(kernel, u, "zoh")[0, :, h], expected, atol=1e-12)


def test_states_agree_with_scipys_filter() -> None:
    rng = np.random.default_rng(8)
    kernel = random_network(**SMALL, initialisation="lin", seed=2).layers[0].kernel
    u = rng.normal(size=(3, 50, 6))
    a, b = kernel.discrete("bilinear")
    (recurrence,) = kernel.recurrences("bilinear")
    for channel, states in iterate_states(recurrence, u):
        for m in range(4):
            filtered = lfilter([b[channel, m]], [1, -a[channel, m]], u[:, :, channel], axis=1)
            np.testing.assert_allclose(states[:, :, m], filtered, atol=1e-13)


def test_reverse_states_run_from_the_end() -> None:
    rng = np.random.default_rng(9)
    kernel = random_network(**SMALL, initialisation="lin").layers[0].kernel
    u = rng.normal(size=(2, 30, 6))
    (recurrence,) = kernel.recurrences("zoh")
    mirrored = [s.copy() for _, s in iterate_states(recurrence, u[:, ::-1])]
    for channel, states in iterate_states(replace(recurrence, reverse=True), u):
        np.testing.assert_allclose(states, mirrored[channel][:, ::-1], atol=1e-14)


def dense(paired: list[bool], reverse: bool = False, blocks: int = 2, width: int = 3) -> Recurrence:
    """Blocks that mix their channels, as S5's and LRU's do."""
    rng = np.random.default_rng(len(paired))
    pairs = np.tile(paired, (blocks, 1))

    def drawn(*shape: int, mask: np.ndarray) -> np.ndarray:
        return rng.normal(size=shape) + 1j * rng.normal(size=shape) * mask

    modes = len(paired)
    a = 0.9 * np.exp(1j * rng.uniform(0.1, 3, (blocks, modes)))
    return Recurrence(
        a=np.where(pairs, a, a.real),
        b=drawn(blocks, modes, width, mask=pairs[..., None]),
        c=drawn(blocks, width, modes, mask=pairs[:, None]),
        d=rng.normal(size=blocks * width),
        paired=pairs,
        reverse=reverse,
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("paired", [[True, True], [False, True, False]])
def test_blocks_that_mix_channels_are_their_real_matrices(
    paired: list[bool], reverse: bool
) -> None:
    """Against x' = A x + B u, y = C x' with the real matrices of all blocks, step by step."""
    recurrence = dense(paired, reverse)
    parts = [recurrence.real_block(block) for block in range(2)]
    A, B, C = (block_diag(*matrices) for matrices in zip(*parts, strict=True))
    assert A.shape == (2 * sum(1 + pair for pair in paired),) * 2
    u = np.random.default_rng(0).normal(size=(2, 9, 6))
    source = u[:, ::-1] if reverse else u
    expected = np.zeros(u.shape)
    for sample in range(2):
        x = np.zeros(len(A))
        for k in range(9):
            before = x
            x = A @ x + B @ source[sample, k]
            expected[sample, k] = C @ (before if reverse else x)
    expected = expected[:, ::-1] if reverse else expected
    for mode in ("recurrent", "convolution"):
        found = evaluator([recurrence], 9, mode, float)(u)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_channels_that_are_mixed_have_no_kernel_each() -> None:
    with pytest.raises(InputError, match="3 inputs and outputs each mix channels"):
        dense([True]).per_channel()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"found \(2, 1\), \(2, 1\), \(2, 1, 3\)"):
        replace(dense([True]), d=np.zeros(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("state", [6, 8])
def test_blocks_of_channels_change_no_bit(
    monkeypatch: pytest.MonkeyPatch, dtype: Any, state: int
) -> None:
    from imssa_sim.ssm import evaluate as module

    network = random_network(
        layers=1, width=44, state=state, inputs=1, classes=2, bidirectional=True, seed=3
    )
    directions = network.layers[0].kernel.recurrences(network.discretisation)
    u = np.random.default_rng(0).normal(size=(2, 90, 44)).astype(dtype)
    whole = evaluator(directions, 90, "convolution", dtype)(u)
    monkeypatch.setattr(module, "_BLOCK_VALUES", 16 * 180)
    parts = evaluator(directions, 90, "convolution", dtype)(u)
    assert parts.dtype == whole.dtype == dtype
    np.testing.assert_array_equal(parts, whole)


KINDS = {
    "causal": {},
    "anticausal": {"reverse": True},
    "anticausal with its own step": {"reverse": True, "inclusive": True},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("besides", [False, True], ids=["alone", "beside a causal one"])
def test_every_kind_of_recurrence_is_the_sum_over_its_steps(kind: str, besides: bool) -> None:
    """As convolution and step by step: which inputs an output sees, and at which power of A."""
    kernel = random_network(**SMALL, initialisation="lin").layers[0].kernel
    (causal,) = kernel.recurrences("zoh")
    one = replace(causal, **KINDS[kind])
    length, u = 9, np.random.default_rng(2).normal(size=(2, 9, 6))
    response = impulse_response(causal, length)
    expected = np.zeros(u.shape)
    reach = {"causal": 0, "anticausal": 1, "anticausal with its own step": 0}[kind]
    for step in range(length):
        for far in range(length):
            seen = step + reach + far if one.reverse else step - far
            if 0 <= seen < length:
                expected[:, step] += response[:, far] * u[:, seen]
            if besides and step - far >= 0:
                expected[:, step] += response[:, far] * u[:, step - far]
    together = (causal, one) if besides else (one,)
    for mode in ("convolution", "recurrent"):
        run = evaluator(together, length, mode, u.dtype)  # type: ignore[arg-type]
        np.testing.assert_allclose(run(u), expected, atol=1e-12)
