from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.errors import InputError
from imssa_sim.model.initialise import random_network
from imssa_sim.program.metrics import FLOAT_BITS, gain, metrics
from imssa_sim.program.shape import LayerShape, NetworkShape, shape_of
from imssa_sim.quantisation.widths import BIT_KINDS, BitWidths, LayeredBits
from imssa_sim.reference.pruning import prune_shares
from imssa_sim.reference.quantise import quantise

KINDS = list(BIT_KINDS)
SHAPE = NetworkShape.uniform(layers=2, width=3, state=8, inputs=5, classes=6, bidirectional=True)


def widths(value: int, **given_: int) -> BitWidths:
    return BitWidths(**(dict.fromkeys(KINDS, value) | given_))


def test_counts_by_enumeration():
    """Every product and every stored word counted one by one."""
    bits = BitWidths(
        A=2,
        B=3,
        C=4,
        D=5,
        dt=6,
        state=7,
        kernel_input=8,
        kernel_output=9,
        activations=10,
        linear=11,
    )
    length = 13
    effort = dict.fromkeys(("encoder", "A", "B", "C", "D", "linear", "glu", "decoder"), 0)
    adc = dict.fromkeys(("state", "kernel_output", "linear"), 0)
    memory = dict.fromkeys(("A", "B", "C", "D", "state", "linear"), 0)
    for _step in range(length):
        effort["encoder"] += 3 * 5 * 10 * 11
        for _layer in range(2):
            for _channel in range(3):
                effort["D"] += 5 * 8
                effort["glu"] += 10 * 10
                adc["linear"] += 2 * 2**10
                for _direction in range(2):
                    adc["kernel_output"] += 2**9
                    for _mode in range(4):
                        effort["A"] += 4 * 2 * 7
                        effort["B"] += 2 * 3 * 8
                        effort["C"] += 2 * 4 * 7
                        adc["state"] += 2 * 2**7
                effort["linear"] += 2 * 3 * 10 * 11
    effort["decoder"] = 6 * 3 * 10 * 11
    for _layer in range(2):
        for _channel in range(3):
            memory["D"] += 5
            memory["A"] += 2 * 4 * 2 * 2
            memory["B"] += 2 * 4 * 2 * 3
            memory["C"] += 2 * 4 * 2 * 4
            memory["state"] += 2 * 4 * 2 * 7
        memory["linear"] += 6 * 3 * 11
    memory["linear"] += (3 * 5 + 6 * 3) * 11
    found = metrics(SHAPE, bits, length)
    assert found.effort == effort
    assert found.memory == memory
    assert found.adc == adc
    assert metrics(SHAPE, bits, length, analog_linear=False).adc["linear"] == 0
    same = metrics(SHAPE, bits, length, adc_bits=8)
    assert same.total_adc == 13 * 2 * 3 * (2 * 8 + 2 + 2) * 2**8


@given(bits=st.integers(2, 16))
def test_homogeneous_widths_scale_as_they_should(bits):
    found = gain(metrics(SHAPE, FLOAT_BITS, 20), metrics(SHAPE, widths(bits), 20))
    assert found.effort == pytest.approx((32 / bits) ** 2)
    assert found.memory == pytest.approx(32 / bits)
    fewer = gain(metrics(SHAPE, widths(bits + 1), 20), metrics(SHAPE, widths(bits), 20))
    assert fewer.adc == pytest.approx(2.0)


@given(kind=st.sampled_from(KINDS), bits=st.integers(3, 12))
def test_nothing_falls_when_a_width_grows(kind, bits):
    less, more = (
        metrics(SHAPE, widths(8, **{kind: bits}), 9),
        metrics(SHAPE, widths(8, **{kind: bits + 1}), 9),
    )
    totals = ("total_effort", "total_memory", "total_adc")
    changes = [getattr(more, t) - getattr(less, t) for t in totals]
    assert min(changes) >= 0
    # dt is folded into A and B before inference.
    assert (max(changes) > 0) == (kind != "dt")


@pytest.mark.parametrize("both", [False, True])
def test_shape_of_a_network_is_that_of_its_quantised_form(both):
    net = random_network(layers=2, width=3, state=8, inputs=2, classes=5, bidirectional=both)
    quantised = quantise(net, widths(8), np.ones((1, 4, 2)))
    sizes = {"layers": 2, "width": 3, "state": 8, "inputs": 2, "classes": 5}
    expected = NetworkShape.uniform(**sizes, bidirectional=both)
    assert shape_of(net) == shape_of(quantised) == expected
    kernel = quantised.layers[0].kernel
    stored = kernel.a_re.size + kernel.a_im.size
    assert metrics(shape_of(net), widths(8), 4).memory["A"] == 2 * (1 + both) * stored * 8


def test_bad_length_is_refused():
    with pytest.raises(InputError, match="length is 0"):
        metrics(SHAPE, widths(8), 0)


def test_pruned_parts_and_bits_by_layer_count_as_they_are():
    """A layer's part of the network, alone, is a network of its own without the ends."""
    layers = LayerShape(4, 22), LayerShape(6, 48)
    shape = NetworkShape(3, 6, 5, layers)
    inside = (widths(5, state=6), widths(7))
    bits = LayeredBits(**widths(8).widths(), layers=inside)
    found = metrics(shape, bits, 10)
    per_layer = [metrics(NetworkShape(3, 6, 5, (layer,)), w, 10)
                 for layer, w in zip(layers, inside, strict=True)]  # fmt: skip
    for part in ("A", "B", "C", "D", "linear", "glu"):
        assert found.effort[part] == sum(one.effort[part] for one in per_layer)
    assert found.adc == {k: sum(one.adc[k] for one in per_layer) for k in found.adc}
    assert found.effort["A"] == 10 * 4 * (11 * 5 * 6 + 24 * 7 * 7)
    assert found.effort["linear"] == 10 * 2 * 6 * (4 * 5 * 5 + 6 * 7 * 7)
    assert found.effort["encoder"] == 10 * 6 * 3 * 8 * 8
    assert found.memory["linear"] == 12 * (4 * 5 + 6 * 7) + (18 + 30) * 8
    assert found.memory["state"] == 2 * (11 * 6 + 24 * 7)


def test_shape_of_a_pruned_network_is_that_of_its_quantised_form():
    x = np.random.default_rng(0).normal(size=(4, 9, 2))
    net = random_network(layers=2, width=5, state=8, inputs=2, classes=3, initialisation="lin")
    pruned = prune_shares(net, x, kernels=0.3, modes=0.25)
    shape = shape_of(pruned)
    assert shape == shape_of(quantise(pruned, widths(8), x))
    assert sum(layer.channels for layer in shape.layers) == 7
    assert (
        metrics(shape, widths(8), 9).total_effort
        < metrics(shape_of(net), widths(8), 9).total_effort
    )
