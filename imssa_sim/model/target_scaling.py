"""How the values of a trained network's results stand to its targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imssa_sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

ENTRY = "targets"
"""Of a checkpoint's metadata."""


@dataclass(frozen=True)
class TargetScaling:
    """A network gives ``(target - mean) / deviation``, of each output (K,) [the targets' unit]."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(cls, targets: NDArray[np.float64]) -> TargetScaling:
        """Return mean and standard deviation of targets (…, K); 1 where all are equal."""
        flat = targets.reshape(-1, targets.shape[-1])
        mean, deviation = flat.mean(axis=0), flat.std(axis=0)
        deviation = np.where(deviation <= 1e-12 * np.abs(mean), 1.0, deviation)
        return cls(tuple(mean.tolist()), tuple(deviation.tolist()))

    def undone(self, results: ArrayLike) -> NDArray[np.float64]:
        """Return what a network gives (…, K) in the unit of the targets."""
        found = np.asarray(results, dtype=np.float64)
        return np.asarray(found * np.array(self.deviation) + np.array(self.mean))

    def done(self, targets: ArrayLike) -> NDArray[np.float64]:
        """Return targets (…, K) as a network is to give them."""
        return np.asarray((np.asarray(targets) - np.array(self.mean)) / np.array(self.deviation))


def scaling_from(metadata: Mapping[str, Any], outputs: int, source: str) -> TargetScaling | None:
    """Return the scaling that a checkpoint's metadata state; None where they state none.

    Raises
    ------
    InputError
        The entry is damaged, or for another number of outputs.
    """
    found = metadata.get(ENTRY)
    if found is None:
        return None
    try:
        scaling = TargetScaling(*(tuple(map(float, found[k])) for k in ("mean", "deviation")))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: its metadata entry '{ENTRY}' is damaged ({error})") from error
    if not len(scaling.mean) == len(scaling.deviation) == outputs:
        raise InputError(
            f"{source}: its metadata entry '{ENTRY}' is of {len(scaling.mean)} outputs, but the "
            f"network has {outputs}"
        )
    return scaling
