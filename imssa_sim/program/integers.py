"""The integers of a quantised network by node, and the backend that runs them exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imssa_sim.program.blocks import DIRECTIONS, compose
from imssa_sim.program.operations.feedthrough import FeedthroughParameters
from imssa_sim.program.operations.head import HeadParameters
from imssa_sim.program.operations.sums import SumFactors
from imssa_sim.program.saturation import ClipCounter, Saturation
from imssa_sim.program.shape import shape_of

if TYPE_CHECKING:
    from imssa_sim.model.quantised import QuantisedDense, QuantisedLayer, QuantisedNetwork
    from imssa_sim.program.graph import Graph, Node


def graph_of(network: QuantisedNetwork) -> Graph:
    """Return the graph of a quantised network."""
    return compose(shape_of(network), network.bits)


def integer_parameters(network: QuantisedNetwork) -> dict[str, Any]:
    """Return what each operation takes (its `integers`), by the name of its node."""
    found: dict[str, Any] = {
        "input": network.input_scale,
        "encoder": network.encoder,
        "pool.sum": None,
        "pool": network.pool_requant,
        "decoder": HeadParameters(network.decoder, network.logit_scale),
        "log_softmax": None,
    }
    for number, layer in enumerate(network.layers):
        kernels = _dense(layer.dense) if layer.dense is not None else _kernels(layer)
        factors = layer.product_multiplier, layer.residual_multiplier, layer.sum_shift
        block = {
            "norm": layer.norm,
            "repeat": None,
            "select": layer.kernel_channels,
            "input": layer.input_requant,
            **kernels,
            "activation": layer.activation_table,
            "activated": layer.activation_requant,
            "linear": layer.linear,
            "gate": layer.gate_table,
            "function": layer.function_table,
            "product": layer.product_requant,
            "sum": SumFactors(*factors),
            "output": layer.output_requant,
        }
        found |= {f"layer{number}.{name}": value for name, value in block.items()}
    return found


def _kernels(layer: QuantisedLayer) -> dict[str, Any]:
    limit = layer.kernel.output_requant.limit
    return dict(zip(DIRECTIONS, layer.kernels, strict=False)) | {"directions": limit}


def _dense(dense: QuantisedDense) -> dict[str, Any]:
    return {
        "into": dense.into,
        **dict.fromkeys(DIRECTIONS, dense.modes),
        "states": None,
        "out": dense.out,
        "through": FeedthroughParameters(dense.d, dense.through_requant),
        "outputs": dense.out.requant.limit,
    }


class Integers:
    """A backend in exact integer arithmetic, which counts what its quantisers clip."""

    def __init__(self, network: QuantisedNetwork, saturation: Saturation | None = None) -> None:
        self.network = network
        self.parameters = integer_parameters(network)
        self.saturation = Saturation() if saturation is None else saturation

    def for_length(self, length: int) -> None:
        """Make means those of sequences of ``length`` steps."""
        self.parameters["pool"] = self.network.pool_requant_of(length)

    def run(self, node: Node, *values: Any) -> Any:
        """Return the value of a node from those of its inputs."""
        clips = ClipCounter(node.name, self.saturation)
        return node.operation.integers(self.parameters[node.name], *values, clips=clips)
