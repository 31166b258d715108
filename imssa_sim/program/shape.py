"""What a network is, apart from its values: all that its graph depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imssa_sim.model.network import REFERENCE, Composition, Network
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.ssm.forms import LOOKAHEAD, OutputForm
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
    ) -> NetworkShape:
        """Return a network of equal layers with a kernel of ``state`` real states per channel."""
        channels = width * composition.copies
        layer = LayerShape(channels, channels * state, bidirectional, norm)
        return cls(inputs, width, classes, (layer,) * layers, composition)


def shape_of(network: Network | QuantisedNetwork) -> NetworkShape:
    """Return the shape of a float or quantised network."""
    if isinstance(network, QuantisedNetwork):
        width, inputs = network.encoder.weight.shape
        layers = tuple(
            LayerShape(
                layer.kernel.channels,
                layer.kernel.states,
                len(layer.kernels) > 1,
                layer.norm_position,
                layer.kernel.form,
            )
            for layer in network.layers
        )
        classes = network.decoder.weight.shape[0]
        return NetworkShape(inputs, width, classes, layers, network.composition)
    found = []
    for held in network.layers:
        norm: Position = "none" if held.norm is None else network.norm_position
        both = held.kernel.sizes.bidirectional
        if len(held.kernel.alive) == held.kernel.channels:
            kept = kept_modes(held.kernel, network.composition.needs_all_channels)
            channels, states = len(kept.channels), 2 * int(kept.count.sum())
        else:  # blocks that mix channels are there as a whole
            channels, states = held.kernel.channels, 2 * held.kernel.alive.size
        found.append(LayerShape(channels, states, both, norm))
    sizes = network.inputs, network.width, network.classes
    return NetworkShape(*sizes, tuple(found), network.composition)
