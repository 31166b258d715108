"""Pruning of modes against networks whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.model.forward import forward
from imssa_sim.model.initialise import random_network
from imssa_sim.model.pruning import mode_saliency, prune_modes


def network_of(bidirectional=False):
    return random_network(
        layers=2, width=4, state=10, inputs=2, classes=3, initialisation="lin",
        dt_range=(0.05, 0.5), bidirectional=bidirectional, seed=2,
    )  # fmt: skip


def inputs_of(count=6, steps=30):
    return np.random.default_rng(0).normal(size=(count, steps, 2))


def silenced(network, dead):
    """The network with C = 0 at the modes ``dead`` (H, M) of every layer."""

    def quiet(layer):
        k = layer.kernel
        reverse = None if k.C_reverse is None else np.where(dead, 0, k.C_reverse)
        return replace(layer, kernel=replace(k, C=np.where(dead, 0, k.C), C_reverse=reverse))

    return replace(network, layers=tuple(quiet(layer) for layer in network.layers))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_modes_without_output_go_first_and_take_nothing_with_them(bidirectional):
    rng = np.random.default_rng(1)
    dead = np.array([rng.permutation(5) < 2 for _ in range(4)])
    network = silenced(network_of(bidirectional), dead)
    x = inputs_of()
    saliency = mode_saliency(network, x)
    pruned = prune_modes(network, 3, saliency)
    assert pruned.modes == 3
    assert all((s[dead] == 0).all() for s in saliency)
    assert np.allclose(forward(pruned, x), forward(network, x), rtol=1e-9, atol=1e-12)


def test_saliency_is_the_error_of_leaving_a_mode_out():
    """One mode left: its share is one; two of equal weight and opposite sign: a half each."""
    network = network_of()
    saliency = mode_saliency(network, inputs_of())
    assert all(np.allclose(s.sum(axis=1), 1) for s in saliency)
    single = prune_modes(network, 1, saliency)
    assert all(np.allclose(s, 1) for s in mode_saliency(single, inputs_of()))

    # Against a direct convolution: energy of 2 Re(C A^l B) * u for each mode of the first layer.
    from imssa_sim.model.discretise import discretise

    caught = {}
    forward(network, inputs_of(), capture=lambda name, v: caught.setdefault(name, np.array(v)))
    u = caught["layer0.kernel_input"]
    kernel = network.layers[0].kernel
    a, b = discretise(kernel, "zoh")
    steps = np.arange(u.shape[1])
    energy = np.zeros(a.shape)
    for h, n in np.ndindex(*a.shape):
        response = 2 * (kernel.C[h, n] * b[h, n] * a[h, n] ** steps).real
        out = [np.convolve(response, sequence[:, h])[: len(steps)] for sequence in u]
        energy[h, n] = np.mean(np.square(out))
    assert np.allclose(saliency[0], energy / energy.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("modes", [0, 6])
def test_impossible_sizes_are_refused(modes):
    network = network_of()
    with pytest.raises(InputError, match="cannot keep"):
        prune_modes(network, modes, mode_saliency(network, inputs_of()))


def test_inputs_of_another_width_are_refused():
    with pytest.raises(InputError, match="saliencies need"):
        mode_saliency(network_of(), np.zeros((2, 5, 3)))
