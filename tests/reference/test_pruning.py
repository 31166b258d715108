"""Pruning of modes against networks whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.errors import InputError
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.initialise import random_network
from imssa_sim.model.ptq import quantise_with_ranges
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths
from imssa_sim.reference.calibration import calibrate
from imssa_sim.reference.forward import forward
from imssa_sim.reference.pruning import kernel_saliency, mode_saliency, prune_modes, prune_shares
from imssa_sim.ssm.forms import output_form
from imssa_sim.ssm.kept import kept_modes


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
    caught = {}
    forward(network, inputs_of(), capture=lambda name, v: caught.setdefault(name, np.array(v)))
    u = caught["layer0.kernel_input"]
    kernel = network.layers[0].kernel
    a, b = kernel.discrete("zoh")
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


def mean_square(network, pruned, x, layer):
    """Mean squared change of a layer's linear outputs, with the same inputs to its kernels."""
    caught = []
    for each in (network, pruned):
        seen = {}
        forward(each, x, capture=lambda name, v, seen=seen: seen.setdefault(name, np.array(v)))
        caught.append(seen[f"layer{layer}.linear"])
    return float(np.square(caught[0] - caught[1]).sum(axis=-1).mean())


def test_kernel_saliency_is_the_error_of_leaving_a_kernel_out():
    """Against the network that really lacks one kernel and has its mean in the bias."""
    network, x = network_of(), inputs_of()
    shares = kernel_saliency(network, x)[0].shares
    errors = []
    for channel in range(4):
        layer = network.layers[0]
        seen = {}
        forward(network, x, capture=lambda name, v, seen=seen: seen.setdefault(name, np.array(v)))
        mean = seen["layer0.gelu"].mean(axis=(0, 1))[channel]
        out = np.arange(4) == channel
        kernel = replace(
            layer.kernel, C=np.where(out[:, None], 0, layer.kernel.C), D=layer.kernel.D * ~out
        )
        bias = layer.bias + layer.weight[:, channel] * mean
        changed = replace(network, layers=(replace(layer, kernel=kernel, bias=bias),
                                           network.layers[1]))  # fmt: skip
        errors.append(mean_square(network, changed, x, 0))
    assert np.allclose(shares, np.array(errors) / np.sum(errors), rtol=1e-9)
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_shares_are_pruned_and_every_layer_keeps_something(bidirectional):
    network, x = network_of(bidirectional), inputs_of()
    pruned = prune_shares(network, x, kernels=0.5, modes=0.4)
    kept = [kept_modes(layer.kernel) for layer in pruned.layers]
    assert sum(len(entry.channels) for entry in kept) == 4
    assert sum(int(entry.count.sum()) for entry in kept) == 20 - 8
    fewest = prune_shares(network, x, kernels=0.99, modes=0.99)
    kept = [kept_modes(layer.kernel) for layer in fewest.layers]
    assert [len(entry.channels) for entry in kept] == [1, 1]
    assert [int(entry.count.sum()) for entry in kept] == [1, 1]
    best = [int(entry.shares.argmax()) for entry in kernel_saliency(network, x)]
    assert [int(entry.channels[0]) for entry in kept] == best


def test_the_least_salient_kernels_go():
    network, x = network_of(), inputs_of()
    shares = np.stack([entry.shares for entry in kernel_saliency(network, x)])
    pruned = prune_shares(network, x, kernels=3 / 8)
    gone = np.stack([~np.isin(np.arange(4), kept_modes(layer.kernel).channels)
                     for layer in pruned.layers])  # fmt: skip
    assert gone.sum() == 3
    assert shares[gone].max() < shares[~gone].min()


@pytest.mark.parametrize("bad", [{"kernels": 1.0}, {"modes": -0.1}])
def test_shares_out_of_range_are_refused(bad):
    with pytest.raises(InputError, match="share of"):
        prune_shares(network_of(), inputs_of(), **bad)


@pytest.mark.parametrize("form", ["lookahead", "separate"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_was_pruned_is_not_there_and_not_missed(form, bidirectional):
    """The integers without the pruned parts compute what those with zeros in place would.

    The oracle keeps every kernel and mode: weights too small to reach a code instead of zeros.
    """
    network, x = network_of(bidirectional), inputs_of(steps=12)
    pruned = prune_shares(network, x, kernels=0.25, modes=0.3)
    bits = BitWidths(**dict.fromkeys(BIT_KINDS, 10))
    options = CalibrationOptions(granularity=Granularities())
    ranges = calibrate(pruned, x, bits, options)
    lean = quantise_with_ranges(pruned, bits, ranges, 12, output_form(form), options)

    def filled(layer):
        k = layer.kernel
        tiny = {"C": np.where(k.C == 0, 1e-12, k.C), "D": np.where(k.D == 0, 1e-12, k.D)}
        if k.C_reverse is not None:
            tiny["C_reverse"] = np.where(k.C_reverse == 0, 1e-12, k.C_reverse)
        # Weights that nothing feeds must not widen the range of the others.
        weight = np.where((k.C == 0).all(axis=1), 0.0, layer.weight)
        return replace(layer, kernel=replace(k, **tiny), weight=weight)

    full = replace(pruned, layers=tuple(filled(layer) for layer in pruned.layers))
    whole = quantise_with_ranges(full, bits, ranges, 12, output_form(form), options)
    assert [layer.kernel.channels for layer in whole.layers] == [4, 4]
    assert sum(layer.kernel.channels for layer in lean.layers) == 6
    assert sum(layer.kernel.states for layer in lean.layers) == 2 * (30 - 9)
    for i, layer in enumerate(lean.layers):
        other = whole.layers[i]
        assert np.array_equal(layer.linear.weight, other.linear.weight[:, layer.kernel_channels])
        assert layer.kernel.modes == layer.kernel.modes_of.max()
    # The sums differ by the pruned kernels' feed-through alone, which rounds to nothing.
    found, expected = run_digital(lean, x), run_digital(whole, x)
    assert np.array_equal(found.pooled, expected.pooled)
    assert np.allclose(found.logits, expected.logits)


def test_a_layer_of_nothing_keeps_a_kernel_of_one_mode():
    kernel = network_of().layers[0].kernel
    nothing = replace(kernel, C=0 * kernel.C, D=0 * kernel.D)
    found = kept_modes(nothing)
    assert (found.channels.tolist(), found.count.tolist()) == ([0], [1])
    through = nothing.D.copy()
    through[2] = 1.0
    found = kept_modes(replace(nothing, D=through))
    assert (found.channels.tolist(), found.count.tolist()) == ([2], [1])
    every = kept_modes(nothing, all_channels=True)
    assert every.channels.tolist() == list(range(len(kernel.D)))
    assert set(every.count) == {1}
