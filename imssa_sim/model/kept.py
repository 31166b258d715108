"""How many kernels and states a quantised network has."""

from __future__ import annotations

from typing import NamedTuple

from imssa_sim.model.quantised import QuantisedNetwork


class KernelCount(NamedTuple):
    """The kernels of a quantised network, all layers and directions.

    Attributes
    ----------
    kernels, states : int
        That are there.
    whole : int
        Kernels, were none pruned.
    pruned : bool
        Whether a kernel, or a mode of one, is missing.
    """

    kernels: int
    states: int
    whole: int
    pruned: bool


def kernels_of(network: QuantisedNetwork) -> KernelCount:
    """Return how many kernels and states a quantised network has."""
    found = [kernel for layer in network.layers for kernel in layer.kernels]
    if not found:
        return _dense(network)
    kernels = sum(kernel.channels for kernel in found)
    whole = len(found) * network.encoder.weight.shape[0]
    thin = any((kernel.modes_of < kernel.modes).any() for kernel in found)
    return KernelCount(kernels, sum(k.states for k in found), whole, thin or kernels < whole)


def _dense(network: QuantisedNetwork) -> KernelCount:
    """Return one kernel a layer and direction, whose state all channels share."""
    found = [layer.dense for layer in network.layers if layer.dense is not None]
    directions = [1 + dense.bidirectional for dense in found]
    states = sum(n * dense.states for n, dense in zip(directions, found, strict=True))
    return KernelCount(sum(directions), states, sum(directions), pruned=False)
