"""The S4 authors' general block against a slow convolution of its parameters, option by option."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.foreign.arrays import named
from imssa_sim.foreign.check import check_of
from imssa_sim.foreign.choose import choose
from imssa_sim.foreign.network import FloatNetwork, load_network

H, M, L = 4, 3, 25
RNG = np.random.default_rng(5)
U = RNG.normal(size=(2, L, H))


def arrays(copies: int = 1, sets: int = H, real: bool = False, tied: bool = True) -> dict[str, Any]:
    """Return a bare layer without a mixing map unless it has several kernels on a channel."""
    rng = np.random.default_rng(7)
    last = () if real else (2,)
    found = {
        "layer.D": rng.normal(size=(copies, H)),
        "layer.kernel.A_real": rng.normal(size=(sets, M)),
        "layer.kernel.B": rng.normal(size=(1, sets, M, *last)),
        "layer.kernel.C": rng.normal(size=(copies, H, M, *last)),
        "layer.kernel.inv_dt": rng.normal(size=(H, 1 if tied else M)) - 2,
    }
    if not real:
        found["layer.kernel.A_imag"] = rng.uniform(0, 9, size=(sets, M))
    if copies > 1:
        found["output_linear.0.weight"] = rng.normal(size=(H, copies * H))
    return found


def slow(stored: dict[str, Any], A: Any, dt: Any, swap: bool = False, keep: Any = 1) -> Any:
    """Return the outputs behind the map, of A (sets, M) and dt (H, M), with ZOH."""
    own = {name.split(".")[-1]: a for name, a in stored.items() if "linear" not in name}
    B, C = own["B"][0], own["C"]
    if "A_imag" in own:
        B, C = B[..., 0] + 1j * B[..., 1], C[..., 0] + 1j * C[..., 1]
    C = C * keep
    repeats = H // len(A)
    A, B = np.concatenate([A] * repeats), np.concatenate([B] * repeats)
    a, b = np.exp(dt * A), B * (np.exp(dt * A) - 1) / A
    y = np.zeros((2, L, len(C), H))
    for copy in range(len(C)):
        for h in range(H):
            response = [2 * (C[copy, h] * b[h] * a[h] ** n).sum().real for n in range(L)]
            for s in range(2):
                y[s, :, copy, h] = np.convolve(response, U[s, :, h])[:L]
        y[:, :, copy] += U * own["D"][copy]
    flat = (y.swapaxes(2, 3) if swap else y).reshape(2, L, -1)
    return flat @ stored["output_linear.0.weight"].T if len(C) > 1 else flat


def network(stored: dict[str, Any], **options: Any) -> FloatNetwork:
    wanted = {"discretisation": "zoh", "activation": "none"} | options
    if "output_linear.0.weight" in stored:
        wanted["mixing"] = "plain"
    return FloatNetwork(choose(named(stored, "x", {}), "s4block", wanted, None).network)


def usual(stored: dict[str, Any]) -> tuple[Any, Any]:
    A = -np.exp(stored["layer.kernel.A_real"]) + 0j
    if "layer.kernel.A_imag" in stored:
        A = A - 1j * stored["layer.kernel.A_imag"]
    return A, np.exp(stored["layer.kernel.inv_dt"])


@pytest.mark.parametrize(
    "kind",
    [{}, {"copies": 3}, {"sets": 2}, {"sets": 1}, {"real": True}, {"tied": False}],
)
def test_shapes_say_how_the_kernels_are_shared(kind: dict[str, Any]) -> None:
    stored = arrays(**kind)
    np.testing.assert_allclose(network(stored)(U), slow(stored, *usual(stored)), atol=1e-12)


def test_outputs_may_be_ordered_by_channel() -> None:
    stored = arrays(copies=2)
    wanted = slow(stored, *usual(stored), swap=True)
    np.testing.assert_allclose(network(stored, swap_channels=True)(U), wanted, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("none", lambda p: p),
        ("softplus", lambda p: np.log1p(np.exp(p))),
        ("sigmoid", lambda p: 1 / (1 + np.exp(-p))),
        ("relu", lambda p: np.where(p > 0, p, 0) + 1e-4),
    ],
)
def test_transforms(name: str, function: Any) -> None:
    stored = arrays()
    stored["layer.kernel.A_real"] = np.abs(stored["layer.kernel.A_real"])
    stored["layer.kernel.inv_dt"] = np.abs(stored["layer.kernel.inv_dt"]) / 20
    got = network(stored, real_transform=name, imag_transform=name, dt_transform=name)(U)
    A = -function(stored["layer.kernel.A_real"]) - 1j * function(stored["layer.kernel.A_imag"])
    wanted = slow(stored, A, function(stored["layer.kernel.inv_dt"]))
    np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_time_steps_under_a_hyperbolic_sine_at_another_rate() -> None:
    stored = arrays()
    A, _ = usual(stored)
    wanted = slow(stored, A, 0.3 * np.exp(np.sinh(stored["layer.kernel.inv_dt"])))
    np.testing.assert_allclose(network(stored, dt_fast=True, rate=0.3)(U), wanted, atol=1e-12)


def test_modes_beyond_a_band_are_left_out() -> None:
    stored = arrays()
    A, dt = usual(stored)
    frequency = dt * np.abs(A.imag) / (2 * np.pi)
    limit = 2 * float(np.median(frequency))
    wanted = slow(stored, A, dt, keep=frequency < limit / 2)
    np.testing.assert_allclose(network(stored, bandlimit=limit)(U), wanted, atol=1e-12)


def test_arrays_that_do_not_fit_are_named() -> None:
    stored = arrays(copies=2)
    cases = {
        "layer.D": (np.zeros((3, H)), "'layer.kernel.C' has 2 kernels for each channel"),
        "layer.kernel.inv_dt": (np.zeros((H, 2)), r"inv_dt' has shape \(4, 2\), not \(4, 1\)"),
        "layer.kernel.A_real": (np.zeros((3, M)), r"A_imag' has shape \(4, 3\), not \(3, 3\)"),
        "output_linear.0.weight": (np.zeros((5, 2 * H)), "has 5 rows for 4 channels"),
    }
    for name, (array, message) in cases.items():
        with pytest.raises(InputError, match=message):
            network({**stored, name: array})
    with pytest.raises(InputError, match=r"unknown model\.real_transform 'sofplus'"):
        network(stored, real_transform="sofplus")


def test_all_sequences_must_agree_not_only_those_that_decide() -> None:
    stored = arrays()
    inputs = np.concatenate([U] * 3)
    right = network(stored)(inputs)
    wanted = {"activation": "none", "discretisation": "zoh"}
    good = check_of(inputs, right, "io")
    assert choose(named(stored, "x", {}), "s4block", wanted, good).deviation < 1e-9
    wrong = right.copy()
    wrong[-1] *= 1.5
    with pytest.raises(InputError, match="gives the first outputs of io, but is off by"):
        choose(named(stored, "x", {}), "s4block", wanted, check_of(inputs, wrong, "io"))


def test_outputs_that_do_not_decide_are_not_taken_for_a_decision() -> None:
    stored = arrays()
    stored["layer.kernel.C"][:] = 0  # the discretisation does not show
    outputs = U * stored["layer.D"][0]
    with pytest.raises(InputError, match="do not decide; they are right as s4block"):
        choose(named(stored, "x", {}), None, {"activation": "none"}, check_of(U, outputs, "io"))


def test_layers_of_different_states_are_stored_and_of_different_norms_refused(
    tmp_path: Path, refs: Path
) -> None:
    torch = pytest.importorskip("torch")
    state = torch.load(refs / "qs4d_a_float_post.pt", weights_only=True)["model"]
    named_so: dict[str, Any] = {"family": "qs4d", "norm_position": "post"}
    for name in ("C", "log_A_real", "A_imag"):
        full = f"s4_layers.1.kernel.{name}"
        state[full] = state[full][:, :5]
    torch.save(state, tmp_path / "a.pt")
    found = load_network(tmp_path / "a.pt", **named_so)
    assert found.structure.states == (16, 10)
    found.save(tmp_path / "a.safetensors")
    again = load_network(tmp_path / "a.safetensors")
    assert again.structure == found.structure
    x = np.ones((1, 9, 1))
    np.testing.assert_array_equal(again(x), found(x))
    for name in ("running_mean", "running_var"):
        del state[f"norms.1.{name}"]
    torch.save(state, tmp_path / "b.pt")
    with pytest.raises(InputError, match="different norms: batch norm, layer norm"):
        load_network(tmp_path / "b.pt", **named_so)
