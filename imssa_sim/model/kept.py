"""Which kernels and modes of a layer are there: those that were pruned have output weights of zero.

A mode whose C is zero in every direction adds nothing to the output, whatever its A and B; a
kernel without such modes and with D = 0 gives zero, and GELU keeps it. So zeros say what was pruned
(`imssa_sim.model.pruning`), training holds them (`imssa_sim.training.torch_network`), and the
quantised network leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imssa_sim.model.network import S4DKernel
from imssa_sim.model.quantised import FloatArray, IntArray, QuantisedNetwork


@dataclass(frozen=True)
class KeptModes:
    """The kernels and modes of one layer that are there.

    Attributes
    ----------
    channels : int array (K,)
        Channels that have a kernel, ascending.
    modes : int array (K, M')
        Their modes in ascending order; behind the first ``count`` of them, padding.
    count : int array (K,)
    """

    channels: IntArray
    modes: IntArray
    count: IntArray

    def of_channels(self, values: FloatArray) -> FloatArray:
        """Return values (H, …) of the channels that have a kernel, (K, …)."""
        return np.asarray(values[self.channels])

    def of_modes(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (H, M) of the modes that are there, (K, M'), zero in the padding."""
        taken = np.take_along_axis(values[self.channels], self.modes, axis=1)
        return np.where(np.arange(self.modes.shape[1]) < self.count[:, None], taken, 0)


def alive_modes(kernel: S4DKernel) -> NDArray[np.bool_]:
    """Return whether each mode (H, M) has an output weight."""
    alive = np.asarray(kernel.C != 0)
    return alive if kernel.C_reverse is None else alive | (kernel.C_reverse != 0)


def kept_modes(kernel: S4DKernel) -> KeptModes:
    """Return what is there of a layer's kernels: at least one kernel, and one mode of each."""
    alive = alive_modes(kernel)
    present = alive.any(axis=1) | (kernel.D != 0)
    present[0] |= not present.any()
    channels = np.flatnonzero(present)
    alive = alive[channels]
    alive[:, 0] |= ~alive.any(axis=1)
    count = alive.sum(axis=1)
    modes = np.argsort(~alive, axis=1, kind="stable")[:, : int(count.max())]
    return KeptModes(channels, modes, count)


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
    found = [
        kernel
        for layer in network.layers
        for kernel in (layer.kernel, layer.kernel_reverse)
        if kernel is not None
    ]
    kernels = sum(kernel.channels for kernel in found)
    whole = len(found) * network.encoder.weight.shape[0]
    thin = any((kernel.modes_of < kernel.modes).any() for kernel in found)
    return KernelCount(kernels, sum(k.states for k in found), whole, thin or kernels < whole)
