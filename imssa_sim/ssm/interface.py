"""What a family of state-space models says of itself; all else follows from its recurrence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.quantisation.quantisers import FloatArray, Granularity
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.recurrence import BoolArray, Recurrence


@dataclass(frozen=True)
class Sizes:
    """Sizes of one layer's model.

    Attributes
    ----------
    width : int
        Channels H.
    state : int
        Real states N per block.
    bidirectional : bool
        Whether there is an anticausal direction.
    copies : int
        Kernels that take each channel; the model then gives ``copies * width`` outputs.
    real_modes : bool
        Whether each mode is one real state, none a conjugate pair.
    """

    width: int
    state: int
    bidirectional: bool = False
    copies: int = 1
    real_modes: bool = False


class StateSpaceModel(ABC):
    """The state-space model of one layer: parameters, as they are trained and stored.

    A family is a subclass, frozen, under a name in `imssa_sim.ssm.families.FAMILIES`; packages of
    their own add theirs through the entry point group ``imssa_sim.ssm``. It takes H channels and
    gives H, whatever happens to them between.
    """

    optional: ClassVar[tuple[str, ...]] = ()
    """Names of stored arrays that may be absent."""
    anchors: ClassVar[Mapping[str, int]]
    """Stored arrays that no model lacks and whose shapes give the sizes, with their dimensions."""

    @classmethod
    @abstractmethod
    def initial(
        cls,
        rng: np.random.Generator,
        sizes: Sizes,
        initialisation: str,
        dt_range: tuple[float, float],
    ) -> Self:
        """Return an untrained model.

        Parameters
        ----------
        rng : Generator
            Of all draws.
        sizes : Sizes
        initialisation : str
            Name of an initial state matrix.
        dt_range : tuple of float
            Least and largest time step [steps of the sequence].
        """

    @classmethod
    @abstractmethod
    def shapes(cls, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """Return the shapes of all stored arrays by name, `optional` ones among them.

        Names count from the layer (``D``, ``kernel.C``); complex arrays have a last axis of two.
        """

    @classmethod
    @abstractmethod
    def sizes_of(cls, shapes: Mapping[str, tuple[int, ...]]) -> Sizes:
        """Return the sizes that the shapes of stored arrays, `anchors` among them, tell."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return the model of stored arrays, whose names and shapes have been checked."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all stored arrays by name, real or complex."""

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """Sizes of this model."""

    @property
    @abstractmethod
    def modes(self) -> int:
        """Stored modes M per block."""

    @abstractmethod
    def recurrences(self, discretisation: Discretisation) -> tuple[Recurrence, ...]:
        """Return the recurrence in discrete time: causal, then anticausal where there is one."""

    def for_length(self, steps: int) -> Self:
        """Return the model for sequences of ``steps`` steps, itself where that does not matter."""
        return self

    @property
    def channels(self) -> int:
        """Number of kernels' outputs, the channels H times the kernels on each."""
        return self.sizes.width * self.sizes.copies

    @property
    def parameters(self) -> int:
        """Number of trained real parameters; a complex one counts twice."""
        return sum(a.size * (2 if np.iscomplexobj(a) else 1) for a in self.arrays().values())

    @property
    @abstractmethod
    def alive(self) -> BoolArray:
        """Whether each mode (G, M) has an output weight in some direction."""

    @property
    @abstractmethod
    def feedthrough(self) -> FloatArray:
        """D of each channel, (H,)."""

    def on_time_grid(self, bits: int, granularity: Granularity) -> Self:
        """Return the model with its time steps as codes of ``bits`` bits stand for them.

        A family whose time steps are no numbers of their own returns itself.
        """
        return self

    def silenced(self, modes: BoolArray, channels: BoolArray) -> Self:
        """Return the model without the output weights of ``modes`` (G, M) and whole ``channels``.

        Raises
        ------
        InputError
            The family knows no pruning.
        """
        raise InputError(f"{type(self).__name__} cannot be pruned: its family does not say how")

    def with_modes(self, keep: NDArray[np.int64]) -> Self:
        """Return the model with the modes at places ``keep`` (G, M') alone.

        Raises
        ------
        InputError
            The family knows no pruning.
        """
        raise InputError(f"{type(self).__name__} cannot be pruned: its family does not say how")


def mixes_channels(model: StateSpaceModel) -> bool:
    """Whether one state takes all channels and gives all, between dense maps (S5, LRU)."""
    return len(model.alive) != model.channels
