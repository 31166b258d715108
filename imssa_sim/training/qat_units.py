"""Units of codes at every place of a network, differentiable in the ranges of its quantisers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from imssa_sim.quantisation.quantisers import code_limit

if TYPE_CHECKING:
    from torch import Tensor

    from imssa_sim.model.quantised import QuantisedNetwork
    from imssa_sim.quantisation.widths import BitWidths
    from imssa_sim.training.qat_network import QatModule


class Units:
    """Real values of one code.

    Parameters
    ----------
    module : QatModule
        Whose ranges they follow from.
    network : QuantisedNetwork

    Attributes
    ----------
    ends : dict of Tensor
        Outside of the layers, by the names of `imssa_sim.model.ranges.ENDS`.
    layers : tuple of dict of Tensor
        Of each layer, by the names of `imssa_sim.model.ranges.LayerRanges`.
    streams : list of Tensor
        Of the residual stream before each layer, and behind the last.
    """

    def __init__(self, module: QatModule, network: QuantisedNetwork) -> None:
        self.network, self.width = network, module.structure.width
        self.ends: dict[str, Tensor] = {}
        self.layers: tuple[dict[str, Tensor], ...] = tuple({} for _ in network.layers)
        wires = self.width * network.composition.copies
        for key, logarithm in module.ranges.items():
            kind = key.rsplit("/", 1)[-1]
            width = _width_of(network.bits, key)
            largest = torch.exp(logarithm)
            if kind == "gate":  # as in `imssa_sim.model.ptq`
                largest = largest.clamp(max=float(np.log(2.0 ** (width + 1) - 1)))
            if kind == "kernel_input":  # one for each channel that kernels take
                largest = (largest * module.shares[key]).expand(wires)
            part = self.layers[int(key.split("/")[1])] if "/" in key else self.ends
            part[kind] = largest / code_limit(width)
        self.streams = [*(layer["residual"] for layer in self.layers), self.ends["final"]]

    def mapped(self, i: int) -> Tensor:
        """Return that of what a layer's mixing map gives; with two halves, of each output."""
        unit = self.layers[i]
        if self.network.composition.mixing == "glu":
            return torch.cat([unit["value"].expand(self.width), unit["gate"].expand(self.width)])
        return unit["gate" if "gate" in unit else "value"]

    def normed(self, i: int) -> Tensor:
        """Return that behind a layer's norm: of the kernels' inputs, or of the stream."""
        if self.network.layers[i].norm_position == "pre":
            return self.layers[i]["kernel_input"][: self.width]  # copies share it
        return self.streams[i + 1]

    def requantised(self, name: str, i: int | None) -> Tensor:
        """Return that behind the requantiser of a node of layer i, or behind the pool."""
        if i is None:
            return self.ends["pooled"]
        unit = self.layers[i]
        match name.rsplit(".", 1)[-1]:
            case "input":
                return unit["kernel_input"][self.network.layers[i].kernel_channels]
            case "activated":
                return unit["gelu"]
            case "product":
                return unit["mixed"]
        return self.streams[i + 1]

    def state(self, i: int) -> Tensor:
        """Return those (P,) of the modes of one state for all channels; directions share them."""
        unit = self.layers[i]
        state = unit["state"][0]
        if "state_reverse" in unit:
            return torch.maximum(state, unit["state_reverse"][0])
        return state


def _width_of(bits: BitWidths, key: str) -> int:
    """Return the width of the codes that a range, by its key, is for."""
    kind = key.rsplit("/", 1)[-1]
    if not key.startswith("layers/") or kind == "residual":
        return bits.activations
    own = bits.of_layer(int(key.split("/")[1])).widths()
    if kind == "increment":
        return own["kernel_output"]
    return own.get(kind.removesuffix("_reverse"), own["activations"])
