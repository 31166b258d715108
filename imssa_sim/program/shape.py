"""What a network is, apart from its values: all that its graph depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imssa_sim.model.network import REFERENCE, Composition, Network
from imssa_sim.model.quantised import QuantisedLayer, QuantisedNetwork
from imssa_sim.ssm.forms import LOOKAHEAD, OutputForm
from imssa_sim.ssm.interface import mixes_channels
from imssa_sim.ssm.kept import kept_modes

Position = Literal["pre", "post", "none"]


@dataclass(frozen=True)
class LayerShape:
    """One block.

    Attributes
    ----------
    channels, states : int
        Kernels, and real states of all of them together, in one direction; pruned ones left out.
    bidirectional : bool
    dense : bool
        Whether one state mixes all channels, between dense maps; ``states`` are then its own.
    norm : {"pre", "post", "none"}
        Where the block is normalised.
    form : OutputForm
        How the kernels' outputs are formed (`QuantisedKernel`).
    """

    channels: int
    states: int
    bidirectional: bool = False
    norm: Position = "post"
    form: OutputForm = LOOKAHEAD
    dense: bool = False


@dataclass(frozen=True)
class NetworkShape:
    """A network: inputs, width H of the residual stream, classes, the layers between, and how."""

    inputs: int
    width: int
    classes: int
    layers: tuple[LayerShape, ...]
    composition: Composition = REFERENCE

    @classmethod
    def uniform(
        cls,
        *,
        layers: int,
        width: int,
        state: int,
        inputs: int,
        classes: int,
        bidirectional: bool = False,
        norm: Position = "post",
        composition: Composition = REFERENCE,
        dense: bool = False,
    ) -> NetworkShape:
        """Return a network of equal layers with a kernel of ``state`` real states per channel."""
        channels = width * composition.copies
        states = state if dense else channels * state
        layer = LayerShape(channels, states, bidirectional, norm, dense=dense)
        return cls(inputs, width, classes, (layer,) * layers, composition)


def _quantised(layer: QuantisedLayer) -> LayerShape:
    position, dense = layer.norm_position, layer.dense
    if dense is not None:
        return LayerShape(len(dense.d), dense.states, dense.bidirectional, position, dense=True)
    kernel, both = layer.kernel, len(layer.kernels) > 1
    return LayerShape(kernel.channels, kernel.states, both, position, kernel.form)


def shape_of(network: Network | QuantisedNetwork) -> NetworkShape:
    """Return the shape of a float or quantised network."""
    if isinstance(network, QuantisedNetwork):
        width, inputs = network.encoder.weight.shape
        layers = tuple(map(_quantised, network.layers))
        classes = network.decoder.weight.shape[0]
        return NetworkShape(inputs, width, classes, layers, network.composition)
    found = []
    for held in network.layers:
        norm: Position = "none" if held.norm is None else network.norm_position
        both = held.kernel.sizes.bidirectional
        dense = mixes_channels(held.kernel)
        if not dense:
            kept = kept_modes(held.kernel, network.composition.needs_all_channels)
            channels, states = len(kept.channels), 2 * int(kept.count.sum())
        else:  # blocks that mix channels are there as a whole
            channels, states = held.kernel.channels, 2 * held.kernel.alive.size
        found.append(LayerShape(channels, states, both, norm, dense=dense))
    sizes = network.inputs, network.width, network.classes
    return NetworkShape(*sizes, tuple(found), network.composition)
