"""QS4D's fake-quantised forward against its authors': codes, ranges and logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.foreign.network import load_network
from imssa_sim.foreign.qs4d import Levels, fake_quantised, quantise_levels
from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Network

pytest.importorskip("torch")
CASES = {"b_all64_post": Levels.all(64), "b_only_A_quant64_post": Levels(A=64)}


@pytest.fixture
def network(refs: Path) -> Network:
    """Return the network behind all cases."""
    path = refs / "qs4d_a_float_post.pt"
    return load_network(path, family="qs4d", norm_position="post").network


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("alone", [False, True])
def test_logits_and_ranges_are_the_authors(
    refs: Path, network: Network, name: str, alone: bool
) -> None:
    inputs = np.load(refs / "qs4d_a_float_post.npz")["inputs"]
    stored = np.load(refs / f"qs4d_{name}.npz")
    wanted = stored["logits_one_by_one_float64" if alone else "logits_float64"]
    noted: list[tuple[str, int, float]] = []

    def note(name: str, levels: int, largest: float, codes: Any) -> None:
        assert np.array_equal(codes, np.rint(codes))
        assert np.abs(codes).max() == levels // 2
        noted.append((name, levels, largest))

    logits = fake_quantised(network, inputs, CASES[name], alone, note)
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    if alone:
        return
    count = sum(key.endswith(".max_abs") for key in stored.files)
    theirs = [
        tuple(stored[f"quant.{i:02}.{end}"].item() for end in ("name", "levels", "max_abs"))
        for i in range(count)
    ]
    weights = ("encoder", "decoder", "layer0.linear", "layer1.linear")
    ours = [one for one in noted if one[0] not in weights]
    assert [one[:2] for one in ours] == [one[:2] for one in theirs]
    np.testing.assert_allclose([one[2] for one in ours], [one[2] for one in theirs], rtol=1e-6)


def test_without_levels_it_is_the_float_network(refs: Path, network: Network) -> None:
    stored = np.load(refs / "qs4d_a_float_post.npz")
    wanted = stored["logits_float64"]
    logits = fake_quantised(network, stored["inputs"], Levels())
    np.testing.assert_allclose(logits, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


def test_halves_go_to_the_even_code_and_the_range_clips() -> None:
    codes, unit = quantise_levels(np.array([0.5, 1.5, 2.5, -4.0]), 8)
    assert (codes.tolist(), unit) == ([0, 2, 2, -4], 1.0)
    codes, _ = quantise_levels(np.array([9.0, -9.0]), 8, largest=4.0)
    assert codes.tolist() == [4, -4]
    codes, _ = quantise_levels(np.zeros(3), 8)
    assert not codes.any()


def test_levels_of_each_layer(network: Network) -> None:
    x = np.random.default_rng(0).normal(size=(2, 30, 1))
    seen: list[tuple[str, int]] = []
    levels = Levels(A=(8, None), state=(None, 10))
    fake_quantised(network, x, levels, capture=lambda name, q, *_: seen.append((name, q)))
    named = ("layer0.A_real", 8), ("layer0.A_imag", 8), ("layer1.kernel", 5), ("layer1.u", 5)
    assert tuple(seen) == named


def test_other_networks_are_refused() -> None:
    other = random_network(layers=1, width=4, state=4, inputs=1, classes=2)
    with pytest.raises(InputError, match="a network of family qs4d"):
        fake_quantised(other, np.zeros((1, 5, 1)), Levels())


def test_a_check_with_quantised_outputs_is_compared_as_such(refs: Path, tmp_path: Path) -> None:
    inputs = np.load(refs / "qs4d_a_float_post.npz")["inputs"]
    np.savez(tmp_path / "io.npz", inputs=inputs, **np.load(refs / "qs4d_b_all64_post.npz"))
    found = load_network(refs / "qs4d_a_float_post.pt", check=tmp_path / "io.npz")
    assert found.network.family == "qs4d"
    assert found.deviation is not None
    assert found.deviation < 1e-9
    assert any("QS4D's fake-quantised forward" in line for line in found.assumptions)
