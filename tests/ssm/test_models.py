"""Further families: untrained, stored, run as convolutions and step by step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.errors import InputError, InternalError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.checkpoint import load_checkpoint, save_checkpoint
from imssa_sim.model.initialise import random_network
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.forward import forward
from imssa_sim.reference.quantise import quantise
from imssa_sim.ssm.evaluate import apply_kernel
from imssa_sim.ssm.families import FAMILIES
from imssa_sim.ssm.interface import Sizes

SIZES: dict[str, Any] = {"layers": 2, "width": 4, "state": 6, "inputs": 1, "classes": 3}
X = np.random.default_rng(0).normal(size=(3, 30, 1))


@pytest.mark.parametrize("family", ["s4block", "s5", "lru"])
@pytest.mark.parametrize("both", [False, True])
def test_a_family_runs_both_ways_and_is_stored(tmp_path: Path, family: str, both: bool) -> None:
    if family == "lru" and both:
        with pytest.raises(InputError, match="have one direction"):
            random_network(**SIZES, family=family, bidirectional=True)
        return
    network = random_network(**SIZES, family=family, bidirectional=both, seed=3)
    outputs = forward(network, X)
    np.testing.assert_allclose(forward(network, X, "recurrent"), outputs, atol=1e-10)
    save_checkpoint(tmp_path / "a.safetensors", network, {}, exact=True)
    again = load_checkpoint(tmp_path / "a.safetensors").network
    np.testing.assert_array_equal(forward(again, X), outputs)
    assert again.parameters == network.parameters


@pytest.mark.parametrize("real", [False, True])
def test_several_kernels_on_each_channel(real: bool) -> None:
    rng = np.random.default_rng(1)
    sizes = Sizes(3, 4, bidirectional=True, copies=2, real_modes=real)
    kernel = FAMILIES["s4block"].initial(rng, sizes, "lin", (0.01, 0.1))
    assert kernel.sizes == sizes
    assert {n: a.shape[:2] for n, a in kernel.arrays().items()}["kernel.C"][0] == 6
    u = np.concatenate([rng.normal(size=(2, 20, 3))] * 2, axis=-1)
    y = apply_kernel(kernel, u, "zoh")
    np.testing.assert_allclose(apply_kernel(kernel, u, "zoh", "recurrent"), y, atol=1e-12)
    assert not np.allclose(y[..., :3], y[..., 3:])


def test_a_reverse_direction_may_have_its_own_input_in_it() -> None:
    rng = np.random.default_rng(2)
    model = FAMILIES["s5"].initial(rng, Sizes(1, 6, bidirectional=True), "lin", (0.01, 0.1))
    u = rng.normal(size=(2, 25, 1))
    causal, other = model.recurrences("zoh")
    assert other.inclusive
    x, wanted = np.zeros((2, other.a.shape[1]), complex), np.zeros((2, 25, 1))
    for step in range(24, -1, -1):
        x = other.a[0] * x + u[:, step] @ other.b[0].T
        wanted[:, step] = (x @ other.c[0].T).real
    for mode in ("convolution", "recurrent"):
        alone = replace(model, C=np.zeros_like(causal.c[0]), D=np.zeros(1))
        np.testing.assert_allclose(apply_kernel(alone, u, "zoh", mode), wanted, atol=1e-12)


def test_dss_depends_on_the_length() -> None:
    rng = np.random.default_rng(1)
    kernel = FAMILIES["s4block"].initial(rng, Sizes(2, 4), "lin", (0.01, 0.1))
    with pytest.raises(InternalError, match="use for_length first"):
        kernel.recurrences("dss")
    first, second = (kernel.for_length(n).recurrences("dss")[0] for n in (10, 20))
    np.testing.assert_array_equal(first.a, second.a)
    assert not np.allclose(first.b, second.b)


def test_general_blocks_of_the_reference_kind_are_quantised() -> None:
    network = random_network(**SIZES, family="s4block", seed=1)
    outputs = forward(network, X)
    bits = BitWidths(**dict.fromkeys(BIT_KINDS, 14))
    error = np.abs(run_digital(quantise(network, bits, X), X).logits - outputs).max()
    assert error < 0.02 * np.abs(outputs).max()
