"""One walk over a graph: each node goes to a backend, values are freed after their last use.

Where a backend takes tokens apart, neighbouring nodes that work token by token run together on
slices of the tokens, which stay in the cache from node to node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from imssa_sim.program.graph import SOURCE
from imssa_sim.program.tokens import SLICE
from imssa_sim.threads import ordered_map

if TYPE_CHECKING:
    from imssa_sim.program.graph import Graph, Node


class Backend(Protocol):
    """What a graph runs on: floats, integers, a chip, …."""

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""


def walk(graph: Graph, backend: Backend, sequences: Any) -> Any:
    """Run a graph node by node on whole sequences, and return the result.

    Parameters
    ----------
    graph : Graph
    backend : Backend
    sequences : array (B, L, d_in)
    """
    values = {SOURCE: sequences}
    for at, node in enumerate(graph):
        value = backend.run(node, *(values[name] for name in node.inputs))
        _free(values, node, graph, at)
        values[node.name] = value
    return values[graph.nodes[-1].name]


def walk_in_slices(
    graph: Graph, backend: Backend, sequences: Any, side_by_side: bool = False
) -> Any:
    """Run a graph like `walk`, on NumPy arrays, with the work of each token together.

    ``side_by_side``: slices run on as many threads as are allowed (`imssa_sim.threads`); the
    backend's counts, of what is clipped for one, then mean nothing.
    """
    values = {SOURCE: sequences}
    first = 0
    while first < len(graph.nodes):
        last = first
        while last < len(graph.nodes) and graph.nodes[last].operation.by_token:
            last += 1
        if last == first:
            node = graph.nodes[first]
            values[node.name] = backend.run(node, *(values[name] for name in node.inputs))
            last += 1
        else:
            _run_by_token(graph, backend, values, first, last, side_by_side)
        for at in range(first, last):
            _free(values, graph.nodes[at], graph, at)
        first = last
    return values[graph.nodes[-1].name]


def _free(values: dict[str, Any], node: Node, graph: Graph, at: int) -> None:
    for name in node.inputs:
        if graph.last_use[name] == at:
            values.pop(name, None)


def _run_by_token(
    graph: Graph,
    backend: Backend,
    values: dict[str, Any],
    first: int,
    last: int,
    side_by_side: bool,
) -> None:
    """Run the nodes from ``first`` on, slice by slice; add to ``values`` what is used later."""
    nodes = graph.nodes[first:last]
    inside = {node.name for node in nodes}
    entering = {name for node in nodes for name in node.inputs if name not in inside}
    flat = {name: values[name].reshape(-1, values[name].shape[-1]) for name in entering}
    leaving = [node.name for node in nodes if graph.last_use[node.name] >= last]
    shape = values[next(iter(entering))].shape[:-1]
    tokens = int(np.prod(shape))

    def of_slice(start: int) -> dict[str, Any]:
        held = {name: value[start : start + SLICE] for name, value in flat.items()}
        for at, node in enumerate(nodes, first):
            value = backend.run(node, *(held[name] for name in node.inputs))
            _free(held, node, graph, at)
            held[node.name] = value
        return {name: held[name] for name in leaving}

    whole: dict[str, Any] = {}
    starts = range(0, tokens, SLICE)
    mapped = ordered_map if side_by_side else map
    for start, found in zip(starts, mapped(of_slice, starts), strict=True):
        for name, value in found.items():
            if name not in whole:
                whole[name] = np.empty((tokens, value.shape[-1]), value.dtype)
            whole[name][start : start + SLICE] = value
    values.update({name: value.reshape(*shape, -1) for name, value in whole.items()})
