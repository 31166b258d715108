"""The graph of a network: nodes in the order of the flow, each with a typed operation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imssa_sim.errors import InternalError
from imssa_sim.program.operations.linear_map import LinearMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imssa_sim.program.operation import Operation

SOURCE = "sequences"
"""Name of the value that enters a graph: real inputs (B, L, d_in)."""


@dataclass(frozen=True)
class Node:
    """One operation of a graph.

    Attributes
    ----------
    name : str
        Of the node and of the value it gives (``encoder``, ``layer0.kernel``); a network's
        parameters are found by it, and clipped values are counted under it.
    operation : Operation
    inputs : tuple of str
        Names of the values it takes.
    stage : str
        The pipeline stage that it belongs to; neighbours of one stage share a digital unit.
    """

    name: str
    operation: Operation
    inputs: tuple[str, ...]
    stage: str

    @property
    def layer(self) -> int | None:
        """Number of the layer that it is in; None outside of the layers."""
        head, dot, _ = self.name.partition(".")
        return int(head.removeprefix("layer")) if dot and head.startswith("layer") else None


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of the flow; the last one's value is the result.

    Raises
    ------
    InternalError
        Two nodes have one name, or a node takes a value that no node before it gives.
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        known = {SOURCE}
        for node in self.nodes:
            missing = [name for name in node.inputs if name not in known]
            if missing or node.name in known:
                raise InternalError(f"node '{node.name}' is there twice, or lacks {missing}")
            known.add(node.name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def last_use(self) -> dict[str, int]:
        """Position of the last node that takes each value; behind the end for the result."""
        found = {name: i for i, node in enumerate(self.nodes) for name in node.inputs}
        return found | {self.nodes[-1].name: len(self.nodes)}

    @cached_property
    def pooled(self) -> frozenset[str]:
        """Names of the values that have one token per sequence."""
        found: set[str] = set()
        for node in self.nodes:
            if node.operation.pools or any(name in found for name in node.inputs):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def stages(self) -> dict[str, tuple[Node, ...]]:
        """Nodes by stage, in the order of the flow."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.stage, []).append(node)
        return {stage: tuple(nodes) for stage, nodes in found.items()}

    def behind(self, node: Node) -> Node:
        """Return the first node behind a recurrence that works on its outputs."""
        return next(other for other in self.nodes if node.name in other.inputs)

    def beside(self, node: Node) -> str:
        """Return the stage that adds the feed-through to a recurrence's outputs.

        The one behind it, where it is digital in any case; otherwise its own.
        """
        behind = self.behind(node)
        return node.stage if isinstance(behind.operation, LinearMap) else behind.stage

    def hands_on(self, node: Node) -> bool:
        """Whether a stage hands on this node's tokens, step by step, to the next stage."""
        last = node is self.stages[node.stage][-1]
        return last and node.name not in self.pooled and not node.operation.leaves

    def per_sequence(self, node: Node) -> bool:
        """Whether a node takes one token per sequence."""
        return any(name in self.pooled for name in node.inputs)

    def tokens(self, node: Node, length: int) -> int:
        """Return how many tokens a node takes per sequence of ``length`` steps."""
        return 1 if self.per_sequence(node) else length

    def useful_macs(self, length: int) -> int:
        """Return the multiply-accumulates that the network itself asks for, per inference.

        A kernel step counts 4M + 2M + 2M per channel and direction for A, B and C, and one per
        channel for D; a linear layer inputs x outputs. What was pruned does not count, nor do the
        inputs of linear layers that only that would feed. Zeros among the other weights count; GLU
        products, scaling, norm and tables do not.
        """
        return sum(
            self.tokens(node, length) * products.count
            for node in self.nodes
            for products in node.operation.products()
            if products.useful
        )
