"""Walking a graph: order, freeing, and slices that change nothing."""

import numpy as np
import pytest

from imssa_sim.errors import InternalError
from imssa_sim.program import interpret
from imssa_sim.program.graph import SOURCE, Graph, Node
from imssa_sim.program.integers import Integers, graph_of
from imssa_sim.program.interpret import walk, walk_in_slices
from imssa_sim.program.operations.requantise import Requantise


@pytest.mark.parametrize("position", ["pre", "post", "none"])
@pytest.mark.parametrize("pruned", [False, True])
def test_slices_give_what_the_whole_gives(random_networks, monkeypatch, position, pruned):
    net = random_networks.network(
        3, position=position, bidirectional=True, pruned=pruned, channels=6, length=20
    )
    x = np.random.default_rng(0).normal(size=(5, 20, 2))
    graph, whole, parts = graph_of(net), Integers(net), Integers(net)
    expected = walk(graph, whole, x)
    monkeypatch.setattr(interpret, "SLICE", 7)
    np.testing.assert_array_equal(walk_in_slices(graph, parts, x), expected)
    assert parts.saturation == whole.saturation
    assert np.ptp(expected) > 0


def test_values_are_freed_after_their_last_use(random_networks):
    net = random_networks.network(1)

    class Held(Integers):
        def run(self, node, *values):
            held.append((node.name, len(values)))
            return super().run(node, *values)

    held = []
    graph = graph_of(net)
    walk(graph, Held(net), np.zeros((1, 12, 2)))
    assert [name for name, _ in held] == [node.name for node in graph]
    # The stream that enters a block is needed until its sum, every other value once.
    assert graph.last_use["encoder"] == [n.name for n in graph].index("layer0.sum")
    assert graph.last_use["layer0.linear"] == [n.name for n in graph].index("layer0.gate")


def test_a_graph_without_order_is_refused():
    with pytest.raises(InternalError, match="there twice, or lacks \\['missing'\\]"):
        Graph((Node("a", Requantise(1, 8), ("missing",), "a"),))
    once = Node("a", Requantise(1, 8), (SOURCE,), "a")
    with pytest.raises(InternalError, match="'a' is there twice"):
        Graph((once, once))
