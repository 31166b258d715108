"""Networks composed of operations: which nodes, in which stages, with which counts."""

from dataclasses import replace

import numpy as np
import pytest

from imssa_sim.model.initialise import random_network
from imssa_sim.model.network import Composition
from imssa_sim.program.blocks import compose
from imssa_sim.program.integers import graph_of, integer_parameters
from imssa_sim.program.metrics import FLOAT_BITS
from imssa_sim.program.shape import NetworkShape, shape_of

SIZES = {"layers": 2, "width": 8, "state": 4, "inputs": 1, "classes": 10}


def names(graph, layer):
    return [node.name.split(".")[1] for node in graph if node.layer == layer]


@pytest.mark.parametrize(
    ("position", "first", "last"),
    [("pre", "norm", "output"), ("post", "input", "norm"), ("none", "input", "output")],
)
def test_the_norm_stands_where_it_should(position, first, last):
    graph = compose(NetworkShape.uniform(**SIZES, norm=position), FLOAT_BITS)
    middle = ["kernel", "activation", "linear", "gate", "sum"]
    assert names(graph, 1) == [first, *middle, last]
    assert graph["layer1.sum"].inputs[1] == f"layer0.{last}"  # the residual stream


def test_directions_are_summed_before_the_activation():
    graph = compose(NetworkShape.uniform(**SIZES, bidirectional=True), FLOAT_BITS)
    assert graph["layer0.directions"].inputs == ("layer0.kernel", "layer0.kernel_reverse")
    assert graph["layer0.kernel_reverse"].inputs == graph["layer0.kernel"].inputs
    assert graph["layer0.activation"].inputs == ("layer0.directions",)
    assert graph.behind(graph["layer0.kernel_reverse"]).name == "layer0.directions"


@pytest.mark.parametrize("position", ["pre", "post"])
def test_pruned_channels_are_selected(random_networks, position):
    net = random_networks.network(2, channels=6, pruned=True, position=position)
    graph, parameters = graph_of(net), integer_parameters(net)
    assert "layer0.select" in [node.name for node in graph]
    for node in graph:
        assert node.name in parameters
    assert graph["layer0.kernel"].operation.outputs == net.layers[0].kernel.channels < 6
    assert graph.useful_macs(12) < graph_of(random_networks.network(2, channels=6)).useful_macs(12)


@pytest.mark.parametrize("both", [False, True])
def test_floats_and_integers_have_one_topology(random_networks, both):
    net = random_networks.network(0, channels=4, modes=2, classes=3, bidirectional=both)
    floats = random_network(layers=2, width=4, state=4, inputs=2, classes=3, bidirectional=both)
    assert compose(shape_of(floats), net.bits) == graph_of(net)


def test_the_feed_through_of_two_directions_counts_once():
    # 2 layers, H = 8, N = 4, L = 64: 2·2·(8·4·4) for A, B, C, 8 for D, 128 for the linear map.
    graph = compose(NetworkShape.uniform(**SIZES, bidirectional=True), FLOAT_BITS)
    assert graph.useful_macs(64) == 64 * (8 + 2 * (2 * 128 + 8 + 128)) + 80 == 50_768


def composed(**made):
    shape = NetworkShape.uniform(**(SIZES | {"layers": 1}), norm="none")
    return compose(replace(shape, composition=Composition(**made)), FLOAT_BITS)


@pytest.mark.parametrize(
    ("made", "nodes"),
    [
        ({"activation": "none", "residual": False}, ["kernel", "linear", "gate"]),
        ({"mixing": "relu"}, ["kernel", "activation", "linear", "function", "sum"]),
        ({"mixing": "plain", "residual": False}, ["kernel", "activation", "linear"]),
        ({"mixing": "none"}, ["kernel", "activation", "sum"]),
    ],
)
def test_blocks_have_the_operations_of_their_composition(made, nodes):
    assert names(composed(**made), 0) == ["input", *nodes, "output"]


def test_gates_take_the_values_of_their_kind():
    assert composed()["layer0.gate"].inputs == ("layer0.linear",)
    kinds = "half_glu1", "half_glu2"
    halves = {kind: composed(mixing=kind)["layer0.gate"].inputs for kind in kinds}
    assert halves["half_glu1"] == ("layer0.activation", "layer0.linear")
    assert halves["half_glu2"] == ("layer0.kernel", "layer0.linear")


def test_pooling_and_output():
    assert [n.name for n in composed(pooling="none") if n.layer is None][-1] == "decoder"
    last = composed(pooling="last", output="log_softmax")
    assert last.nodes[-1].name == "log_softmax"
    assert "pool" in last.pooled
    assert last["decoder"].inputs == ("pool",)


def test_copies_widen_the_token_and_integers_follow():
    graph = composed(copies=3, mixing="half_glu1", pooling="last")
    repeat, last, gate = (graph[n].operation for n in ("layer0.repeat", "pool", "layer0.gate"))
    codes = np.arange(12, dtype=np.int16).reshape(1, 3, 4)
    assert repeat.integers(None, codes, clips=None).shape == (1, 3, 12)
    np.testing.assert_array_equal(last.integers(None, codes, clips=None), codes[:, -1])
    value, opens = np.array([[1, 2]], np.int16), np.array([[-1, 1]], np.int16)
    table = np.array([0, 5, 7])
    gate = replace(gate, outputs=2)
    np.testing.assert_array_equal(gate.integers(table, value, opens, clips=None), [[0, 14]])
