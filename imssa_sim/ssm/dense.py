"""Models whose one state mixes all channels: diagonal A, dense B and C (S5, LRU)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.interface import Sizes, StateSpaceModel
from imssa_sim.ssm.recurrence import BoolArray, ComplexArray, Recurrence


@dataclass(frozen=True)
class DenseModel(StateSpaceModel):
    """One state of P complex modes on all H channels; ``y = Re(C x) + D u``.

    Attributes
    ----------
    B : complex array (P, H)
    C : complex array (H, P)
    D : array (H,)
    C_reverse : complex array (H, P) or None
        Output weights of the anticausal direction, whose output at a step has that step's input in
        it; A and B are those of the causal one.
    """

    B: ComplexArray
    C: ComplexArray
    D: FloatArray
    C_reverse: ComplexArray | None

    anchors: ClassVar[Mapping[str, int]] = {"kernel.B": 3}
    own: ClassVar[tuple[str, ...]]
    """Names of the family's real arrays of one value per mode."""

    def directions(self, a: ComplexArray, b: ComplexArray) -> tuple[Recurrence, ...]:
        """Return the recurrences of a discrete a (P,) and b (P, H)."""
        pairs = np.ones((1, a.size), dtype=np.bool_)
        causal = Recurrence(a[None], b[None], self.C[None], self.D, pairs)
        if self.C_reverse is None:
            return (causal,)
        nothing = np.zeros_like(self.D)
        other = replace(causal, c=self.C_reverse[None], d=nothing, reverse=True, inclusive=True)
        return causal, other

    @property
    def sizes(self) -> Sizes:
        """Sizes of this model."""
        modes, width = self.B.shape
        return Sizes(int(width), 2 * int(modes), self.C_reverse is not None)

    @property
    def modes(self) -> int:
        """Number of complex modes P."""
        return int(self.B.shape[0])

    @property
    def alive(self) -> BoolArray:
        """Whether each mode (1, P) has an output weight in some direction."""
        alive = (self.C != 0).any(axis=0)
        if self.C_reverse is not None:
            alive = alive | (self.C_reverse != 0).any(axis=0)
        return np.asarray(alive[None])

    @property
    def feedthrough(self) -> FloatArray:
        """D of each channel, (H,)."""
        return self.D

    @classmethod
    def shapes(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all stored arrays by name."""
        h, p = sizes.width, sizes.state // 2
        found: dict[str, tuple[int, ...]] = {f"kernel.{name}": (p,) for name in cls.own}
        found |= {"D": (h,), "kernel.B": (p, h, 2), "kernel.C": (h, p, 2)}
        if sizes.bidirectional:
            found["kernel.C_reverse"] = (h, p, 2)
        return found

    @classmethod
    def sizes_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes that the shapes of stored arrays tell."""
        modes, width, _ = shapes["kernel.B"]
        return Sizes(width, 2 * modes, "kernel.C_reverse" in shapes)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return the model of stored arrays."""

        def complex_(name: str) -> Any:
            pairs = arrays.get(name)
            return None if pairs is None else pairs[..., 0] + 1j * pairs[..., 1]

        return cls(
            complex_("kernel.B"),
            complex_("kernel.C"),
            arrays["D"],
            complex_("kernel.C_reverse"),
            *(arrays[f"kernel.{name}"] for name in cls.own),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all stored arrays by name, real or complex."""
        found: dict[str, NDArray[Any]] = {"D": self.D, "kernel.B": self.B, "kernel.C": self.C}
        if self.C_reverse is not None:
            found["kernel.C_reverse"] = self.C_reverse
        return found | {f"kernel.{name}": getattr(self, name) for name in self.own}


def complex_normal(rng: np.random.Generator, *shape: int) -> ComplexArray:
    """Return complex numbers of unit variance."""
    parts = rng.standard_normal((2, *shape)) * np.sqrt(0.5)
    return np.asarray(parts[0] + 1j * parts[1])
