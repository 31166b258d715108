"""Which kernels and modes of a layer are there: those that were pruned have output weights of zero.

A mode whose C is zero in every direction adds nothing to the output, whatever its A and B; a
kernel without such modes and with D = 0 gives zero, and GELU keeps it. So zeros say what was pruned
(`imssa_sim.reference.pruning`), training holds them (`imssa_sim.training.torch_network`), and the
quantised network leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import IntArray
from imssa_sim.ssm.interface import StateSpaceModel
from imssa_sim.ssm.recurrence import BoolArray, Recurrence


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

    @property
    def present(self) -> BoolArray:
        """Whether a place (K, M') holds a mode; the others are padding."""
        return np.asarray(np.arange(self.modes.shape[1]) < self.count[:, None])

    def of_recurrence(self, recurrence: Recurrence) -> Recurrence:
        """Return what is there of a recurrence with one block per channel."""
        a, b, c = map(self.of_modes, recurrence.per_channel())
        paired = self.of_modes(recurrence.paired).astype(np.bool_)
        d = recurrence.d[self.channels]
        return Recurrence(a, b[..., None], c[:, None], d, paired, recurrence.reverse)

    def of_modes(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (H, M) of the modes that are there, (K, M'), zero in the padding."""
        taken = np.take_along_axis(values[self.channels], self.modes, axis=1)
        return np.where(self.present, taken, 0)


def kept_modes(kernel: StateSpaceModel, all_channels: bool = False) -> KeptModes:
    """Return what is there of a layer's kernels: at least one kernel, and one mode of each.

    ``all_channels``: every channel has a kernel, because zeros of one mean something behind it.
    """
    alive = kernel.alive
    present = alive.any(axis=1) | (kernel.feedthrough != 0) | all_channels
    present[0] |= not present.any()
    channels = np.flatnonzero(present)
    alive = alive[channels]
    alive[:, 0] |= ~alive.any(axis=1)
    count = alive.sum(axis=1)
    modes = np.argsort(~alive, axis=1, kind="stable")[:, : int(count.max())]
    return KeptModes(channels, modes, count)
