"""A family of state-space models: damped oscillators, given in discrete time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.interface import Sizes, StateSpaceModel
from imssa_sim.ssm.recurrence import Recurrence


@dataclass(frozen=True)
class Oscillators(StateSpaceModel):
    """Oscillators with a frequency and an output weight each, the same damping for all."""

    frequency: NDArray[np.float64]
    weight: NDArray[np.float64]
    through: NDArray[np.float64]

    anchors: ClassVar[Mapping[str, int]] = {"frequency": 2}

    @classmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> Oscillators:
        """Return random oscillators; the initialisation has no meaning here."""
        shape = (sizes.width, sizes.state // 2)
        return cls(rng.uniform(0, 1, shape), rng.normal(size=shape), rng.normal(size=sizes.width))

    @classmethod
    def shapes(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the stored arrays."""
        shape = (sizes.width, sizes.state // 2)
        return {"frequency": shape, "weight": shape, "D": (sizes.width,)}

    @classmethod
    def sizes_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes that the shapes tell."""
        width, modes = shapes["frequency"]
        return Sizes(width, 2 * modes)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> Oscillators:
        """Return the oscillators of stored arrays."""
        return cls(arrays["frequency"], arrays["weight"], arrays["D"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the stored arrays."""
        return {"frequency": self.frequency, "weight": self.weight, "D": self.through}

    @property
    def sizes(self) -> Sizes:
        """Sizes of this model."""
        return self.sizes_of({"frequency": self.frequency.shape})

    @property
    def modes(self) -> int:
        """Stored modes per channel."""
        return self.frequency.shape[1]

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether an oscillator has an output weight."""
        return self.weight != 0

    @property
    def feedthrough(self) -> NDArray[np.float64]:
        """D of each channel."""
        return self.through

    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence, which is discrete already."""
        a = 0.9 * np.exp(1j * self.frequency)
        b = 0.1 * np.ones((*a.shape, 1)) + 0j
        c = 2 * self.weight[:, None] + 0j
        return (Recurrence(a, b, c, self.through, np.ones(a.shape, dtype=bool)),)
